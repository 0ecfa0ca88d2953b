"""Backup and restore on both databases: a complete backup restores everything, any other is refused."""

import functools
import os
import shutil
import signal
import stat
import struct
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import time_machine
from sqlalchemy import create_engine, delete, func, make_url, select, text
from sqlalchemy.exc import DatabaseError

from app import config
from app.cli.database import migrated
from app.core import backup, clock, demo
from app.core.accounts import agents, sessions
from app.core.backup import archive
from app.core.backup.people import Kept
from app.core.consent import current as current_consents
from app.core.consent import eligibility, locking, suppressions
from app.core.contacts import erase, merge, retention
from app.core.contacts import records as contacts
from app.core.errors import InvalidState
from app.core.ledger import head, sealing, signing_keys
from app.core.ledger.verify import verify
from app.core.preferences import erasure_requests
from app.core.signing import Keys
from app.core.workspace import bootstrap
from app.db import Database, take_alone
from app.models import (
    AgentSession,
    Base,
    Channel,
    Consent,
    ConsentEvent,
    ConsentState,
    Contact,
    EvidenceLevel,
    Source,
    SubscriptionType,
    Suppression,
    SuppressionCause,
)
from tests import make
from tests.installations import administer, copy_database
from tests.make import NOON
from tests.processes import wait_for

pytestmark = pytest.mark.own_database
# About the file, or about what is carried over whatever the database; a restore on PostgreSQL costs half a second.
on_sqlite = pytest.mark.databases("sqlite")

OTHER_KEY = "another-key-that-is-long-enough-for-everybody"


@pytest.fixture(scope="module")
def kept() -> dict[str, config.Settings]:
    """The databases with the data of the demo that were copied, by their kind."""
    return {}


