"""The file of a backup: a ZIP of parts, and a manifest that holds the hash of each."""

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
from typing import IO, Any

from app.core.errors import InvalidState

_FORMAT = 1
_MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class TableContent:
    """How many rows of which columns, in the order of the part."""

    rows: int
    columns: list[str]


@dataclass(frozen=True)
class Content:
    """What a database put into the archive. ``sequences``: the last number given out, by table."""

    revision: str
    tables: dict[str, TableContent]
    sequences: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What a backup is of. ``parts``: SHA-256 of each, by name."""

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
    """Where the parts of a new archive are written, one after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.written: dict[str, str] = {}

    @contextmanager
    def part(self, name: str) -> Iterator["Sink"]:
        """A new part, to be written in chunks."""
        with self._archive.open(name, "w", force_zip64=True) as out:
            sink = Sink(out)
            yield sink
        self.written[name] = sink.sha256.hexdigest()

    def add(self, name: str, content: bytes) -> None:
        with self.part(name) as sink:
            sink.write(content)

    def finish(self, manifest: Manifest) -> None:
        self._archive.writestr(_MANIFEST, json.dumps({"format": _FORMAT} | asdict(manifest), indent=1))


class Sink:
    """Takes chunks, and hashes what it takes."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._out.write(chunk)
        self.sha256.update(chunk)


class Backup:
    """An archive whose parts were all found as they were written."""

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
def writing(file: Path) -> Iterator[Parts]:
    """A new archive: readable by its owner only, in place under its name when it is complete, not at all otherwise."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                yield Parts(archive)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        sync_folder(file.parent)
    except BaseException:
        with suppress(FileNotFoundError):
            fresh.unlink()
        raise


@contextmanager
def reading(file: Path) -> Iterator[Backup]:
    """An archive to restore from.

    :raises InvalidState: it is no backup, or any part is not what was written
    """
    with file.open("rb") as raw:
        try:
            archive = zipfile.ZipFile(raw)
            backup = Backup(archive, _manifest(archive))
            _verify(backup)
        except _DAMAGE as problem:
            raise InvalidState(f"{file} is no complete backup ({problem}); nothing was changed.") from None
        yield backup


def sync_folder(folder: Path) -> None:
    """Make sure that a renamed file is found under its new name after a power loss."""
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
