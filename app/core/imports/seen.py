"""The people that the rows of a file are about, so that no two rows are about one person."""

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.core.imports.rows import Row

# Rows behind so many people are not compared with them by a dry run; the import itself compares every row.
PEOPLE_MAX = 2_000_000


@dataclass
class Seen:
    """Short hashes of external ids, addresses, numbers and contacts of earlier rows. ``new`` are those of this chunk."""

    known: set[int] = field(default_factory=set)
    new: "array[int]" = field(default_factory=lambda: array("Q"))

    def has(self, row: Row) -> bool:
        """Whether an earlier row is about the same person."""
        return any(_short(key) in self.known for key in _keys(row))

    def has_contact(self, contact_id: int) -> bool:
        return _short(f"contact {contact_id}") in self.known

    def add(self, row: Row, contact_id: int | None) -> None:
        """Note whom a row is about.

        :param contact_id: of the contact that it matches; null: it is a new one
        """
        keys = [*_keys(row), f"number {row.phone.e164}" if row.phone else ""]
        keys.append(f"contact {contact_id}" if contact_id is not None else "")
        for short in {_short(key) for key in keys if key}:
            if len(self.known) < PEOPLE_MAX:
                self.known.add(short)
                self.new.append(short)


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
