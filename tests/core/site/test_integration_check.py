"""The checklist of a page follows from what it sent last."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.site import integration_check, sample_rows, snippets
from app.core.site.integration_check import Check, Chosen, Outcome
from app.core.site.sample_rows import PageSamples
from app.core.site.samples import Sample, SiteReports, ValueKind
from app.db import Database
from tests import make

SHOP, EVE = "https://shop.example.com", "https://eve.example.com"
SAM = Sample(
    origin=SHOP,
    path="/cart",
    source="insider_object",
    phone_number=ValueKind.GIVEN,
    sms_optin=ValueKind.TRUE,
    gdpr_optin=ValueKind.FALSE,
    uuid=ValueKind.GIVEN,
    identity="signed",
    is_signed_in=True,
)
ABSENT = ValueKind.ABSENT
NOTHING = {"phone_number": ABSENT, "sms_optin": ABSENT, "gdpr_optin": ABSENT, "uuid": ABSENT}
VISITOR = replace(SAM, is_signed_in=False, identity="unsigned", **NOTHING)  # an object without values


def page(signed_in: Sample | None = None, signed_out: Sample | None = None) -> PageSamples:
    return PageSamples(SHOP, "/cart", signed_in, signed_out, 1, make.NOON, make.NOON)


def results(of: PageSamples, *, is_allowed: bool = True) -> dict[Check, tuple[Outcome, tuple[str, ...]]]:
    found = integration_check.check(of, is_allowed=is_allowed)
    assert [each.check for each in found] == list(Check)
    return {each.check: (each.outcome, each.codes) for each in found}


def test_a_page_that_is_right_for_signed_in_visitors_is_right_in_every_line() -> None:
    for signed_out in (None, VISITOR):
        assert {outcome for outcome, _ in results(page(SAM, signed_out)).values()} == {Outcome.RIGHT}


@pytest.mark.parametrize(
    ("of", "seen"),
    [
        (page(), set()),
        (page(signed_out=VISITOR), {Check.OBJECT, Check.SOURCE}),
        (
            page(signed_out=replace(SAM, uuid=ABSENT, is_signed_in=False, identity="unsigned")),
            {Check.OBJECT, Check.SOURCE, Check.PROPERTIES, Check.TYPES, Check.NUMBER},
        ),
    ],
)
def test_what_no_visitor_could_show_yet_is_not_seen(of: PageSamples, seen: set[Check]) -> None:
    found = results(of)
    assert {name for name, (outcome, _) in found.items() if outcome == Outcome.RIGHT} == {Check.ORIGIN, *seen}
    assert {outcome for outcome, _ in found.values()} <= {Outcome.RIGHT, Outcome.NOT_SEEN}


@pytest.mark.parametrize(
    ("of", "name", "codes"),
    [
        (page(signed_out=replace(VISITOR, source="")), Check.OBJECT, ["user:no_object"]),
        (page(replace(SAM, problems=("user:not_an_object",))), Check.OBJECT, ["user:not_an_object"]),
        (page(replace(SAM, source="both")), Check.SOURCE, ["user:both_sources"]),
        (page(SAM, replace(VISITOR, problems=("user:both_sources",))), Check.SOURCE, ["user:both_sources"]),
        (page(replace(SAM, sms_optin=ABSENT)), Check.PROPERTIES, ["sms_optin:missing"]),
        (
            page(signed_out=replace(VISITOR, phone_number=ValueKind.GIVEN)),
            Check.PROPERTIES,
            ["gdpr_optin:missing", "sms_optin:missing"],
        ),
        (page(replace(SAM, problems=("sms_optin:not_a_boolean",))), Check.TYPES, ["sms_optin:not_a_boolean"]),
        (page(replace(SAM, problems=("email:empty", "uuid:junk"))), Check.TYPES, ["email:empty"]),
        (page(replace(SAM, problems=("phone_number:not_e164",))), Check.NUMBER, ["phone_number:not_e164"]),
        (page(replace(SAM, problems=("phone_number:impossible",))), Check.NUMBER, ["phone_number:impossible"]),
        (page(replace(SAM, source="", **NOTHING)), Check.FILLED, ["user:missing_when_signed_in"]),
        (page(replace(SAM, problems=("user:missing_when_signed_in",))), Check.FILLED, ["user:missing_when_signed_in"]),
        (page(replace(SAM, problems=("uuid:junk", "uuid:unknown"))), Check.USER_ID, ["uuid:junk", "uuid:unknown"]),
        (page(replace(SAM, identity="user_id_mismatch")), Check.USER_ID, ["uuid:mismatch"]),
        (page(replace(SAM, identity="unsigned")), Check.SIGNED, ["identity:unsigned"]),
        (page(replace(SAM, identity="user_jwt_expired")), Check.SIGNED, ["identity:user_jwt_expired"]),
        (page(signed_out=replace(VISITOR, identity="user_id_missing")), Check.SIGNED, ["identity:user_id_missing"]),
    ],
)
def test_each_mistake_is_named_in_its_line(of: PageSamples, name: Check, codes: list[str]) -> None:
    assert results(of)[name] == (Outcome.WRONG, tuple(codes))


def test_an_unknown_id_may_be_a_new_customer_and_another_origin_is_wrong() -> None:
    found = results(page(replace(SAM, problems=("uuid:unknown",))), is_allowed=False)
    assert found[Check.USER_ID] == (Outcome.DOUBTFUL, ("uuid:unknown",))
    assert found[Check.ORIGIN] == (Outcome.WRONG, ("origin:origin_not_allowed",))


def test_pages_are_counted_filtered_and_listed_by_fifty(database: Database) -> None:
    with database.unit_of_work() as session:
        snippets.allow(session, SHOP, actor="agent:1", at=make.NOON)
        reports = SiteReports()
        for minute in range(60):
            problems = () if minute % 3 else ("sms_optin:not_a_boolean",)
            reports.add(replace(SAM, path=f"/page-{minute}", problems=problems))
            sample_rows.write_waiting(session, reports, at=make.NOON + timedelta(minutes=minute))
        reports.see(SHOP, "/waits")
        reports.add(replace(SAM, origin=EVE, path="/"))
        sample_rows.write_waiting(session, reports, at=make.NOON)
        all_ = integration_check.overview(session, Chosen())
        assert (all_.total, all_.right, all_.wrong) == (62, 40, 21)
        assert [(each.origin, each.is_allowed, each.pages, each.wrong) for each in all_.origins] == [
            (SHOP, True, 61, 20),
            (EVE, False, 1, 1),
        ]
        assert [each.page.path for each in all_.pages[:2]] == ["/page-59", "/page-58"]
        rest = integration_check.overview(session, Chosen(after=all_.older))
        listed = [each.page for each in (*all_.pages, *rest.pages)]
        assert (len(all_.pages), len(listed), len(set(map(str, listed))), rest.older) == (50, 62, 62, "")
        wrong = integration_check.overview(session, Chosen(origin=SHOP, only_wrong=True, after="nonsense"))
        assert len(wrong.pages) == 20
        assert (wrong.total, wrong.older) == (62, "")