@pytest.fixture
def filled(
    settings: config.Settings,
    database: Database,
    kept: dict[str, config.Settings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Database:
    """A database with the data of the demo; that of the first test is copied for the others."""
    kind = database.engine.name
    if kind in kept:
        database.close()
        copy_database(kept[kind], settings)
        return database
    with database.unit_of_work() as session:
        demo.fill(session, at=NOON, password_hash="x")
    database.close()
    kept[kind] = elsewhere(settings, tmp_path_factory.mktemp("kept"), "kept")
    copy_database(settings, kept[kind])
    return database


def elsewhere(settings: config.Settings, folder: Path, name: str) -> config.Settings:
    """The settings of another installation, with the same key."""
    if settings.is_sqlite:
        return replace(settings, instance=folder, database_url=f"sqlite:///{folder / 'assent.db'}")
    url = make_url(settings.database_url).set(database=f"{name}_{os.urandom(6).hex()}")
    return replace(settings, instance=folder, database_url=url.render_as_string(hide_password=False))


@pytest.fixture
def empty(settings: config.Settings, tmp_path: Path) -> Iterator[config.Settings]:
    """The settings of another installation, with the same key and a database without any table."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    other = elsewhere(settings, folder, "empty")
    if settings.is_sqlite:
        yield other
        return
    url = make_url(other.database_url)
    administer(url, f"CREATE DATABASE {url.database}")
    yield other
    administer(url, f"DROP DATABASE {url.database} WITH (FORCE)")


def content(database: Database) -> dict[str, list[Any]]:
    """Every row, without the column that depends on the cluster, and without the seal that tells of a restore."""
    with database.engine.connect() as connection:
        return {
            table.name: sorted(
                str(row)
                for row in connection.execute(
                    select(*[column for column in table.columns if column.name != "recorded_xid"])
                )
            )
            for table in Base.metadata.sorted_tables
            if table.name not in {"ledger_seals", "signing_keys"}
        }


def restored(settings: config.Settings, file: Path, *, replace: bool = False, had_key: bool = False) -> Database:
    backup.restore(settings, file, replace=replace, had_key=had_key)
    return bootstrap.open_database(settings)


def test_everything_comes_back_in_another_installation(
    settings: config.Settings, filled: Database, empty: config.Settings, tmp_path: Path
) -> None:
    written = backup.write(settings, filled, tmp_path / "file.zip")
    before = content(filled)
    assert written.rows == sum(len(rows) for rows in before.values())
    other = restored(empty, tmp_path / "file.zip")
    assert content(other) == before
    assert bootstrap.why_not_ready(other) is None
    other.close()


@on_sqlite
def test_a_restore_ends_every_session_because_some_ended_after_the_backup(
    settings: config.Settings, filled: Database, empty: config.Settings, tmp_path: Path
) -> None:
    with filled.unit_of_work() as session:
        agent = agents.find_all(session)[0]
        sessions.start(session, agent, ip_address=None, user_agent="", at=NOON)
    backup.write(settings, filled, tmp_path / "b.zip")
    other = restored(empty, tmp_path / "b.zip")
    with other.read_only() as session:
        assert session.scalar(select(func.count()).select_from(AgentSession)) == 0
    other.close()


def test_a_restored_database_continues_ids_and_keeps_its_triggers(
    settings: config.Settings, filled: Database, empty: config.Settings, tmp_path: Path
) -> None:
    with filled.unit_of_work() as session:
        deleted = make.contact(session)
        last_id = deleted.id
        session.delete(deleted)
    backup.write(settings, filled, tmp_path / "file.zip")
    other = restored(empty, tmp_path / "file.zip")
    with other.read_only() as session:
        last_event = session.scalar(select(func.max(ConsentEvent.id))) or 0
    with other.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.EVES_NUMBER)
        change = make.opt_in(session, sam, make.live_type(session))
        assert change.event_id == last_event + 1
        assert sam.id > last_id or other.is_sqlite
    with pytest.raises(DatabaseError, match="append-only"), other.unit_of_work() as session:
        session.execute(text("DELETE FROM consent_events"))
    with other.read_only() as session:
        if not other.is_sqlite:
            assert session.scalar(select(func.count()).where(ConsentEvent.recorded_xid.is_(None))) == 0
    other.close()


def test_a_backup_during_writes_is_consistent(
    settings: config.Settings, database: Database, empty: config.Settings, tmp_path: Path
) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
    stopping = threading.Event()

    def write() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            with database.unit_of_work() as session:
                make.opt_in(session, make.contact(session, phone_number=f"+1202555{number:04}"), subscription_type)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    files = [tmp_path / f"{number}.zip" for number in range(3)]
    for file in files:
        before = events_in(database)
        wait_for(lambda known=before: events_in(database) > known)
        backup.write(settings, database, file)
    stopping.set()
    for writer in writers:
        writer.join()
    sizes = []
    for file in files:
        other = restored(empty, file, replace=True)
        with other.read_only() as session:
            opted_in = session.scalars(select(Contact.id)).all()
            assert all(current_consents.find(session, contact_id, subscription_type.id) for contact_id in opted_in)
            events = session.scalar(select(func.count()).select_from(ConsentEvent))
            assert events == len(opted_in)
            sizes.append(events)
        other.close()
    assert 0 < sizes[0] < sizes[1] < sizes[2]


def events_in(database: Database) -> int:
    with database.read_only() as session:
        return session.scalar(select(func.count()).select_from(ConsentEvent)) or 0


@on_sqlite
def test_only_the_owner_can_read_a_backup_and_it_appears_when_complete(
    settings: config.Settings, filled: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    file = folder / "file.zip"
    file.write_bytes(b"of yesterday")
    with pytest.raises(TypeError), archive.create(file) as parts:
        parts.add("half", b"written" * 10_000 + None)  # type: ignore[operator]
    assert [path.name for path in folder.iterdir()] == ["file.zip"]
    assert file.read_bytes() == b"of yesterday"
    backup.write(settings, filled, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["file.zip"]
    assert not [path.name for path in settings.instance.iterdir() if path.name.startswith(".")]


@on_sqlite
def test_a_damaged_backup_is_refused_before_anything_changes(
    settings: config.Settings, filled: Database, tmp_path: Path
) -> None:
    file = tmp_path / "file.zip"
    backup.write(settings, filled, file)
    whole, before = file.read_bytes(), content(filled)
    inside = [middle_of(whole, entry) for entry in zipfile.ZipFile(file).infolist() if entry.compress_size > 50]
    assert len(inside) >= 2
    for place in [*inside, 0, len(whole) - 10]:
        # sixteen bytes, because a single changed byte may leave the decompressed content the same
        damaged = bytes(each ^ 0x55 for each in whole[place : place + 16])
        file.write_bytes(whole[:place] + damaged + whole[place + 16 :])
        refused(settings, file)
    for cut in (0, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:cut])
        refused(settings, file)
    assert content(filled) == before


@on_sqlite
def test_a_replaced_part_is_refused_by_its_hash(settings: config.Settings, filled: Database, tmp_path: Path) -> None:
    file, forged = tmp_path / "file.zip", tmp_path / "forged.zip"
    backup.write(settings, filled, file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(forged, "w") as out:
        for name in source.namelist():
            out.writestr(name, source.read(name) if name == "manifest.json" else source.read(name) + b" ")
    with pytest.raises(InvalidState, match="is not what was written"):
        backup.restore(settings, forged, replace=True, had_key=True)


def test_a_database_with_data_is_only_replaced_when_that_is_allowed(
    settings: config.Settings, filled: Database, tmp_path: Path
) -> None:
    file = tmp_path / "file.zip"
    backup.write(settings, filled, file)
    before = content(filled)
    with filled.unit_of_work() as session:
        make.contact(session, name="Eve")
    filled.close()
    with pytest.raises(InvalidState, match="--replace"):
        backup.restore(settings, file, replace=False, had_key=True)
    other = restored(settings, file, replace=True)
    assert content(other) == before
    other.close()


def test_opt_outs_after_the_backup_become_suppressions_when_it_is_restored(
    settings: config.Settings, database: Database, tmp_path: Path
) -> None:
    with database.unit_of_work() as session:
        subscription_type, by_email = make.live_type(session), make.live_type(session, channel=Channel.EMAIL)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address="sam@example.com")
        eve, ana = make.contact(session, phone_number=make.BRITISH_NUMBER), make.contact(session)
        contacts.change_phone(session, ana, "+12025550188", at=NOON)
        make.opt_in(session, sam, subscription_type)
        make.opt_in(session, eve, subscription_type)
        make.opt_out(session, ana, subscription_type)
    file = tmp_path / "file.zip"
    backup.write(settings, database, file)
    with database.unit_of_work() as session:
        make.opt_out(session, sam, subscription_type)
        last = make.opt_out(session, sam, by_email).event_id
        suppressions.add(session, make.BRITISH_NUMBER, "By letter.", actor="agent:1", at=NOON)
    database.close()
    assert backup.restore(settings, file, replace=True, had_key=True).carried_over == 2
    other = bootstrap.open_database(settings)
    with other.unit_of_work() as session:
        for each in (sam, eve):
            holder, offers = session.get_one(Contact, each.id), session.get_one(SubscriptionType, subscription_type.id)
            found = eligibility.status(session, holder, offers)
            assert eligibility.Reason.SUPPRESSED in found.reasons
        causes = {each.cause: each.note for each in session.scalars(select(Suppression))}
        assert set(causes) == {"manual", "review"}
        assert causes["manual"] == "By letter."
        assert subscription_type.name in causes["review"]
        assert not eligibility.is_suppressed(session, ana.phone_hash or ""), "the backup has this opt-out"
        following = make.opt_out(
            session, session.get_one(Contact, eve.id), session.get_one(SubscriptionType, subscription_type.id)
        )
        assert following.event_id > last, "receivers of webhooks treat only higher ids as newer"
    other.close()
    assert backup.restore(settings, file, replace=True, had_key=True).carried_over == 2, (
        "also when the restored database is replaced"
    )


def test_what_people_asked_for_after_the_backup_is_done_again_when_it_is_restored(
    settings: config.Settings, database: Database, tmp_path: Path
) -> None:
    with database.unit_of_work() as session:
        by_email, texts = make.live_type(session, channel=Channel.EMAIL), make.live_type(session)
        mail = {name: f"{name}@example.com" for name in ("sam", "eve", "ana", "max", "leo")}
        sam, eve, ana, maxi, leo = (make.contact(session, email_address=each) for each in mail.values())
        part = make.contact(session, role="lead", external_id=None, phone_number=make.SAMS_NUMBER)
        for each in (sam, leo):
            make.opt_in(session, each, by_email)
        make.opt_out(session, leo, by_email)
    file = tmp_path / "file.zip"
    backup.write(settings, database, file)
    with database.unit_of_work() as session:
        make.opt_out(session, session.get_one(Contact, sam.id), by_email)
        contacts.change_gdpr_optin(session, session.get_one(Contact, eve.id), gdpr_optin=False, at=NOON)
        merge.merge(session, part.public_id, ana.public_id, actor="agent:1", at=NOON)
        erase.erase(session, session.get_one(Contact, ana.id), actor="agent:1", at=NOON)
        make.opt_out(session, session.get_one(Contact, maxi.id), texts)
        erasure_requests.request(session, maxi.id, at=NOON)
        answered = erasure_requests.request(session, leo.id, at=NOON).id
        erasure_requests.refuse(session, answered, "He took it back.", actor="agent:1", at=NOON)
        new = make.contact(session, email_address="new@example.com")
        make.opt_in(session, new, by_email)
        make.opt_out(session, new, by_email)
    database.close()
    found = backup.restore(settings, file, replace=True, had_key=True)
    assert found.kept == Kept(opt_outs=2, objections=1, erasures=2, requests=1)
    other = bootstrap.open_database(settings)
    with other.read_only() as session:
        assert {each.state for each in session.scalars(select(Consent))} == {ConsentState.OPTED_OUT}
        assert session.get_one(Contact, eve.id).gdpr_optin is False
        assert [session.get_one(Contact, each.id).email for each in (ana, part)] == [None, None]
        assert session.get_one(Contact, part.id).phone is None
        assert [each.contact.id for each in erasure_requests.open_requests(session)] == [maxi.id]
    assert not verify(other).is_tampered
    other.close()
    again = backup.restore(settings, file, replace=True, had_key=True)
    assert again.kept == found.kept, "also when the restored database is replaced"


@on_sqlite
def test_it_is_said_when_nothing_is_known_of_what_happened_after_the_backup(
    settings: config.Settings, filled: Database, empty: config.Settings, tmp_path: Path
) -> None:
    file = tmp_path / "file.zip"
    backup.write(settings, filled, file)
    assert backup.restore(empty, file, replace=False, had_key=False).carried_over is None
    assert backup.restore(empty, file, replace=True, had_key=True).carried_over == 0


@on_sqlite
def test_the_number_of_an_unknown_person_who_left_after_the_backup_is_put_under_review(
    settings: config.Settings, database: Database, tmp_path: Path
) -> None:
    unverified = make.evidence(Source.PREFERENCE_CENTER, level=EvidenceLevel.WEB_UNVERIFIED)
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead = make.contact(session, role="lead", external_id=None, phone_number=make.SAMS_NUMBER)
        before = make.contact(session, role="lead", external_id=None, phone_number=make.BRITISH_NUMBER)
        make.opt_in(session, lead, offers)
        make.opt_out(session, before, offers, evidence=unverified)
    backup.write(settings, database, tmp_path / "file.zip")
    with database.unit_of_work() as session:
        make.opt_out(session, lead, offers, evidence=unverified)
    database.close()
    assert backup.restore(settings, tmp_path / "file.zip", replace=True, had_key=True).carried_over == 1
    restored = bootstrap.open_database(settings)
    with restored.read_only() as session:
        assert session.execute(select(Suppression.phone, Suppression.phone_hash, Suppression.cause)).all() == [
            (None, lead.phone_hash, "review")
        ]
    restored.close()


@on_sqlite
def test_opt_outs_and_suppressions_survive_ten_years_erasure_key_rotation_and_a_restore(
    settings: config.Settings, database: Database, empty: config.Settings, tmp_path: Path
) -> None:
    """Virginia SB 1339: an opt-out holds for ten years. Here nothing but the person ends it."""
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        make.opt_out(session, sam, offers, at=NOON)
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        suppressions.add(session, make.EVES_NUMBER, "By letter.", actor="agent:1", at=NOON)
    with time_machine.travel(NOON.replace(year=NOON.year + 10) + timedelta(days=1), tick=False):
        at = clock.now()
        assert retention.erase_some(database, at=at).erased == 2
        with database.unit_of_work() as session:
            for person in (sam, eve):
                erase.erase(session, locking.lock_contact(session, person.id), actor="agent:1", at=at)
            signing_keys.ensure(session)
            signing_keys.rotate(session)
        backup.write(settings, database, tmp_path / "file.zip")
        other = restored(empty, tmp_path / "file.zip")
        with other.unit_of_work() as session:
            numbers = {make.SAMS_NUMBER: "opted_out", make.EVES_NUMBER: "suppressed"}
            for number, reason in numbers.items():
                found = make.contact(session, phone_number=number)
                session.flush()
                status = eligibility.status(session, found, session.get_one(SubscriptionType, offers.id))
                assert reason in status.reasons
        other.close()


@on_sqlite
@pytest.mark.parametrize("later", [SuppressionCause.KEYWORD, SuppressionCause.MANUAL])
def test_the_strongest_cause_of_a_number_survives_a_restore(
    settings: config.Settings, database: Database, tmp_path: Path, later: SuppressionCause
) -> None:
    """The person texts STOP after the backup, or the backup has it and an agent stopped the number otherwise."""
    causes = [SuppressionCause.KEYWORD, SuppressionCause.MANUAL]
    suppress = functools.partial(suppressions.suppress, actor="system", at=NOON)
    with database.unit_of_work() as session:
        (before,) = {*causes} - {later}
        suppress(session, make.SAMS_NUMBER, before, before.value)
    backup.write(settings, database, file := tmp_path / "file.zip")
    with database.unit_of_work() as session:
        session.execute(delete(Suppression))
        suppress(session, make.SAMS_NUMBER, later, later.value)
    database.close()
    carried_over = backup.restore(settings, file, replace=True, had_key=True).carried_over
    assert carried_over == (1 if later == SuppressionCause.KEYWORD else 0)
    other = bootstrap.open_database(settings)
    with other.read_only() as session:
        found = session.scalars(select(Suppression)).one()
        assert (found.cause, found.note) == ("keyword", "keyword")
    other.close()


def test_no_number_is_carried_over_from_an_unreadable_database(
    settings: config.Settings, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "file.zip"
    backup.write(settings, database, file)
    with database.unit_of_work() as session:
        session.execute(text("DROP TABLE suppressions"))
    database.close()
    assert backup.restore(settings, file, replace=True, had_key=True).carried_over is None


def test_a_migrated_database_without_data_counts_as_empty(
    settings: config.Settings, filled: Database, empty: config.Settings, tmp_path: Path
) -> None:
    backup.write(settings, filled, tmp_path / "file.zip")
    fresh = bootstrap.open_database(empty)
    bootstrap.make_ready(fresh)
    fresh.close()
    other = restored(empty, tmp_path / "file.zip")
    assert content(other) == content(filled)
    other.close()


def test_a_database_in_use_is_not_replaced(settings: config.Settings, filled: Database, tmp_path: Path) -> None:
    backup.write(settings, filled, tmp_path / "file.zip")
    with filled.unit_of_work() as session:
        make.contact(session)
        with pytest.raises(InvalidState, match="stop web and worker"):
            backup.restore(settings, tmp_path / "file.zip", replace=True, had_key=True)
    with filled.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 22


def test_a_database_that_an_idle_server_has_open_is_not_replaced(
    settings: config.Settings, filled: Database, tmp_path: Path
) -> None:
    backup.write(settings, filled, tmp_path / "file.zip")
    filled.close()
    with filled.read_only() as session:
        session.execute(text("SELECT 1"))
    with pytest.raises(InvalidState, match="stop web and worker"):
        backup.restore(settings, tmp_path / "file.zip", replace=True, had_key=True)
    with filled.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 21
    filled.close()
    backup.restore(settings, tmp_path / "file.zip", replace=True, had_key=True)


@pytest.mark.databases("postgresql")  # on SQLite the database's own lock keeps everybody out
def test_no_server_can_open_a_database_while_it_is_restored(settings: config.Settings) -> None:
    restoring, starting = bootstrap.open_database(settings), bootstrap.open_database(settings)
    with restoring.exclusive() as connection:
        assert take_alone(connection)
        assert bootstrap.why_not_ready(starting) == "the database cannot be used: OperationalError"
        assert not is_shared(settings)
    restoring.close()
    assert bootstrap.why_not_ready(starting) is None
    assert is_shared(settings)
    starting.close()


@pytest.mark.databases("postgresql")
def test_a_database_opens_whose_restore_has_just_ended(settings: config.Settings) -> None:
    """PostgreSQL ends the connection of a restore a moment after it was closed."""
    restoring, starting = bootstrap.open_database(settings), bootstrap.open_database(settings)
    with restoring.exclusive() as connection:
        assert take_alone(connection)
        ending = threading.Timer(0.2, connection.exec_driver_sql, ("SELECT pg_advisory_unlock_all()",))
        ending.start()
        assert bootstrap.why_not_ready(starting) is None
        ending.join()
    restoring.close()
    starting.close()


def is_shared(settings: config.Settings) -> bool:
    """Whether a process that is no server finds a server's connection."""
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND objid = 4272"))
        modes = set(found.scalars())
    engine.dispose()
    return modes == {"ShareLock"}


def test_a_backup_includes_the_key_of_the_instance_folder(tmp_path: Path) -> None:
    here = config.load({"ASSENT_INSTANCE": str(tmp_path / "here")})
    there = config.load({"ASSENT_INSTANCE": str(tmp_path / "there")})
    database = bootstrap.open_database(here)
    bootstrap.make_ready(database)
    with database.unit_of_work() as session:
        subscription_type, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, subscription_type)
    assert backup.write(here, database, tmp_path / "file.zip").has_key
    database.close()
    with pytest.raises(InvalidState, match="another secret key"):
        backup.restore(there, tmp_path / "file.zip", replace=False, had_key=True)
    backup.restore(there, tmp_path / "file.zip", replace=False, had_key=False)
    again = config.load({"ASSENT_INSTANCE": str(tmp_path / "there")})
    assert again.secret_key == here.secret_key
    key_file = tmp_path / "there" / "secret_key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    kept = [path for path in key_file.parent.iterdir() if path.name.startswith("secret_key.replaced-")]
    assert [path.read_text() for path in kept] == [there.secret_key]
    other = bootstrap.open_database(again)
    with other.read_only() as session:
        consent = current_consents.find(session, sam.id, subscription_type.id)
        assert consent
        assert consent.state == ConsentState.OPTED_OUT
        assert consent.destination_hash == Keys(again.secret_key).destination_hash(make.SAMS_NUMBER)
    other.close()


@on_sqlite
def test_a_backup_is_refused_where_the_key_differs(
    settings: config.Settings, filled: Database, empty: config.Settings, tmp_path: Path
) -> None:
    assert not backup.write(settings, filled, tmp_path / "file.zip").has_key
    for replaces in (False, True):
        with pytest.raises(InvalidState, match="ASSENT_SECRET_KEY"):
            backup.restore(replace(empty, secret_key=OTHER_KEY), tmp_path / "file.zip", replace=replaces, had_key=False)


def test_a_backup_of_another_engine_or_a_newer_version_is_refused(
    settings: config.Settings, filled: Database, empty: config.Settings, tmp_path: Path
) -> None:
    file = tmp_path / "file.zip"
    manifest = backup.write(settings, filled, file)
    other = "postgresql" if settings.is_sqlite else "sqlite"
    for change, said in (({"engine": other}, other), ({"revision": "9999"}, "newer version")):
        forged = tmp_path / "forged.zip"
        with zipfile.ZipFile(file) as source, archive.create(forged) as parts:
            for name in manifest.parts:
                parts.add(name, source.read(name))
            parts.finish(replace(manifest, **change))  # type: ignore[arg-type]
        with pytest.raises(InvalidState, match=said):
            backup.restore(empty, forged, replace=True, had_key=False)


@on_sqlite
def test_an_unreadable_database_file_can_be_replaced(
    settings: config.Settings, filled: Database, tmp_path: Path
) -> None:
    file = tmp_path / "file.zip"
    backup.write(settings, filled, file)
    before = content(filled)
    assert filled.file
    filled.close()
    filled.file.write_bytes(b"what a failing disk left" * 1000)
    shutil.rmtree(filled.file.with_name("assent.db-wal"), ignore_errors=True)
    other = restored(settings, file, replace=True)
    assert content(other) == before
    other.close()


def test_a_database_that_is_not_ready_is_not_backed_up(empty: config.Settings, tmp_path: Path) -> None:
    database = bootstrap.open_database(empty)
    with pytest.raises(InvalidState, match="assent db upgrade"):
        backup.write(empty, database, tmp_path / "file.zip")
    assert not (tmp_path / "file.zip").exists()
    database.close()


def middle_of(whole: bytes, entry: zipfile.ZipInfo) -> int:
    """The position of the middle byte of a part in the file."""
    name_size, extra_size = struct.unpack_from("<HH", whole, entry.header_offset + 26)
    return int(entry.header_offset + 30 + name_size + extra_size + entry.compress_size // 2)


def refused(settings: config.Settings, file: Path) -> None:
    with pytest.raises(InvalidState, match="nothing was changed"):
        backup.restore(settings, file, replace=True, had_key=True)


@on_sqlite
def test_the_manifest_of_a_backup_can_be_read(settings: config.Settings, filled: Database, tmp_path: Path) -> None:
    made_at = backup.write(settings, filled, tmp_path / "file.zip").made_at
    with archive.open_backup(tmp_path / "file.zip") as read:
        assert read.manifest.made_at == made_at
        assert read.manifest.revision
        assert set(read.manifest.tables) == {table.name for table in Base.metadata.sorted_tables}


def test_a_restore_is_told_in_the_ledger_and_is_no_tampering(
    settings: config.Settings, filled: Database, tmp_path: Path
) -> None:
    sealing.seal(filled)
    backup.write(settings, filled, tmp_path / "file.zip")
    with filled.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.EVES_NUMBER)
        lost = make.opt_out(session, sam, make.live_type(session, name="Lost"), at=clock.now())
    sealing.seal(filled)
    with filled.read_only() as session:
        published = head.current(session)
    assert published is not None
    filled.close()
    other = restored(settings, tmp_path / "file.zip", replace=True, had_key=True)
    found = verify(other, heads=[published]).as_json()
    assert found["result"] == "ok", found
    (seal,) = found["restores"]
    assert seal["restore"]["replaced"]["seal_hash"] == published["seal_hash"]
    assert seal["restore"]["last_event"] < seal["restore"]["replaced"]["last_event"] == lost.event_id
    assert found["heads"][0]["lost_by_restore_in_seal"] == seal["seal_id"]
    assert found["events"]["not_yet_sealed"]["count"] == 0
    other.close()


@pytest.mark.parametrize("killed_in", ["make_ready", "hold_restored", "carry_over", "seal", "end"])
def test_a_killed_restore_leaves_a_database_that_is_not_started_and_keeps_opt_outs_when_it_is_run_again(
    settings: config.Settings, database: Database, tmp_path: Path, killed_in: str
) -> None:
    file = tmp_path / "file.zip"
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, eve = (make.contact(session, phone_number=each) for each in (make.SAMS_NUMBER, make.EVES_NUMBER))
        make.opt_in(session, sam, offers)
        make.opt_in(session, eve, offers)
    backup.write(settings, database, file)
    with database.unit_of_work() as session:
        suppressions.suppress(session, make.SAMS_NUMBER, SuppressionCause.KEYWORD, "STOP", actor="system", at=NOON)
        make.opt_out(session, session.get_one(Contact, eve.id), offers)
        erasure_requests.request(session, sam.id, at=NOON)
    database.close()
    killed(lambda: backup.restore(settings, file, replace=True, had_key=True), killed_in)
    assert "did not end" in str(bootstrap.why_not_ready(database))
    database.close()
    with pytest.raises(InvalidState, match="did not end"), migrated(settings):
        pass
    again = backup.restore(settings, file, replace=True, had_key=True)
    assert (again.carried_over, again.kept.requests) == (2, 1)
    assert bootstrap.why_not_ready(database) is None
    with database.read_only() as session:
        causes = session.scalars(select(Suppression.cause).order_by(Suppression.cause)).all()
        assert causes == ["keyword", "review"]
    with migrated(settings):
        pass


@on_sqlite
def test_copies_that_a_killed_backup_or_restore_left_are_deleted_by_the_next_one(
    settings: config.Settings, filled: Database, tmp_path: Path
) -> None:
    folder, file = tmp_path / "backups", settings.instance / "assent.db"
    folder.mkdir()
    backup.write(settings, filled, folder / "first.zip")
    filled.close()
    acts = {
        "_content": lambda: backup.write(settings, bootstrap.open_database(settings), folder / "second.zip"),
        "_check_integrity": lambda: backup.restore(settings, folder / "first.zip", replace=True, had_key=True),
    }
    for killed_in, act in acts.items():
        killed(act, killed_in)
    left = [*folder.glob(".*"), *settings.instance.glob(".*")]
    assert len(left) == 2, "the restore has deleted the copy of the backup"
    with archive.temporary_beside(file) as (used, _):
        assert bootstrap.why_not_ready(filled) is None, "the old database"
        backup.write(settings, filled, folder / "second.zip")
        assert [*folder.glob(".*"), *settings.instance.glob(".*")] == [used]
    assert not used.exists()


def killed(act: Callable[[], object], function: str) -> None:
    """Run ``act`` in another process, which is killed when it calls this function of ours."""
    if (child := os.fork()) == 0:
        try:
            sys.setprofile(lambda frame, event, _: _kill_in(function, frame, event))
            act()
        finally:
            os._exit(1)  # an error must not let the copy of the test run go on
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def _kill_in(function: str, frame: FrameType, event: str) -> None:
    if event == "call" and frame.f_code.co_name == function and frame.f_globals["__name__"].startswith("app."):
        os.kill(os.getpid(), signal.SIGKILL)
