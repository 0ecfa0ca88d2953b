"""Back up to one file while the servers run, and restore from it. A restore checks the file before any change."""

import os
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path

from app import migrations
from app.config import VERSION, Settings
from app.core import clock
from app.core.accounts import sessions
from app.core.backup import archive, opt_outs, people, postgresql, replaced_ledger, sqlite, unfinished
from app.core.backup.archive import Backup, Manifest
from app.core.backup.people import Kept
from app.core.backup.unfinished import Before
from app.core.contacts import number_rules
from app.core.errors import InvalidState
from app.core.ledger import sealing
from app.core.signing import Keys
from app.core.sms import effects
from app.core.workspace import bootstrap
from app.db import Database

KEY_PART = "secret_key"


def write(settings: Settings, database: Database, file: Path) -> Manifest:
    """Write a consistent copy of the database to ``file`` (mode 0600). Returns what it contains.

    The copy includes the secret key when that is stored in the instance folder, because suppressions are hashes made
    with it. Writers do not wait. The file replaces an older one when it is complete.

    :raises InvalidState: the database is not ready
    """
    if reason := bootstrap.why_not_ready(database):
        raise InvalidState(reason)
    key_file = settings.instance / "secret_key"
    has_key = settings.sources.get("secret_key") == str(key_file)
    engine = sqlite if database.is_sqlite else postgresql
    with archive.create(file) as parts:
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
    """The result of a restore.

    :param carried_over: how many numbers were suppressed because of opt-outs in the replaced database; null when that
        was empty, could not be read or had another key, so that these numbers may now be texted
    :param kept: what else people had asked for there
    """

    manifest: Manifest
    carried_over: int | None
    kept: Kept


def restore(settings: Settings, file: Path, *, replace: bool, had_key: bool) -> Restored:
    """Replace the database by the content of ``file``, then migrate it to this version. The servers must be stopped.

    The file is checked against its hashes before anything changes. On PostgreSQL the restore is one transaction, on
    SQLite one renamed file. Numbers that opted out in the replaced database stay suppressed, and what else people asked
    for there is done again (``people.py``).
    Texts that waited are held, because they may have been sent since. Agents sign in again. A seal of the ledger tells
    what was replaced. Until all of that is done, a table says that the restore did not end (``unfinished.py``).

    :param replace: allow to discard data of the database, and a different secret key
    :param had_key: whether the secret key in the instance folder existed before this call
    :raises InvalidState: the file is damaged or does not fit; the database has data or is in use; the key differs
    """
    engine = sqlite if settings.is_sqlite else postgresql
    with archive.open_backup(file) as backup:
        _check_fits(backup.manifest, engine.NAME)
        key = _key_to_install(settings, backup, replace=replace, had_key=had_key)
        if not replace and not engine.is_empty(settings):
            raise InvalidState("The database holds data. Restore with --replace to give that up.")
        before = unfinished.read(settings) or _before(settings, replace=replace, same_key=key is None)
        engine.restore(settings, backup, before)
        if key is not None:
            _install_key(settings.instance / "secret_key", key)
            settings = replace_fields(settings, secret_key=key.decode().strip())
    database = bootstrap.open_database(settings, connections=1)
    try:
        bootstrap.make_ready(database)
        number_rules.apply(database)
        with database.unit_of_work() as session:
            sessions.end_every(session)
            effects.hold_restored(session, at=clock.now())
        with database.read_only() as session:
            restored = replaced_ledger.record_of(session, made_at=backup.manifest.made_at, replaced=before.ledger)
        asked = before.asked
        carried_over = None if asked is None else opt_outs.carry_over(database, asked, at=clock.now())
        with database.unit_of_work() as session:
            kept = people.carry_over(session, asked.people, at=clock.now()) if asked else Kept()
        sealing.seal(database, restore=restored)
        with database.unit_of_work() as session:
            unfinished.end(session)
    finally:
        database.close()
    return Restored(backup.manifest, carried_over, kept)


def _before(settings: Settings, *, replace: bool, same_key: bool) -> Before:
    """What is known about the database that is about to be replaced."""
    asked = opt_outs.read(settings) if replace and same_key else None
    return Before(asked, replaced_ledger.read(settings) if replace else None)


def _check_fits(manifest: Manifest, engine: str) -> None:
    if manifest.engine != engine:
        raise InvalidState(
            "This backup is of %(backed_up)s, the database is %(engine)s; it cannot be restored here.",
            backed_up=manifest.engine,
            engine=engine,
        )
    if unknown := migrations.why_unknown(manifest.revision):
        raise InvalidState(
            "This backup of Assent %(version)s is %(unknown)s.", version=manifest.program, unknown=unknown
        )


def _key_to_install(settings: Settings, backup: Backup, *, replace: bool, had_key: bool) -> bytes | None:
    """The key of the backup when it must replace the current one; null when the current one fits.

    :raises InvalidState: the current key cannot be replaced
    """
    if Keys(settings.secret_key).check == backup.manifest.key_check:
        return None
    is_in_instance = settings.sources.get("secret_key") == str(settings.instance / "secret_key")
    if not is_in_instance or not backup.manifest.has_key:
        raise InvalidState("ASSENT_SECRET_KEY is not the one that this backup was made with: put that one back first.")
    if had_key and not replace:
        raise InvalidState("The instance folder holds another secret key. Restore with --replace to give that up.")
    return backup.read(KEY_PART)


def _install_key(file: Path, key: bytes) -> None:
    """Write the key file. An existing one is renamed, not deleted, in case it is still needed."""
    if file.exists():
        file.rename(file.with_name(f"secret_key.replaced-{clock.now():%Y%m%d%H%M%S}"))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key)
        out.flush()
        os.fsync(out.fileno())
