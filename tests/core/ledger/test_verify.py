"""A verification names every row that was altered, removed, added or exchanged, and nothing in an honest ledger."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from app.core import clock, wording
from app.core.consent import changes as consent
from app.core.consent import eligibility, locking, suppressions
from app.core.contacts import erase, merge
from app.core.contacts import records as contacts
from app.core.inbound import receiving
from app.core.inbound.receiving import InboundText
from app.core.ledger import events, evidence, head, sealing, signing_keys
from app.core.ledger.evidence import reported_by
from app.core.ledger.verify import Stopped, verify, verify_in
from app.db import Database
from app.models import (
    Action,
    ConsentEvent,
    Contact,
    DestinationOptOut,
    EvidenceLevel,
    Source,
    SubscriptionType,
)
from tests import make

# Columns of each table that a verification checks, and an expression of another value.
EVENT_COLUMNS = {
    "contact_id": "coalesce(contact_id, 0) + 1000",
    "subscription_type_id": "NULL",
    "action": "'claim'",
    "source": "'carrier'",
    "actor": "'agent:9'",
    "evidence_level": "'otp'",
    "destination_hash": "'0123456789abcdef0123456789abcdef'",
    "form_version_id": "NULL",
    "inserted_form_id": "77",
    "occurred_at": "'2020-01-01 00:00:00.000001'",
    "recorded_at": "'2020-01-01 00:00:00.000001'",
    "is_persons_word": "NOT is_persons_word",
    "facts": """'{"cause":"keyword"}'""",
}
EVIDENCE_COLUMNS = {
    "destination": "'+4915112345678'",
    "ip_address": "'192.0.2.77'",
    "user_agent": "'another'",
    "origin": "'https://other.example'",
    "page": "'https://other.example/'",
    "locale": "'xx'",
    "wording_hash": "NULL",
    "note": "'another note'",
    "details": """'{"other": 1}'""",
    "salt": "NULL",
    "erased_at": "'2026-11-02 12:00:00.000000'",
}
SEAL_COLUMNS = {
    "version": ("2", "signature"),
    "previous": ("root", "previous"),
    "root": ("previous", "signature"),
    "count": ("count + 1", "count"),
    "ids": ("'[[1,2],[9,9]]'", "signature"),
    "first_id": ("first_id + 1", "ids"),
    "last_id": ("last_id + 1", "ids"),
    "leaves": ("previous", "leaves"),
    "key_id": ("'another'", "key"),
    "sealed_at": ("'2020-01-01 00:00:00.000001'", "signature"),
    "signature": ("root", "signature"),
    "restore": ("""'{"replaced": null}'""", "signature"),
}
OF_SAM = "FROM consents WHERE contact_id = 1"
ALTERED_STATES = (
    "UPDATE consents SET state = 'opted_out' WHERE contact_id = 1",
    "UPDATE consents SET destination_hash = 'other' WHERE contact_id = 1",
    "UPDATE consents SET event_id = 1 WHERE contact_id = 1",
    "UPDATE consents SET changed_at = '2020-01-01 00:00:00.000001' WHERE contact_id = 1",
    "UPDATE consents SET destination = '+14155552699' WHERE contact_id = 1",
    "DELETE FROM consents WHERE contact_id = 1",
    f"INSERT INTO consents SELECT 1, 2, state, destination, destination_hash, changed_at, event_id {OF_SAM}",
    "DELETE FROM suppressions",
    "UPDATE suppressions SET cause = 'keyword'",
    "UPDATE suppressions SET phone = '+14155552699'",
    "INSERT INTO suppressions (phone_hash, cause, note, created_at) VALUES ('x', 'manual', '', '2026-01-01')",
    f"INSERT INTO destination_opt_outs SELECT 1, destination_hash, 1, changed_at, 2 {OF_SAM}",
    f"INSERT INTO destination_opt_outs SELECT 1, 'x', 1, changed_at, 4 {OF_SAM}",
    "UPDATE contacts SET gdpr_optin = false WHERE id = 1",
    "UPDATE contacts SET phone = '+14155552699' WHERE id = 1",
    "UPDATE contacts SET email = 'eve@example.com' WHERE id = 1",
)
Found = dict[str, Any]


@pytest.fixture
def sealed(database: Database) -> Database:
    """Two seals: Sam opted in and out, gave a note, and Eve's number is suppressed."""
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address="sam@example.com")
        make.form(session, offers)
        words = wording.freeze("en", {"form_title": "Texts"})
        shown = make.evidence(words=words, ip_address="203.0.113.9", form_version_id=1)
        make.opt_in(session, sam, offers, evidence=shown)
        make.opt_out(session, sam, offers)
        note = make.evidence(Source.AGENT, actor="agent:1", note="By phone.")
        make.opt_in(session, sam, offers, evidence=note, at=make.NOON + timedelta(hours=2))
    sealing.seal(database, batch=2)
    with database.unit_of_work() as session:
        suppressions.add(session, make.EVES_NUMBER, "By letter.", actor="agent:1", at=make.NOON)
        make.opt_in(session, make.contact(session, phone_number=make.BRITISH_NUMBER), offers)
    sealing.seal(database)
    return database


