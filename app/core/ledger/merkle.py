"""Merkle trees over the leaves of a seal. Hashes are 32 bytes.

Source: RFC 9162 section 2.1, the same trees as RFC 6962
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32


def leaf_hash(content: bytes) -> bytes:
    """The leaf of one entry. The prefix distinguishes entries from nodes."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaves. Without leaves it is the hash of no bytes."""
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from the leaf at ``index`` to the root, the lowest first.

    :raises IndexError: there is no such leaf
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path, level = [], list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, index = _level_above(level), index >> 1
    return path


def root_of_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its inclusion path lead to; null when the path does not fit a tree of ``count`` leaves.

    Source: RFC 9162 section 2.1.3.2
    """
    if not 0 <= index < count:
        return None
    node, last, found = index, count - 1, leaf
    for each in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            found = node_hash(each, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, each)
        node, last = node >> 1, last >> 1
    return found if last == 0 else None


def split(leaves: bytes) -> list[bytes]:
    """The leaves that a seal stores one after the other."""
    return [leaves[at : at + HASH_BYTES] for at in range(0, len(leaves), HASH_BYTES)]


def _level_above(level: list[bytes]) -> list[bytes]:
    """The nodes over pairs. A node without a partner moves up unchanged, as RFC 9162's left-complete trees have it."""
    above = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return above + level[-1:] if len(level) & 1 else above
