"""Lists of contacts: pages in both directions, what was typed, exact counts, and plans without a scan."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.bulk import count_jobs, jobs, selection
from app.core.contacts import exact_counts, filters, list_rows, search, segments, typed_search
from app.core.contacts.search_walks import Order
from app.core.errors import InvalidState
from app.core.workspace import settings
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import Channel, ConsentType, Contact, JobKind, JobState
from tests import make

LEADS = {"field": "role", "operator": "=", "value": "lead"}


def ids_of(session: Session, typed: str, raw: Any = None, order: Order | None = None) -> list[int]:
    query = typed_search.and_typed(filters.read(raw) if raw else None, typed)
    return search.window(session, query, order or Order(), limit=50).ids


def test_pages_go_forward_and_back_in_every_order(database: Database) -> None:
    with database.unit_of_work() as session:
        for number, name in enumerate(["Zoe", "ana", "Sam", None, "sam", None, "Bo"]):
            made = make.contact(
                session, name=name, role="lead", external_id=None, phone_number=f"+120255501{number:02}"
            )
            made.last_seen_at = make.NOON.replace(day=number + 1) if number % 2 else None
    orders = [
        Order(field, is_descending=down)
        for field in (None, "name", "last_seen_at", "created_at")
        for down in (True, False)
    ]
    beginning = {"field": "phone", "operator": "^", "value": "+1202"}
    with database.read_only() as session:
        for order in orders:
            for raw in (None, LEADS, beginning):
                query = filters.read(raw) if raw else None
                whole = search.window(session, query, order, limit=50).ids
                assert len(whole) == 7
                seen, back, after = [], [], None
                while True:
                    page = search.window(session, query, order, after=after, limit=2)
                    assert (page.before is None) == (after is None)
                    seen += page.ids
                    if page.after is None:
                        break
                    after = page.after
                assert seen == whole, order
                before = page.before
                while before is not None:
                    page = search.window(session, query, order, before=before, limit=2)
                    assert page.after is not None
                    back = page.ids + back
                    before = page.before
                assert back == whole[:6], order
        names = [session.get_one(Contact, each).name for each in search.window(session, None, orders[3], limit=9).ids]
    assert names == ["ana", "Bo", "Sam", "sam", "Zoe", None, None]


def test_what_was_typed_finds_parts_of_a_number_a_name_or_an_address(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"default_country": "US"}, actor="agent:1", at=make.NOON)
        sam = make.contact(
            session,
            name="Samira Rivéra",
            phone_number=make.SAMS_NUMBER,
            email_address="sam@example.com",
            external_id="s-1",
        )
        bo = make.contact(session, name="Bo", phone_number=make.BRITISH_NUMBER, email_address="bo@shop.example.org")
        gone = make.contact(session, name="Samira Gone", email_address="gone@example.net")
        gone.archived_at = make.NOON
        merged = make.contact(session, name="Samira Merged")
        merged.merged_into_id, merged.archived_at = sam.id, make.NOON
        session.flush()
        wanted = {
            "(202) 555-0123": [sam],
            "202 555": [sam],
            "+1 202": [sam],
            "1 202": [sam],
            "5550123": [sam],
            "0123": [bo, sam],
            "55 50 1": [sam],
            "07400 123456": [bo],
            "00000 123456": [],
            "7400-1234": [bo],
            "0044 7400": [bo],
            "3456": [bo],
            "rivera": [sam],
            "RIVÉRA": [sam],
            "samira": [gone, sam],
            "SAM@example.com": [sam],
            "sam@ex": [sam],
            "@example.com": [sam],
            "shop.example.org": [bo],
            "s-1": [sam],
            f"Lead {sam.public_id[:8]}": [sam],
            sam.public_id: [sam],
            "nobody": [],
            "%": [],
            "": [bo, sam],
        }
        for typed, found in wanted.items():
            assert ids_of(session, typed) == [each.id for each in found], typed
            by_name = ids_of(session, typed, order=Order("name", is_descending=False))
            assert sorted(by_name) == sorted(each.id for each in found), typed
            chosen = {"query": None, "q": typed}
            assert selection.next_ids(session, chosen, 0, 50) == sorted(each.id for each in found), typed
        british = {"field": "phone_country", "operator": "=", "value": "GB"}
        assert ids_of(session, "bo", british) == [bo.id]
        assert ids_of(session, "samira", british) == []


def test_the_rows_of_a_list_have_tags_and_the_same_status_as_the_contact_page(database: Database) -> None:
    from app.core.consent import eligibility, suppressions
    from app.core.contacts import tags

    with database.unit_of_work() as session:
        offers, letter = (
            make.live_type(session),
            make.live_type(session, name="Letter", channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT),
        )
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address="sam@example.com")
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        make.opt_in(session, sam, offers)
        make.opt_out(session, sam, letter)
        suppressions.add(session, make.EVES_NUMBER, note="x", actor="agent:1", at=make.NOON)
        tags.attach(
            session,
            sam.public_id,
            tags.create(session, "VIP", actor="agent:1", at=make.NOON).id,
            actor="agent:1",
            at=make.NOON,
        )
        rows = list_rows.of_ids(session, [eve.id, sam.id, 9999], [offers, letter])
        assert [(row.contact.id, row.tags) for row in rows] == [(eve.id, ()), (sam.id, ("VIP",))]
        for row in rows:
            for each in (offers, letter):
                status, shown = eligibility.status(session, row.contact, each), row.statuses[each.id]
                assert (shown.state, shown.is_subscribed) == (status.state, status.is_subscribed)
                assert ("suppressed" in shown.reasons) == ("suppressed" in status.reasons)


def test_a_count_job_counts_exactly_and_is_remembered_for_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(count_jobs, "CHUNK", 2)
    with database.unit_of_work() as session:
        for number in range(5):
            make.contact(session, name=f"Sam {number}")
        make.contact(session, role="lead", external_id=None, name=None)
        offers = make.live_type(session)
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER, name="Eve"), offers)
    subscribed = {"field": f"subscription_types.{offers.id}", "operator": "=", "value": "opted_in"}
    for query, q, number in ((LEADS, "", 1), (None, "sam", 5), (None, "", 7), (subscribed, "", 1)):
        chosen = {"query": query, "q": q}
        with database.unit_of_work() as session:
            job = count_jobs.start(session, chosen, actor="agent:1", at=make.NOON)
            assert count_jobs.start(session, chosen, actor="agent:1", at=make.NOON).id == job.id
        run_bulk_jobs.run_until_done(database, job.id)
        with database.read_only() as session:
            done = count_jobs.newest(session, chosen, at=make.NOON)
            assert done is not None
            assert (done.id, done.state, count_jobs.result(done)) == (job.id, JobState.DONE, number)
            assert done.finished_at
            assert count_jobs.newest(session, chosen, at=done.finished_at + count_jobs.REMEMBERED) is None
            assert count_jobs.newest(session, {"query": query, "q": "x"}, at=make.NOON) is None


def test_a_segment_is_kept_while_a_bulk_job_uses_it(database: Database) -> None:
    with database.unit_of_work() as session:
        segment = segments.create(session, "Leads", LEADS, actor="agent:1", at=make.NOON)
        query = {"operator": "OR", "value": [{"field": "segment_id", "operator": "=", "value": segment.public_id}]}
        job = jobs.create(session, JobKind.ARCHIVE, {"selection": {"query": query}}, actor="agent:1", at=make.NOON)
        other = jobs.create(session, JobKind.ARCHIVE, {"selection": {"contact_ids": []}}, actor="agent:1", at=make.NOON)
        for each in (job, other):
            jobs.start(session, each, at=make.NOON)
        with pytest.raises(InvalidState):
            segments.delete(session, segment, actor="agent:1", at=make.NOON)
        jobs.finish(job, JobState.DONE, at=make.NOON)
        session.flush()
        segments.delete(session, segment, actor="agent:1", at=make.NOON)
        assert segments.find_all(session) == []


def test_other_filters_are_counted_up_to_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COUNTED_MAX", 3)
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for number in range(4):
            make.opt_in(session, make.contact(session, phone_number=f"+120255501{number:02}"), offers)
        state = {"field": f"subscription_types.{offers.id}", "operator": "=", "value": "reachable"}
        segment = segments.create(session, "Offers", state, actor="agent:1", at=make.NOON)
        users = {"field": "role", "operator": "=", "value": "user"}
        assert exact_counts.count(session, filters.read(users)) == exact_counts.Counted(3, is_minimum=True)
        assert exact_counts.count(session, filters.read(state)) == exact_counts.Counted(4)
        of_segment = {"field": "segment_id", "operator": "=", "value": segment.public_id}
        assert exact_counts.count(session, filters.read(of_segment)) == exact_counts.Counted(4)
        others = filters.read({**state, "operator": "!="})
        assert exact_counts.count(session, others) == exact_counts.Counted(0)
        assert session.scalars(select(Contact.id)).all()