def test_an_honest_ledger_is_found_right_and_counted(sealed: Database) -> None:
    found = verified(sealed)
    assert found["result"] == "ok", found
    assert (found["events"]["total"], found["events"]["sealed"], found["evidence"]["total"]) == (5, 5, 5)
    assert (found["seals"]["total"], found["keys"]["total"], found["wordings"]["total"]) == (3, 1, 1)
    assert found["state"] == {
        "consents": 2,
        "destination_opt_outs": 0,
        "suppressions": 1,
        "mismatches": {"count": 0, "rows": []},
    }


def test_an_event_that_is_not_sealed_yet_is_no_tampering(sealed: Database) -> None:
    with sealed.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.EVES_NUMBER), session.get_one(SubscriptionType, 1))
    found = verified(sealed)
    assert (found["result"], found["events"]["not_yet_sealed"]["count"]) == ("ok", 1)
    assert found["events"]["not_yet_sealed"]["oldest_recorded_at"] is not None


def test_each_altered_column_of_an_event_is_found_and_the_event_named(sealed: Database) -> None:
    for column, value in EVENT_COLUMNS.items():
        event_id = 5 if column == "subscription_type_id" else 1
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE consent_events SET {column} = {value} WHERE id = {event_id}"))  # noqa: S608
            found = verified_in(connection, sealed)
            assert found["events"]["altered"] == {"count": 1, "ids": [event_id]}, column
            assert found["result"] == "tampered"


def test_each_altered_column_of_evidence_is_found_and_its_event_named(sealed: Database) -> None:
    for column, value in EVIDENCE_COLUMNS.items():
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE consent_evidence SET {column} = {value} WHERE event_id = 1"))  # noqa: S608
            found = verified_in(connection, sealed)
            assert found["evidence"]["altered"] == {"count": 1, "ids": [1]}, column
            assert found["result"] == "tampered"
    with tampered(sealed) as connection:
        connection.execute(
            text("UPDATE consent_events SET evidence_hash = (SELECT salt FROM consent_evidence LIMIT 1)")
        )
        assert verified_in(connection, sealed)["evidence"]["altered"]["count"] == 5


def test_each_altered_column_of_a_seal_is_found_and_the_seal_named(sealed: Database) -> None:
    for column, (value, problem) in SEAL_COLUMNS.items():
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE ledger_seals SET {column} = {value} WHERE id = 2"))  # noqa: S608
            found = verified_in(connection, sealed)
            bad = {each["id"]: each["problems"] for each in found["seals"]["bad"]["seals"]}
            assert problem in bad[2], (column, bad)
            assert found["result"] == "tampered"


def test_a_seal_with_unreadable_columns_is_found(sealed: Database) -> None:
    for column, value in (("ids", "'[[1.5]]'"), ("ids", "'{}'"), ("restore", "'[0.5]'"), ("leaves", "signature")):
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE ledger_seals SET {column} = {value} WHERE id = 2"))  # noqa: S608
            assert 2 in {each["id"] for each in verified_in(connection, sealed)["seals"]["bad"]["seals"]}, column


def test_an_event_with_unreadable_columns_is_named(sealed: Database) -> None:
    for column, value in unreadable(sealed, (*EVENT_COLUMNS, "evidence_hash")):
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE consent_events SET {column} = {value} WHERE id = 1"))  # noqa: S608
            found = verified_in(connection, sealed)
            assert found["events"]["altered"] == {"count": 1, "ids": [1]}, (column, value)


def test_evidence_with_unreadable_columns_is_named(sealed: Database) -> None:
    for column, value in unreadable(sealed, EVIDENCE_COLUMNS):
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE consent_evidence SET {column} = {value} WHERE event_id = 1"))  # noqa: S608
            assert verified_in(connection, sealed)["evidence"]["altered"] == {"count": 1, "ids": [1]}, (column, value)


