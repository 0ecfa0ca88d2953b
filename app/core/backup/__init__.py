"""One file that brings everything back: taken while serving, checked before anything is touched."""

import os
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from app import migrations
from app.config import VERSION, Settings
from app.core import clock
from app.core.backup import archive, postgresql, sqlite
from app.core.backup import opt_outs as noes
from app.core.backup.archive import Backup, Manifest
from app.core.contacts import number_rules
from app.core.errors import InvalidState
from app.core.signing import Keys
from app.core.workspace import bootstrap as store
from app.db import Database

KEY_PART = "secret_key"


def write(settings: Settings, database: Database, file: Path) -> Manifest:
    """Put a consistent copy of the database into ``file`` (mode 0600); what it holds comes back.

    The secret key goes in when it is kept in the instance folder: suppressions are hashes under it, and would be lost
    without. Writers are not kept waiting. The file appears when it is complete, in place of an older one.

    :raises InvalidState: the database is not ready
    """
    if reason := store.why_not_ready(database):
        raise InvalidState(reason)
    key_file = settings.instance / "secret_key"
    has_key = settings.sources.get("secret_key") == str(key_file)
    engine = sqlite if database.is_sqlite else postgresql
    with archive.writing(file) as parts:
        content = engine.write(database, parts)
        if has_key:
            parts.add(KEY_PART, key_file.read_bytes())
        manifest = Manifest(
            program=VERSION,
            engine=engine.NAME,
            revision=content.revision,
            made_at=clock.now().isoformat(timespec="seconds"),
            key_check=Keys(settings.secret_key).check,
            has_key=has_key,
            tables=content.tables,
            sequences=content.sequences,
            parts=parts.written,
        )
        parts.finish(manifest)
    return manifest


@dataclass(frozen=True)
class Restored:
    """What came back. ``carried_over``: numbers that are suppressed because of what was replaced.

    Null when what was replaced could not be read, or was of another key: who said no in it may be texted.
    """

    manifest: Manifest
    carried_over: int | None


def restore(settings: Settings, file: Path, *, replace: bool, had_key: bool) -> Restored:
    """Bring back what ``file`` holds, then migrate it to this version. The servers must be stopped.

    Everything in the file is checked against its hashes before anything is touched; on PostgreSQL all of it is one
    transaction, on SQLite one renamed file. Whoever said no in what is replaced stays suppressed.

    :param replace: give up what the database holds, and the secret key if it is another one
    :param had_key: the secret key in the instance folder is older than this call
    :raises InvalidState: the file is damaged or does not fit; the database holds data or is in use; another key
    """
    engine = sqlite if settings.is_sqlite else postgresql
    with archive.reading(file) as backup:
        _check_fits(backup.manifest, engine.NAME)
        key = _key_to_install(settings, backup, replace=replace, had_key=had_key)
        if not replace and not engine.is_empty(settings):
            raise InvalidState("The database holds data. Restore with --replace to give that up.")
        before = noes.read(settings) if replace and key is None else None if replace else noes.Noes()
        engine.restore(settings, backup)
        if key is not None:
            _install_key(settings.instance / "secret_key", key)
            settings = changed(settings, secret_key=key.decode().strip())
    database = store.open_database(settings, connections=1)
    try:
        store.make_ready(database)
        number_rules.apply(database)
        carried_over = None if before is None else noes.carry_over(database, before, at=clock.now())
    finally:
        database.close()
    return Restored(backup.manifest, carried_over)


def _check_fits(manifest: Manifest, engine: str) -> None:
    if manifest.engine != engine:
        raise InvalidState(
            f"This backup is of {manifest.engine}, the database is {engine}; it cannot be restored here."
        )
    if unknown := migrations.why_unknown(manifest.revision):
        raise InvalidState(f"This backup of Assent {manifest.program} is {unknown}.")


def _key_to_install(settings: Settings, backup: Backup, *, replace: bool, had_key: bool) -> bytes | None:
    """The key from the backup, when it has to take the place of the present one; null when that one fits."""
    if Keys(settings.secret_key).check == backup.manifest.key_check:
        return None
    is_kept_here = settings.sources.get("secret_key") == str(settings.instance / "secret_key")
    if not is_kept_here or not backup.manifest.has_key:
        raise InvalidState("ASSENT_SECRET_KEY is not the one that this backup was made with: put that one back first.")
    if had_key and not replace:
        raise InvalidState("The instance folder holds another secret key. Restore with --replace to give that up.")
    return backup.read(KEY_PART)


def _install_key(file: Path, key: bytes) -> None:
    """Put the key in place; the one that stood there is kept beside it, in case something still needs it."""
    if file.exists():
        file.rename(file.with_name(f"secret_key.replaced-{clock.now():%Y%m%d%H%M%S}"))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key)
        out.flush()
        os.fsync(out.fileno())
