"""Events are sealed in batches, each once, in an order in which nothing can appear later."""

import random
import threading
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select, text, update

from app.core import audit
from app.core.errors import InvalidState
from app.core.ledger import events, merkle, pending, proofs, sealing, seals, signing_keys
from app.core.ledger.canonical import canonical_json
from app.core.proof import receipts
from app.db import Database
from app.models import Action, ConsentEvent, LedgerSeal
from tests import make


def test_events_are_sealed_in_linked_and_signed_batches(database: Database) -> None:
    recorded = record(database, 5)
    assert sealing.seal(database, batch=2) == 5
    assert sealing.seal(database, batch=2) == 0
    with database.read_only() as session:
        made = all_seals(database)
        assert [each.ids for each in made] == [seals.to_ranges(recorded[at : at + 2]) for at in (0, 2, 4)]
        assert [each.count for each in made] == [2, 2, 1]
        previous = seals.NO_SEAL
        (key,) = signing_keys.all_keys(session)
        for each in made:
            assert (each.previous, each.key_id) == (previous, key.id)
            assert merkle.root(merkle.split(each.leaves)) == each.root
            assert signing_keys.is_signed(key.public_key, each.signature, seals.signed_bytes(each))
            previous = seals.hash_of(each)


def test_every_sealed_event_has_a_proof_that_leads_to_its_seal(database: Database) -> None:
    recorded = record(database, 7)
    assert proof(database, recorded[0]) is None
    sealing.seal(database, batch=5)
    for event_id in recorded:
        found = proof(database, event_id)
        assert found is not None
        assert found.record["id"] == event_id
        assert found.leaf == merkle.leaf_hash(canonical_json(found.record))
        assert merkle.root_of_path(found.leaf, found.index, found.seal.count, found.path) == found.seal.root
    assert proof(database, recorded[-1] + 1) is None


def test_two_sealers_at_the_same_time_seal_each_event_once(database: Database) -> None:
    recorded = record(database, 40)
    sealers = [threading.Thread(target=sealing.seal, args=(database,), kwargs={"batch": 3}) for _ in range(3)]
    for each in sealers:
        each.start()
    for each in sealers:
        each.join()
    sealing.seal(database, batch=3)
    assert sorted(covered(database)) == recorded
    assert [each.id for each in all_seals(database)] == list(range(1, len(all_seals(database)) + 1))


def test_a_key_that_was_lost_is_replaced_by_the_next_seal_and_refuses_receipts_until_then(database: Database) -> None:
    damages = (
        "UPDATE signing_keys SET private_key = NULL WHERE retired_at IS NULL",
        "UPDATE signing_keys SET private_key = proof WHERE retired_at IS NULL",
        "UPDATE signing_keys SET proof = id::bytea WHERE retired_at IS NULL",
        "INSERT INTO signing_keys SELECT 'x', proof, proof, proof, '2099-01-01', NULL FROM signing_keys LIMIT 1",
        "DELETE FROM signing_keys WHERE retired_at IS NULL",
    )
    (sealed,) = record(database, 1)
    sealing.seal(database)
    for damage in damages:
        with database.unit_of_work() as session:
            session.execute(text(damage.replace("id::bytea", "id") if database.is_sqlite else damage))
        with database.read_only() as session, pytest.raises(InvalidState) as refused:
            receipts.receipt(session, receipts.line_of(session, sealed), issuer="https://example.com", at=make.NOON)
        assert refused.value.code == "signing_key_lost", damage
        record(database, 1)
        assert sealing.seal(database) == 1, damage
        with database.read_only() as session:
            (key,) = [each for each in signing_keys.all_keys(session) if each.retired_at is None]
            newest = all_seals(database)[-1]
            assert signing_keys.is_signed(key.public_key, newest.signature, seals.signed_bytes(newest)), damage
            receipt = receipts.receipt(session, receipts.line_of(session, sealed), issuer="-", at=make.NOON)
            assert receipt["signed_by"]["kid"] == key.id
    with database.read_only() as session:
        replaced = audit.find(session, audit.Filter(actions=["signing_key.rotated"]), limit=10)
        assert len(replaced) == len(damages) - 1, "a key whose row is gone is made as the first one was"