def test_a_seal_key_text_or_head_with_unreadable_columns_is_named(sealed: Database) -> None:
    with sealed.unit_of_work() as session:
        head.mark_published(session, head.current(session) or {}, way="file", at=make.NOON)
    for column, value in unreadable(sealed, SEAL_COLUMNS):
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE ledger_seals SET {column} = {value} WHERE id = 2"))  # noqa: S608
            found = verified_in(connection, sealed)
            assert 2 in {each["id"] for each in found["seals"]["bad"]["seals"]}, (column, value)
    for column, value in unreadable(sealed, ("id", "public_key", "proof", "created_at", "retired_at")):
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE signing_keys SET {column} = {value}"))  # noqa: S608
            assert verified_in(connection, sealed)["result"] == "tampered", (column, value)
    for column, value in unreadable(sealed, ("hash", "body")):
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE wordings SET {column} = {value}"))  # noqa: S608
            assert verified_in(connection, sealed)["wordings"]["altered"]["count"] == 1, value
    for column, value in (*unreadable(sealed, ("head",)), ("head", "'[]'"), ("head", "'{}'")):
        with tampered(sealed) as connection:
            connection.execute(text(f"UPDATE ledger_heads SET {column} = {value}"))  # noqa: S608
            found = verified_in(connection, sealed)
            assert (found["result"], [each["found"] for each in found["heads"]]) == ("tampered", [False]), value


def test_a_state_with_unreadable_columns_is_named(sealed: Database) -> None:
    with sealed.unit_of_work() as session:
        sam = session.get_one(ConsentEvent, 1).contact_id or 0
        make.opt_out(session, session.get_one(Contact, sam), session.get_one(SubscriptionType, 1), at=clock.now())
    columns = {
        "consents": ("subscription_type_id", "contact_id", "state", "destination_hash", "changed_at", "event_id"),
        "destination_opt_outs": ("subscription_type_id", "contact_id", "destination_hash", "created_at", "event_id"),
        "suppressions": ("phone_hash", "cause"),
    }
    assert verified(sealed)["result"] == "ok"
    for table, names in columns.items():
        one = "true" if table == "suppressions" else f"contact_id = {sam}"
        for column, value in unreadable(sealed, names):
            with tampered(sealed) as connection:
                connection.execute(text(f"UPDATE {table} SET {column} = {value} WHERE {one}"))  # noqa: S608
                found = verified_in(connection, sealed)["state"]["mismatches"]
                assert found["count"] >= 1, (table, column, value)


@pytest.mark.parametrize(
    ("statements", "kind", "ids"),
    [
        (
            ["DELETE FROM consent_evidence WHERE event_id = 1", "DELETE FROM consent_events WHERE id = 1"],
            "missing",
            [1],
        ),
        (
            ["DELETE FROM consent_evidence WHERE event_id = 3", "DELETE FROM consent_events WHERE id = 3"],
            "missing",
            [3],
        ),
        (
            ["DELETE FROM consent_evidence WHERE event_id = 5", "DELETE FROM consent_events WHERE id = 5"],
            "missing",
            [5],
        ),
        (["UPDATE consent_events SET id = id + 100 WHERE id = 2"], "missing", [2]),
        (
            [
                "UPDATE consent_events SET id = 100 WHERE id = 1",
                "UPDATE consent_events SET id = 1 WHERE id = 2",
                "UPDATE consent_events SET id = 2 WHERE id = 100",
            ],
            "reordered",
            [1, 2],
        ),
    ],
    ids=["first", "middle", "last", "moved", "swapped"],
)
def test_removed_and_exchanged_events_are_named(
    statements: list[str], kind: str, ids: list[int], sealed: Database
) -> None:
    with tampered(sealed) as connection:
        for each in statements:
            connection.execute(text(each))
        found = verified_in(connection, sealed)
        assert found["events"][kind]["ids"] == ids, found
        assert found["result"] == "tampered"


def test_an_event_that_was_added_behind_the_sealer_is_named(sealed: Database) -> None:
    columns = "contact_id, action, source, actor, evidence_level, destination_hash, evidence_hash, occurred_at"
    columns += ", recorded_at, is_persons_word, recorded_xid"
    with tampered(sealed) as connection:
        chosen = columns.replace("recorded_xid", "1")
        copied = f"INSERT INTO consent_events (id, {columns}) SELECT -1, {chosen} FROM consent_events WHERE id = 1"  # noqa: S608
        connection.execute(text(copied))
        found = verified_in(connection, sealed)
        assert found["events"]["inserted"]["ids"] == [-1]
        assert found["evidence"]["missing"]["ids"] == [-1]


