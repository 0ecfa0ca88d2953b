"""The people that the rows of a file are about, so that no two rows are about one person."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.core.imports.rows import Row

# Rows behind so many people are not compared with them by a dry run; the import itself compares every row.
PEOPLE_MAX = 1_500_000


@dataclass
class Seen:
    """External ids, addresses, numbers and contacts.

    :param known: short hashes of those of earlier chunks; it is not changed
    :param added: those of this chunk
    """

    known: "set[int]" = field(default_factory=set)
    added: "set[str]" = field(default_factory=set)

    @property
    def added_hashes(self) -> "set[int]":
        return set(map(_short, self.added))

    def has(self, row: Row) -> bool:
        """Whether an earlier row is about the same person."""
        return any(self._has(key) for key in _keys(row))

    def has_contact(self, contact_id: int) -> bool:
        return self._has(f"contact {contact_id}")

    def add(self, row: Row, contact_id: int | None) -> None:
        """Note whom a row is about.

        :param contact_id: of the contact that it matches; null: it is a new one
        """
        if len(self.known) + len(self.added) >= PEOPLE_MAX:
            return
        self.added.update(_keys(row))
        if row.phone:
            self.added.add(f"number {row.phone.e164}")
        if contact_id is not None:
            self.added.add(f"contact {contact_id}")

    def _has(self, key: str) -> bool:
        return key in self.added or (bool(self.known) and _short(key) in self.known)


def _keys(row: Row) -> Iterable[str]:
    external_id, address = row.values.get("external_id"), row.values.get("email")
    if external_id:
        yield f"external id {external_id}"
    if address:
        yield f"address {address}"
    if row.public_id:
        yield f"public id {row.public_id}"
    if row.phone and not external_id and not address and not row.public_id:
        yield f"number {row.phone.e164}"


def _short(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