@pytest.mark.databases("postgresql")  # SQLite has one writer
def test_nothing_is_sealed_past_an_event_that_can_still_appear(database: Database) -> None:
    (first,) = record(database, 1)
    with database.unit_of_work() as open_transaction:
        held = record_in(open_transaction)
        later = record(database, 3)
        sealing.seal(database)
        assert covered(database) == [first]
    sealing.seal(database)
    assert sorted(covered(database)) == [first, held, *later]
    assert held < later[0]


@pytest.mark.databases("postgresql")
def test_sixteen_writers_and_a_held_transaction_leave_nothing_out(database: Database) -> None:
    waiting = threading.Event()
    written: list[int] = []

    def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(6):
            with suppress(RolledBack):
                with database.unit_of_work() as session:
                    ids = [record_in(session) for _ in range(chance.randint(1, 3))]
                    waiting.wait(chance.random() / 100)
                    if chance.random() < 0.2:
                        raise RolledBack
                written.extend(ids)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(16)]
    with database.unit_of_work() as held:
        held_id = record_in(held)
        for each in writers:
            each.start()
        while any(each.is_alive() for each in writers):
            sealing.seal(database, batch=7)
        assert covered(database) == [], "the held transaction is the oldest"
    while sealing.seal(database, batch=7):
        pass
    assert sorted(covered(database)) == sorted([held_id, *written])
    in_order = order_of_transactions(database)
    ends = [max(in_order[event_id] for event_id in ids_of(each)) for each in all_seals(database)]
    assert ends == sorted(ends), "no seal has an event of an older transaction than the seal before"


@pytest.mark.databases("postgresql")  # SQLite's backup has the whole file
@pytest.mark.parametrize("lost", ["no position", "a position of another cluster"])
def test_events_that_were_copied_from_another_cluster_are_sealed_once(lost: str, database: Database) -> None:
    recorded = record(database, 3)
    sealing.seal(database)
    recorded += record(database, 9)
    position: Any = None if lost == "no position" else 2**40
    with database.unit_of_work() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(update(LedgerSeal).values(up_to_xid=position))
        session.execute(update(ConsentEvent).where(ConsentEvent.id == recorded[4]).values(recorded_xid=2**41))
    sealing.seal(database, batch=4)
    recorded += record(database, 2)
    sealing.seal(database, batch=4)
    assert sorted(covered(database)) == recorded
    with database.read_only() as session:
        newest = seals.newest(session)
        assert newest is not None
        assert not pending.is_position_lost(session, newest)


def test_a_seal_can_tell_of_a_restore_though_no_event_waits(database: Database) -> None:
    assert sealing.seal(database, restore={"made_at": 1}) == 0
    (made,) = all_seals(database)
    assert (made.count, made.restore, made.ids) == (0, {"made_at": 1}, [])
    assert made.root == merkle.root([])
    record(database, 1)
    sealing.seal(database)
    assert all_seals(database)[-1].restore is None


def test_ids_are_kept_as_ranges() -> None:
    ranges = seals.to_ranges([1, 2, 3, 7, 9, 10])
    assert ranges == [[1, 3], [7, 7], [9, 10]]
    assert [seals.index_of(ranges, each) for each in (1, 3, 7, 10)] == [0, 2, 3, 5]
    assert not seals.covers(ranges, 8)
    with pytest.raises(ValueError, match="not covered"):
        seals.index_of(ranges, 8)


class RolledBack(Exception):
    pass


def record(database: Database, count: int) -> list[int]:
    ids = []
    for _ in range(count):
        with database.unit_of_work() as session:
            ids.append(record_in(session))
    return ids


def record_in(session: Any) -> int:
    subject = events.Subject(None, None, make.SAMS_NUMBER, "sam")
    return events.record(session, Action.SUPPRESS, subject, make.evidence(), at=make.NOON)


def covered(database: Database) -> list[int]:
    return [event_id for each in all_seals(database) for event_id in ids_of(each)]


def ids_of(seal: LedgerSeal) -> list[int]:
    return [event_id for first, last in seal.ids for event_id in range(first, last + 1)]


def all_seals(database: Database) -> list[LedgerSeal]:
    with database.read_only() as session:
        return list(session.scalars(select(LedgerSeal).order_by(LedgerSeal.id)))


def proof(database: Database, event_id: int) -> proofs.InclusionProof | None:
    with database.read_only() as session:
        return proofs.inclusion_proof(session, event_id)


def order_of_transactions(database: Database) -> dict[int, int]:
    with database.read_only() as session:
        return {row.id: row.recorded_xid for row in session.execute(select(ConsentEvent.id, ConsentEvent.recorded_xid))}