@pytest.mark.parametrize("seal_id", [1, 2])
def test_a_missing_seal_is_named(seal_id: int, sealed: Database) -> None:
    with tampered(sealed) as connection:
        connection.execute(text(f"DELETE FROM ledger_seals WHERE id = {seal_id}"))  # noqa: S608
        found = verified_in(connection, sealed)
        assert found["seals"]["missing"]["ids"] == [seal_id]


def test_an_altered_text_is_named(sealed: Database) -> None:
    with tampered(sealed) as connection:
        connection.execute(text("UPDATE wordings SET body = 'By signing up you agree to everything.'"))
        assert verified_in(connection, sealed)["wordings"]["altered"]["count"] == 1


def test_a_missing_text_is_named(sealed: Database) -> None:
    with tampered(sealed) as connection:
        connection.execute(text("DELETE FROM wordings"))
        found = verified_in(connection, sealed)
        assert (found["wordings"]["missing"]["count"], found["result"]) == (1, "tampered")


def test_a_ledger_that_was_sealed_anew_by_another_key_is_found(sealed: Database) -> None:
    with tampered(sealed) as connection:
        connection.execute(text("UPDATE signing_keys SET proof = public_key"))
        found = verified_in(connection, sealed)
        assert found["keys"]["foreign"]["count"] == 1
        assert {each["problems"][0] for each in found["seals"]["bad"]["seals"]} == {"key"}


def test_a_state_that_does_not_follow_from_the_events_is_named(sealed: Database) -> None:
    with sealed.unit_of_work() as session:
        make.live_type(session, name="News")
    for statement in ALTERED_STATES:
        with tampered(sealed) as connection:
            connection.execute(text(statement))
            assert verified_in(connection, sealed)["state"]["mismatches"]["count"] >= 1, statement


def test_an_opt_out_that_was_removed_from_a_number_is_named(sealed: Database) -> None:
    with sealed.unit_of_work() as session:
        sam = session.get_one(ConsentEvent, 1).contact_id or 0
        how = make.evidence(Source.PREFERENCE_CENTER)
        consent.opt_out(session, locking.lock(session, sam), 1, make.SAMS_NUMBER, how, at=clock.now())
    sealing.seal(sealed)
    assert verified(sealed)["result"] == "ok"
    for statement in (
        "DELETE FROM destination_opt_outs",
        "UPDATE destination_opt_outs SET created_at = '2020-01-01 00:00:00.000001'",
    ):
        with tampered(sealed) as connection:
            connection.execute(text(statement))
            (found,) = verified_in(connection, sealed)["state"]["mismatches"]["rows"]
            assert (found["table"], found["contact_id"]) == ("destination_opt_outs", sam)


def test_nothing_is_found_after_merges_erasures_and_rotated_keys(sealed: Database) -> None:
    with sealed.unit_of_work() as session:
        offers = session.get_one(SubscriptionType, 1)
        ended = make.contact(session, phone_number=make.SAMS_NUMBER)
        stays = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, ended, offers)
        make.opt_out(session, ended, offers, at=clock.now())
        contacts.change_gdpr_optin(session, ended, gdpr_optin=False, at=clock.now())
        merge.merge(session, ended.public_id, stays.public_id, actor="agent:1", at=clock.now())
        signing_keys.rotate(session)
    sealing.seal(sealed)
    with sealed.unit_of_work() as session:
        for contact_id in (1, stays.id):
            erase.erase(session, locking.lock_contact(session, contact_id), actor="agent:1", at=clock.now())
        eves_hash = session.get_one(ConsentEvent, 4).destination_hash or ""
        suppressions.lift(session, eves_hash, actor="agent:1", at=clock.now())
    sealing.seal(sealed)
    found = verified(sealed)
    assert found["result"] == "ok", found
    assert found["evidence"]["erased"] > 3
    assert found["keys"]["total"] == 2


