"""The file of a backup: a ZIP archive of parts, with a manifest that has the hash of each part."""

import fcntl
import glob
import hashlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

from app.core.errors import InvalidState

_FORMAT = 1
_MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 20
_ERRORS_OF_DAMAGED_FILES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True)
class TableContent:
    """The number of rows of one table, and its columns in the order of the part (empty where the part is no table)."""

    rows: int
    columns: list[str]


@dataclass(frozen=True)
class Content:
    """What a database wrote to the archive. ``sequences`` has the last id of each table's sequence."""

    revision: str
    tables: dict[str, TableContent]
    sequences: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """The description of a backup. ``parts`` has the SHA-256 of each part, by name."""

    program: str
    engine: str
    revision: str
    made_at: str
    key_check: str
    has_key: bool
    tables: dict[str, TableContent]
    sequences: dict[str, int]
    parts: dict[str, str]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


class Parts:
    """Writes the parts of a new archive, one after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.written: dict[str, str] = {}

    @contextmanager
    def part(self, name: str) -> Iterator["PartWriter"]:
        """Begin a part, which is written in chunks."""
        with self._archive.open(name, "w", force_zip64=True) as out:
            writer = PartWriter(out)
            yield writer
        self.written[name] = writer.sha256.hexdigest()

    def add(self, name: str, content: bytes) -> None:
        with self.part(name) as writer:
            writer.write(content)

    def finish(self, manifest: Manifest) -> None:
        self._archive.writestr(_MANIFEST, json.dumps({"format": _FORMAT} | asdict(manifest), indent=1))


class PartWriter:
    """Writes chunks of one part and computes their hash."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._out.write(chunk)
        self.sha256.update(chunk)


class Backup:
    """An archive whose parts all have the hashes of the manifest."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest

    def chunks(self, name: str) -> Iterator[bytes]:
        with self._archive.open(name) as part:
            while chunk := part.read(_CHUNK_BYTES):
                yield chunk

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))


@contextmanager
def create(file: Path) -> Iterator[Parts]:
    """Create an archive that only its owner can read. It appears under its name when the block ends without error."""
    with temporary_beside(file) as (temporary, out):
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            yield Parts(archive)
        out.flush()
        os.fsync(out.fileno())
        temporary.replace(file)
        sync_folder(file.parent)


@contextmanager
def temporary_beside(file: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """An empty file in the same folder, which only its owner can read. It is deleted at the end, unless it was renamed.

    Those that a killed process left there hold personal data: they are deleted first.
    """
    for left in file.parent.glob(f".{glob.escape(file.name)}.{'[0-9a-f]' * 8}"):
        _delete_unless_used(left)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            yield temporary, out
    finally:
        _delete(temporary)


def _delete_unless_used(left: Path) -> None:
    """Delete a temporary file unless another process is writing it, which holds its lock."""
    with suppress(OSError), left.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _delete(left)


def _delete(temporary: Path) -> None:
    for each in (temporary, temporary.with_name(f"{temporary.name}-journal")):
        each.unlink(missing_ok=True)


@contextmanager
def open_backup(file: Path) -> Iterator[Backup]:
    """Open an archive to restore from.

    :raises InvalidState: it is not a backup, or a part does not have its hash
    """
    with file.open("rb") as raw:
        try:
            archive = zipfile.ZipFile(raw)
            backup = Backup(archive, _manifest(archive))
            _verify(backup)
        except _ERRORS_OF_DAMAGED_FILES as problem:
            raise InvalidState(
                "%(file)s is no complete backup (%(problem)s); nothing was changed.",
                file=str(file),
                problem=str(problem),
            ) from None
        yield backup


def sync_folder(folder: Path) -> None:
    """Write a folder to disk, so that a renamed file has its new name after a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    values: dict[str, Any] = json.loads(archive.read(_MANIFEST))
    if values.pop("format") != _FORMAT:
        raise ValueError("of a format that this version does not know")
    values["tables"] = {name: TableContent(**table) for name, table in values["tables"].items()}
    return Manifest(**values)


def _verify(backup: Backup) -> None:
    for name, expected in backup.manifest.parts.items():
        found = hashlib.sha256()
        for chunk in backup.chunks(name):
            found.update(chunk)
        if found.hexdigest() != expected:
            raise ValueError(f"part {name} is not what was written")
