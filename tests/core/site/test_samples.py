"""What pages send waits in memory, bounded, and is written for many pages together."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import StatementError

from app.core.site import counts, sample_rows, snippets
from app.core.site.samples import PATHS_MAX, WRITE_EVERY, Sample, SiteReports, ValueKind
from app.db import Database
from app.models import SiteCountKind
from tests import make

SHOP, EVE = "https://shop.example.com", "https://eve.example.com"
SIGNED = Sample(
    origin=SHOP,
    path="/cart",
    source="insider_object",
    phone_number=ValueKind.GIVEN,
    sms_optin=ValueKind.TRUE,
    gdpr_optin=ValueKind.REFUSED,
    uuid=ValueKind.GIVEN,
    identity="signed",
    is_signed_in=True,
    problems=("gdpr_optin:not_a_boolean",),
)
SIGNED_OUT = replace(SIGNED, source="", is_signed_in=False, identity="unsigned", problems=())


def allow(database: Database, *origins: str) -> None:
    with database.unit_of_work() as session:
        for origin in origins:
            snippets.allow(session, origin, actor="agent:1", at=make.NOON)


def write(database: Database, reports: SiteReports, *, minutes: int = 0) -> None:
    with database.unit_of_work() as session:
        sample_rows.write_waiting(session, reports, at=make.NOON + timedelta(minutes=minutes))


def pages(database: Database) -> list[sample_rows.PageSamples]:
    with database.read_only() as session:
        return sample_rows.find(session)


def test_a_page_keeps_its_last_sample_of_signed_in_and_of_other_visitors(database: Database) -> None:
    allow(database, SHOP)
    one, other = SiteReports(), SiteReports()  # of two processes
    one.add(replace(SIGNED, problems=()))
    one.add(SIGNED)
    one.see(SHOP, "/help")
    other.add(SIGNED_OUT)
    write(database, one)
    write(database, other, minutes=1)
    other.add(SIGNED_OUT)
    write(database, other, minutes=2)
    cart, help_page = pages(database)
    assert (cart.signed_in, cart.signed_out, cart.views) == (SIGNED, SIGNED_OUT, 4)
    assert cart.changed_at == make.NOON + timedelta(minutes=1), "the last sample was the same as before"
    assert cart.last_seen_at == make.NOON + timedelta(minutes=2)
    assert (help_page.path, help_page.samples, help_page.views) == ("/help", [], 0)


def test_what_cannot_be_written_waits_and_newer_samples_win(database: Database) -> None:
    allow(database, SHOP)
    reports = SiteReports()
    reports.add(replace(SIGNED, source="both"))
    reports.count(SiteCountKind.REFUSED, "uuid:junk")
    with database.read_only() as session, pytest.raises(StatementError):
        sample_rows.write_waiting(session, reports, at=make.NOON.replace(tzinfo=None))
    reports.add(SIGNED)
    reports.count(SiteCountKind.REFUSED, "uuid:junk")
    failed = reports.take()
    reports.add(replace(SIGNED, problems=()))
    reports.give_back(failed)
    write(database, reports)
    (cart,) = pages(database)
    assert (cart.signed_in, cart.views) == (replace(SIGNED, problems=()), 3)
    reports.count(SiteCountKind.REFUSED, "uuid:junk")
    write(database, reports)
    with database.read_only() as session:
        assert counts.recent(session, SiteCountKind.REFUSED, at=make.NOON)[0].week == 3


def test_one_caller_writes_immediately_after_a_pause_and_the_next_two_seconds_later() -> None:
    reports, at = SiteReports(), make.NOON
    assert not reports.take_turn(at=at), "nothing waits"
    reports.add(SIGNED)
    assert [reports.take_turn(at=at) for _ in range(2)] == [True, False]
    reports.take()
    reports.count(SiteCountKind.IDENTITY, "unknown_key")
    assert not reports.take_turn(at=at + WRITE_EVERY / 2)
    assert reports.take_turn(at=at + WRITE_EVERY)
    reports.add(SIGNED)
    assert reports.take_turn(at=at - timedelta(days=1)), "a clock that was set back stops nothing"


def test_memory_and_table_are_bounded_by_origin(database: Database) -> None:
    allow(database, SHOP)
    reports = SiteReports()
    for number in range(PATHS_MAX + 50):
        reports.add(replace(SIGNED, path=f"/{number}"))
        reports.count(SiteCountKind.REFUSED, f"{number}:invented")
    for number in range(25):
        for path in range(15):
            reports.add(replace(SIGNED, origin=f"https://eve{number:02}.example.com", path=f"/{path}"))
    batch = reports.take()
    assert (len([page for page in batch.pages if page[0] == SHOP]), len(batch.counts)) == (PATHS_MAX, PATHS_MAX)
    reports.give_back(batch)
    write(database, reports)
    reports.add(replace(SIGNED, path="/newest"))
    reports.add(replace(SIGNED, origin="https://eve00.example.com", path="/newest"))
    write(database, reports, minutes=1)
    found = pages(database)
    others = {page.origin for page in found if page.origin != SHOP}
    assert len(others) == snippets.UNKNOWN_A_DAY
    assert {page.path for page in found[:2]} == {"/newest"}
    for origin, most in ((SHOP, PATHS_MAX), ("https://eve00.example.com", 10)):
        assert len([page for page in found if page.origin == origin]) == most


def test_samples_and_counts_are_kept_for_thirty_days(database: Database) -> None:
    allow(database, SHOP)
    reports = SiteReports()
    reports.add(SIGNED)
    reports.count(SiteCountKind.REFUSED, "sms_optin:not_a_boolean")
    reports.count(SiteCountKind.IDENTITY, "user_jwt_expired")
    write(database, reports)
    with database.unit_of_work() as session:
        for days, week in ((0, 1), (6, 1), (7, 0)):
            (found,) = counts.recent(session, SiteCountKind.REFUSED, at=make.NOON + timedelta(days=days))
            assert found == counts.ReasonCount("sms_optin:not_a_boolean", week, 1)
        for days, expected in ((29, (0, 0)), (31, (1, 2))):
            at = make.NOON + timedelta(days=days)
            assert (sample_rows.delete_old(session, at=at), counts.delete_old(session, at=at)) == expected
        assert sample_rows.delete_old(session, at=at) == counts.delete_old(session, at=at) == 0