def test_nothing_is_found_where_the_clock_was_an_hour_ahead_and_is_set_back(database: Database) -> None:
    ahead = make.NOON + timedelta(hours=1)
    with time_machine.travel(ahead, tick=False):
        with database.unit_of_work() as session:
            offers = make.live_type(session)
            sam = make.contact(session, phone_number=make.SAMS_NUMBER)
            make.opt_in(session, sam, offers, at=ahead)
        sealing.seal(database)
    with time_machine.travel(make.NOON, tick=False):
        with database.unit_of_work() as session:
            make.opt_out(session, sam, offers, at=make.NOON)
        sealing.seal(database)
        with database.unit_of_work() as session:
            signing_keys.rotate(session)
            make.opt_in(session, sam, offers, at=make.NOON)
        sealing.seal(database)
    found = verified(database)
    assert (found["result"], found["seals"]["total"]) == ("ok", 3), found


def is_reachable(session: Session, contact: Contact, offers: SubscriptionType) -> bool:
    return not eligibility.status(session, contact, offers).reasons


def text_in(session: Session, word: str, hours: int) -> None:
    came = InboundText("sandbox", f"text-{hours}", make.SAMS_NUMBER, "12345", word)
    receiving.receive(session, came, at=make.NOON + timedelta(hours=hours))


@pytest.mark.parametrize("by", ["stranger", "client", "client who repeated it for another number"])
def test_start_gives_back_the_opt_outs_that_were_there_before_stop_and_a_verification_misses_them(
    database: Database, by: str
) -> None:
    unverified = make.evidence(Source.PREFERENCE_CENTER, level=EvidenceLevel.WEB_UNVERIFIED)
    how = unverified if by == "stranger" else reported_by("api:1")
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead, sam = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        make.opt_in(session, sam, offers)
        if by.endswith("number"):
            contacts.change_phone(session, lead, make.EVES_NUMBER, evidence=how, at=make.NOON)
            make.opt_out(session, lead, offers, evidence=how)
            contacts.change_phone(session, lead, make.SAMS_NUMBER, evidence=how, at=make.NOON)
        make.opt_out(session, lead, offers, evidence=how)
        opt_outs = select(*DestinationOptOut.__table__.c).order_by(DestinationOptOut.destination_hash)
        before, is_reached = session.execute(opt_outs).all(), is_reachable(session, sam, offers)
        assert (len(before), is_reached) == {"stranger": (0, True), "client": (1, False)}.get(by, (2, False))
        for hours, word in ((2, "STOP"), (3, "START")):
            text_in(session, word, hours)
        assert session.execute(opt_outs).all() == before
        assert is_reachable(session, sam, offers) == is_reached
    found = verified(database)
    assert found["result"] == "ok", found
    with tampered(database) as connection:
        connection.execute(text("DELETE FROM destination_opt_outs"))
        assert verified_in(connection, database)["state"]["mismatches"]["count"] == len(before)
    with database.unit_of_work() as session:
        note = make.evidence(Source.AGENT, actor="agent:1", note="By phone.")
        lead = session.get_one(Contact, lead.id)
        make.opt_in(session, lead, offers, evidence=note, at=make.NOON + timedelta(hours=4))
    assert verified(database)["result"] == "ok"


def test_start_gives_back_the_opt_out_of_a_number_that_another_contact_had_lifted(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead, sam = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        make.opt_out(session, lead, offers)
        by_text = make.evidence(Source.KEYWORD, level=EvidenceLevel.MO_REPLY)
        make.opt_in(session, sam, offers, evidence=by_text, at=make.NOON + timedelta(hours=1))
        assert session.scalars(select(DestinationOptOut)).all() == []
        for hours, word in ((2, "STOP"), (3, "START")):
            text_in(session, word, hours)
        assert is_reachable(session, sam, offers)
        assert session.scalars(select(DestinationOptOut)).all() == []
    assert verified(database)["result"] == "ok"


def test_a_client_repeats_the_opt_out_of_an_unknown_person_for_the_number_and_nothing_is_found(
    sealed: Database,
) -> None:
    with sealed.unit_of_work() as session:
        offers, lead = session.get_one(SubscriptionType, 1), make.contact(session, phone_number=make.EVES_NUMBER)
        unverified = make.evidence(Source.PREFERENCE_CENTER, level=EvidenceLevel.WEB_UNVERIFIED)
        make.opt_out(session, lead, offers, evidence=unverified)
        make.opt_out(session, lead, offers, evidence=make.evidence(Source.API, actor="api:1"))
        assert session.scalars(select(DestinationOptOut.contact_id)).all() == [lead.id]
    found = verified(sealed)
    assert found["result"] == "ok", found["state"]


def test_evidence_that_was_erased_without_an_event_is_named(sealed: Database) -> None:
    with sealed.unit_of_work() as session:
        evidence.erase(session, 1, at=make.NOON)
    assert verified(sealed)["evidence"]["unexplained_erasures"]["ids"] == [1, 2, 3]
    with sealed.unit_of_work() as session:
        of_type = events.Subject(1, 1, None, None)
        events.record(session, Action.ERASE, of_type, make.evidence(Source.SYSTEM), at=make.NOON)
    assert verified(sealed)["result"] == "ok"


def test_a_rollback_behind_a_published_head_is_found(sealed: Database) -> None:
    published = head_of(sealed)
    with sealed.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.EVES_NUMBER), session.get_one(SubscriptionType, 1))
    sealing.seal(sealed)
    assert verified(sealed, published)["heads"] == [
        {"seal_id": 3, "seal_hash": published["seal_hash"], "found": True},
    ]
    for lost in (published | {"seal_id": 9}, published | {"seal_hash": "00"}):
        found = verified(sealed, lost)
        assert (found["result"], found["heads"][0]["found"]) == ("tampered", False)
    with sealed.unit_of_work() as session:
        head.mark_published(session, published | {"seal_hash": "00"}, way="file", at=make.NOON)
    assert verified(sealed)["result"] == "tampered", "the database remembers what it published"


def test_a_head_that_a_restore_took_away_is_told_and_no_tampering(sealed: Database) -> None:
    lost = head_of(sealed) | {"seal_id": 6, "seal_hash": "aa"}
    replaced = {"seal_id": 7, "seal_hash": "bb", "last_event": 99}
    sealing.seal(sealed, restore={"backup_made_at": "2026-11-02", "last_event": 5, "replaced": replaced})
    found = verified(sealed, lost)
    assert found["result"] == "ok"
    assert found["heads"][0]["lost_by_restore_in_seal"] == 4
    assert found["restores"][0]["restore"]["replaced"] == replaced
    assert verified(sealed, lost | {"seal_id": 8})["result"] == "tampered", "it was published after the restore"
    an_hour_later = lost["seal"]["sealed_at"] + 3_600_000_000
    later = lost | {"seal": lost["seal"] | {"sealed_at": an_hour_later}}
    assert verified(sealed, later)["result"] == "tampered", "a rollback after the restore took it"


def test_a_verification_can_be_stopped(sealed: Database) -> None:
    with pytest.raises(Stopped):
        verify(sealed, is_stopping=lambda: True)


def test_a_verification_writes_nothing(sealed: Database) -> None:
    seen: list[str] = []
    sealed.trace = seen.append
    verify(sealed)
    assert not [each for each in seen if not each.lstrip().upper().startswith("SELECT")]


def verified(database: Database, *published: Found) -> Found:
    return verify(database, heads=list(published)).as_json()


def head_of(database: Database) -> Found:
    with database.read_only() as session:
        found = head.current(session)
    assert found is not None
    return found


def unreadable(database: Database, columns: Iterable[str]) -> list[tuple[str, str]]:
    """Each column with values that cannot be read. SQLite keeps whatever is written, PostgreSQL checks most of it."""
    if database.is_sqlite:
        return [(column, value) for column in columns for value in ("'[garbage'", "CAST(x'ff' AS TEXT)")]
    of_ending = {"_at": ("'infinity'", "'0044-03-15 BC'"), "facts": ("'[0.5]'", "'{\"cause\": 1e999}'")}
    return [(each, value) for each in columns for end in of_ending if each.endswith(end) for value in of_ending[end]]


@contextmanager
def tampered(database: Database) -> Iterator[Connection]:
    """A connection without triggers and foreign keys; what it changes is undone at the end."""
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if database.is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
            driver.execute("PRAGMA ignore_check_constraints=ON")
            names = driver.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            statements = [f"DROP TRIGGER {name}" for (name,) in names]
        else:
            statements = ["SET LOCAL session_replication_role = replica"]
        for each in statements:
            connection.execute(text(each))
        yield connection
        connection.rollback()
        if database.is_sqlite:
            driver.execute("PRAGMA foreign_keys=ON")
            driver.execute("PRAGMA ignore_check_constraints=OFF")


def verified_in(connection: Connection, database: Database) -> Found:
    with Session(bind=connection, autoflush=False) as session:
        session.info.update(database.info)
        found: Found = json.loads(json.dumps(verify_in(session).as_json()))
        return found
