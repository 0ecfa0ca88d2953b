"""Double opt-in through the pages of a form."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.confirmations import replies
from app.core.consent import suppressions
from app.core.contacts import erase, merge
from app.core.contacts import records as contacts
from app.core.forms import insertion
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from app.models import (
    AuditEntry,
    Confirmation,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    InsertedForm,
    NumberFact,
    OutboxEvent,
    SmsMessage,
    Source,
)
from tests import make
from tests.web.embed.page import EmbedPage, answer, open_form

SAM, EVE = "(202) 555-0123", "(202) 555-0199"


def _form(database: Database, method: str, **values: Any) -> str:
    with database.unit_of_work() as session:
        return make.form(session, verify_number=method, **values).key


def _all(database: Database, model: Any) -> list[Any]:
    with database.read_only() as session:
        return list(session.scalars(select(model)))


def _texts(database: Database) -> list[SmsMessage]:
    return _all(database, SmsMessage)


def _code(database: Database) -> str:
    """The code of the newest text."""
    body = _texts(database)[-1].body
    found = re.match(r"\d{6}", body or "")
    assert found, body
    return found[0]


def _asked(client: FlaskClient, key: str, typed: str = SAM, **changes: Any) -> EmbedPage:
    page = answer(client, open_form(client, f"/f/form/{key}"), typed, country="US", **changes)
    assert (page.status, page.state) == (200, "confirm"), page.text
    return page


def _enter(client: FlaskClient, page: EmbedPage, code: str) -> EmbedPage:
    """Send the first form of the page that asks for the code."""
    html = page.response.get_data(as_text=True)
    action, sealed = _form_of(html, "/confirm")
    response = client.post(action, data={"confirm": sealed, "code": code})
    return _followed(client, response, page.path)


def _resend(client: FlaskClient, page: EmbedPage) -> EmbedPage:
    action, sealed = _form_of(page.response.get_data(as_text=True), "/resend")
    return _followed(client, client.post(action, data={"confirm": sealed}), page.path)


def _reloaded(client: FlaskClient, page: EmbedPage) -> EmbedPage:
    _, sealed = _form_of(page.response.get_data(as_text=True), "/confirm")
    return _followed(client, client.get(page.path, query_string={"confirm": sealed}), page.path)


def _followed(client: FlaskClient, response: Any, path: str) -> EmbedPage:
    from tests.web.embed.page import read

    while response.status_code == 303:
        response = client.get(response.headers["Location"])
    return read(response, path)


def _form_of(html: str, ending: str) -> tuple[str, str]:
    found = re.search(
        rf'<form[^>]*action="([^"]*{ending}[^"]*)"[^>]*>\s*<input type="hidden" name="confirm" value="([^"]*)"', html
    )
    assert found, html
    return found[1].replace("&amp;", "&"), found[2]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_code_from_the_text_opts_in_with_the_wording_that_the_form_showed(
    client: FlaskClient, database: Database
) -> None:
    key = _form(database, "code")
    page = _asked(client, key)
    assert "+1 202-555-0123" in page.text
    assert _all(database, Consent) == []
    assert _all(database, ConsentEvent) == []
    html = page.response.get_data(as_text=True)
    assert 'autocomplete="one-time-code"' in html
    assert 'inputmode="numeric"' in html
    text = _texts(database)[0]
    assert (text.purpose, text.phone, text.state) == ("code", make.SAMS_NUMBER, "queued")
    code = _code(database)
    assert text.body is not None
    assert text.body.endswith(f"@localhost #{code}")
    assert code not in html
    waiting = _all(database, Confirmation)[0]
    assert code.encode() not in (waiting.code_hash or b"")
    assert waiting.code_hash

    done = _enter(client, page, f" {code[:3]} {code[3:]} ")
    assert done.state == "done"
    assert "You’re signed up" in done.text
    assert "data-verified" in done.response.text
    consent, event, evidence = (_all(database, model)[0] for model in (Consent, ConsentEvent, ConsentEvidence))
    assert (consent.state, consent.destination) == ("opted_in", make.SAMS_NUMBER)
    assert (event.action, event.source, event.evidence_level) == ("opt_in", "verification", "otp")
    assert evidence.wording_hash
    assert evidence.details["confirmed_by"] == "code"
    assert evidence.details["answered_level"] == "web_unverified"
    ended = _all(database, Confirmation)[0]
    assert (ended.state, ended.phone, ended.code_hash, ended.evidence) == ("confirmed", None, None, None)
    assert ended.event_id == event.id
    assert _texts(database)[0].body is None  # the code is nowhere any more
    assert _all(database, NumberFact)[0].last_verified_at is not None
    topics = [each.topic for each in _all(database, OutboxEvent)]
    assert topics == ["contact.created", "granular.subscribe", "form.submitted"]
    cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"}
    assert client.post(_form_of(html, "/confirm")[0], headers=cross_site).status_code == 403
    # The same code again, and a reload, show the same.
    assert _enter(client, page, code).state == "done"
    assert len(_all(database, ConsentEvent)) == 1
    # The way out is the usual one.
    undone = answer(client, done)
    assert undone.state == "ask"
    assert _all(database, Consent) == []


def test_a_wrong_code_has_five_tries_and_what_is_no_code_costs_none(client: FlaskClient, database: Database) -> None:
    page = _asked(client, _form(database, "code"))
    wrong = f"{(int(_code(database)) + 1) % 1_000_000:06}"
    assert _enter(client, page, "12").status == 422
    for _ in range(4):
        again = _enter(client, page, wrong)
        assert (again.status, again.state, again.main["data-error"]) == (422, "confirm", "wrong_code")
    code = _code(database)
    over = _enter(client, page, wrong)
    assert over.state == "ask"
    assert "was not confirmed" in over.text
    assert _enter(client, page, code).state == "ask"
    assert _all(database, Consent) == []
    assert _all(database, InsertedForm)[0].confirming_at is None


def test_an_expired_code_opts_in_nobody_and_the_form_can_be_answered_again(
    client: FlaskClient, database: Database
) -> None:
    key = _form(database, "code")
    page, code = _asked(client, key), _code(database)
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        late = _enter(client, page, code)
        assert late.state == "ask"
        assert "took too long" in late.text
        assert _enter(client, _asked(client, key), _code(database)).state == "done"
    assert [each.state for each in _all(database, Confirmation)] == ["expired", "confirmed"]


def test_another_text_waits_longer_each_time_and_only_its_code_works(client: FlaskClient, database: Database) -> None:
    page, first = _asked(client, _form(database, "code")), _code(database)
    early = _resend(client, page)
    assert (early.status, early.main["data-error"]) == (429, "wait")
    code_form, resend_form = early.response.text.split('action="')[1:]
    assert "aria-invalid" not in code_form
    assert re.search(r'<p class="error" id="error-resend" role="alert">Wait \d+ seconds', resend_form)
    assert "autofocus" in resend_form
    assert "Retry-After" in early.response.headers
    at = clock.now()
    with time_machine.travel(at + timedelta(seconds=31), tick=False):
        again = _resend(client, page)
        assert again.state == "confirm"
        assert "another text" in again.text
        assert len(_texts(database)) == 2
    with time_machine.travel(at + timedelta(seconds=70), tick=False):
        assert _resend(client, again).status == 429  # twice as long now
        second = _code(database)
        if first != second:
            assert _enter(client, again, first).status == 422
        assert _enter(client, again, second).state == "done"


def test_a_double_click_asks_once(client: FlaskClient, database: Database) -> None:
    key = _form(database, "code")
    page = open_form(client, f"/f/form/{key}")
    first, second = (answer(client, page, SAM, country="US") for _ in range(2))
    assert first.state == second.state == "confirm"
    assert len(_texts(database)) == len(_all(database, Confirmation)) == len(_all(database, Contact)) == 1
    other = answer(client, page, EVE, country="US")
    assert other.main["data-error"] == "answered_already"


def test_a_suppressed_number_gets_no_code_and_nobody_learns_that(client: FlaskClient, database: Database) -> None:
    key = _form(database, "code")
    with database.unit_of_work() as session:
        suppressions.add(session, make.SAMS_NUMBER, "asked by phone", actor="agent:1", at=make.NOON)
        make.contact(session, phone_number=make.EVES_NUMBER, gdpr_optin=False)
    for typed in (SAM, EVE):
        page = _asked(client, key, typed)
        assert "START" in page.text
        for _ in range(4):
            assert _enter(client, page, "000000").status == 422
        assert _resend(client, page).status == 429
        with time_machine.travel(clock.now() + timedelta(seconds=40)):
            assert _resend(client, page).state == "confirm"
        assert "was not confirmed" in _enter(client, page, "000000").text
    assert _texts(database) == []
    assert [each.phone_hash for each in _all(database, Confirmation)] != []
    assert len(_all(database, Contact)) == 2  # no lead for who refused everything


def test_the_pause_before_another_text_does_not_tell_that_nothing_is_stored_of_a_number(
    client: FlaskClient, database: Database
) -> None:
    key, asked_at = _form(database, "code"), clock.now().replace(microsecond=700_000)
    with database.unit_of_work() as session:
        make.contact(session, phone_number=make.EVES_NUMBER, gdpr_optin=False)
    with time_machine.travel(asked_at, tick=False) as moment:
        pages = [_asked(client, key, typed) for typed in (SAM, EVE)]
        for waited_s, left_s in ((0.1, "30"), (0.4, "30"), (1.1, "29"), (28.9, "2"), (29.5, "1")):
            moment.move_to(asked_at + timedelta(seconds=waited_s))
            assert [_resend(client, page).response.headers["Retry-After"] for page in pages] == [left_s] * 2
        moment.move_to(asked_at + timedelta(seconds=30))
        assert [_resend(client, page).state for page in pages] == ["confirm"] * 2


ACTS = {
    "resend": lambda client, page: _resend(client, page),
    "wrong": lambda client, page: _enter(client, page, "000000"),
    "no code": lambda client, page: _enter(client, page, "hello"),
    "reload": lambda client, page: _reloaded(client, page),
}


@pytest.mark.parametrize(
    "acts",
    [
        [
            (0, "resend"),
            (30, "resend"),
            (60, "resend"),
            (89, "resend"),
            (90, "resend"),
            (209, "resend"),
            (210, "resend"),
        ],
        [(30, "resend"), (90, "resend"), (210, "resend"), (215, "resend"), (216, "wrong"), (600, "reload")],
        [*[(1, "no code")] * 6, *[(2, "wrong")] * 5, (3, "reload"), (30, "resend"), (31, "wrong")],
        [(599, "reload"), (600, "reload"), (601, "wrong"), (602, "resend")],
        [(500, "resend"), (1099, "wrong"), (1100, "wrong")],
    ],
    ids=["delays", "texts", "tries", "over", "over after another text"],
)
def test_what_is_pretended_about_a_number_is_what_others_get(
    client: FlaskClient, database: Database, acts: list[tuple[int, str]]
) -> None:
    """Each page of the number of a person who refused everything, also with the oldest address of the page."""
    key = _form(database, "code")
    with database.unit_of_work() as session:
        make.contact(session, phone_number=make.EVES_NUMBER, gdpr_optin=False)
    asked_at = make.NOON.replace(microsecond=700_000)
    with time_machine.travel(asked_at, tick=False) as moment:
        first = [_asked(client, key, typed) for typed in (SAM, EVE)]
        newest = list(first)
        for after_s, act in acts:
            moment.move_to(asked_at + timedelta(seconds=after_s))
            for pages in (newest, first):
                seen = [ACTS[act](client, page) for page in pages]
                stored, pretended = (
                    (each.status, each.state, each.text, each.response.headers.get("Retry-After")) for each in seen
                )
                assert stored[:2] + stored[3:] == pretended[:2] + pretended[3:], (after_s, act)
                assert stored[2].replace("0123", "0199") == pretended[2], (after_s, act)
                if pages is newest and act == "resend" and (seen[0].status, seen[0].state) == (200, "confirm"):
                    newest = seen


def test_yes_from_the_number_confirms_what_it_was_asked(client: FlaskClient, database: Database) -> None:
    key = _form(database, "reply")
    page = _asked(client, key)
    assert "reply YES" in page.text.replace("Reply", "reply")
    assert "data-check" in page.response.text
    assert "not arrived here yet" not in page.text
    sent = re.findall(r'<a class="button quiet" href="([^"]*)"', page.response.text)[0]
    checked = open_form(client, sent.replace("&amp;", "&"))
    assert (checked.state, "Your text has not arrived here yet." in checked.text) == ("confirm", True)
    text = _texts(database)[0]
    assert text.purpose == "confirm"
    assert "Reply YES" in (text.body or "")
    evidence = make.evidence(Source.KEYWORD, details={"text": "Yes!"})
    with database.unit_of_work() as session:
        assert not replies.confirm_by_reply(session, "0" * 32, evidence, at=clock.now())
        assert replies.confirm_by_reply(session, text.phone_hash, evidence, at=clock.now())
        assert not replies.confirm_by_reply(session, text.phone_hash, evidence, at=clock.now())
    event, kept = _all(database, ConsentEvent)[0], _all(database, ConsentEvidence)[0]
    assert (event.evidence_level, kept.details["confirmed_text"]) == ("mo_reply", "Yes!")
    check = page.main["data-check"]
    assert _followed(client, client.get(check), page.path).state == "done"


def test_a_suppressed_number_is_not_asked_so_its_yes_is_conversation(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        phone_hash = suppressions.add(session, make.SAMS_NUMBER, "n", actor="agent:1", at=make.NOON).phone_hash
    _asked(client, _form(database, "reply"))
    with database.unit_of_work() as session:
        session.delete(session.get_one(suppressions.Suppression, phone_hash))
    with database.unit_of_work() as session:
        assert not replies.confirm_by_reply(session, phone_hash, make.evidence(), at=clock.now())


def test_two_taps_confirm_by_the_persons_own_text(client: FlaskClient, database: Database) -> None:
    page = _asked(client, _form(database, "sms_link"))
    html = page.response.get_data(as_text=True)
    assert re.search(r'href="sms:\+\d+\?&amp;body=YES', html)
    waiting = _all(database, Confirmation)[0]
    assert _texts(database) == []
    body = f"yes, sign me up for texts from My business. Code {waiting.nonce.lower()} thanks"
    with database.unit_of_work() as session:
        assert not replies.confirm_by_nonce(session, "1" * 32, body, make.evidence(), at=clock.now())
        assert not replies.confirm_by_nonce(session, waiting.phone_hash, "YES", make.evidence(), at=clock.now())
        assert replies.confirm_by_nonce(session, waiting.phone_hash, body, make.evidence(), at=clock.now())
    assert _all(database, Consent)[0].state == "opted_in"
    assert _texts(database) == []


def test_a_number_that_a_contact_typed_is_saved_once_it_is_confirmed(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        token = make.inserted(session, make.form(session, verify_number="code"), sam).token
    page = answer(client, open_form(client, f"/f/{token}"), SAM, country="US")
    assert page.state == "confirm"
    assert _all(database, Contact)[0].phone is None
    again = open_form(client, f"/f/{token}")
    assert again.state == "confirm"
    assert "••" in again.text
    assert "Use another number" in again.text
    other = open_form(client, f"/f/{token}?again=1")
    assert other.state == "ask"
    assert _enter(client, again, _code(database)).state == "done"
    assert _all(database, Contact)[0].phone == make.SAMS_NUMBER
    assert open_form(client, f"/f/{token}").state == "signed_up"


@pytest.mark.parametrize("end", ["erase", "merge", "opt_out", "stop", "archive", "withdraw", "number"])
def test_a_code_counts_no_more_after_the_contact_or_the_form_changed(
    client: FlaskClient, database: Database, end: str
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        form = make.form(session, verify_number="code")
        token = make.inserted(session, form, sam).token
        ids = (sam.id, sam.public_id, make.contact(session).public_id)
    page = answer(client, open_form(client, f"/f/{token}"))
    assert "Use another number" not in page.text  # the form has a saved one, and no field
    assert "Not your number?" in page.text
    code = _code(database)
    with database.unit_of_work() as session:
        found, at = session.get_one(Contact, ids[0]), clock.now() + timedelta(seconds=1)
        subscription_type = subscription_types.find_live(session)[0]
        if end == "erase":
            erase.erase(session, found, actor="agent:1", at=at)
        elif end == "merge":
            merge.merge(session, ids[1], ids[2], actor="agent:1", at=at, skip_duplicate_validation=True)
        elif end == "opt_out":
            make.opt_out(session, found, subscription_type, at=at)
        elif end == "stop":
            suppressions.add(session, make.SAMS_NUMBER, "asked by phone", actor="agent:1", at=at)
        elif end == "withdraw":
            insertion.withdraw(session, session.scalars(select(InsertedForm.id)).one(), actor="agent:1", at=at)
        elif end == "archive":
            subscription_types.archive(session, subscription_type, actor="agent:1", at=at)
        else:
            contacts.change_phone(session, found, make.EVES_NUMBER, evidence=make.evidence(), at=at)
    at_once = {"erase", "merge", "withdraw"}  # the others are found out when the code is entered
    assert _all(database, Confirmation)[0].state == ("canceled" if end in at_once else "pending")
    assert _enter(client, page, code).state != "done"
    assert [each for each in _all(database, Consent) if each.state == "opted_in"] == []
    ended = _all(database, Confirmation)[0]
    assert (ended.state, ended.phone, ended.evidence) == ("canceled", None, None)


def test_limits_against_pumping_refuse_and_raise_an_alarm(client: FlaskClient, database: Database) -> None:
    key = _form(database, "code")
    with database.unit_of_work() as session:
        settings.get(session).confirmation_limits = {"prefix_hour": 2}
    for number in ("0123", "0124"):
        _asked(client, key, f"(202) 555-{number}")
    page = answer(client, open_form(client, f"/f/form/{key}"), "(202) 555-0125", country="US")
    assert (page.status, page.main["data-error"]) == (429, "try_later")
    assert "later" in page.text
    answer(client, open_form(client, f"/f/form/{key}"), "(202) 555-0126", country="US")
    assert len(_texts(database)) == len(_all(database, Contact)) == 2
    alarms = [each for each in _all(database, AuditEntry) if each.action == "confirmations.limited"]
    assert [each.details for each in alarms] == [{"limit": "prefix_hour", "country": "US"}]


def test_the_ceiling_on_cost_counts_segments_and_prices(client: FlaskClient, database: Database) -> None:
    key = _form(database, "code")
    with database.unit_of_work() as session:
        workspace = settings.get(session)
        workspace.confirmation_limits, workspace.text_prices = {"spend_day": 1}, {"US": 400_000}
    for number in ("0123", "0124"):
        _asked(client, key, f"(202) 555-{number}")
    page = answer(client, open_form(client, f"/f/form/{key}"), "(202) 555-0125", country="US")
    assert page.main["data-error"] == "try_later"
    assert len(_texts(database)) == 2


def test_the_first_text_after_an_opt_in_confirms_it_where_the_type_says_so(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        subscription_type.welcome = True
        keys = [make.form(session, subscription_type, verify_number=each).key for each in ("code", "off")]
    page = _asked(client, keys[0])
    assert _enter(client, page, _code(database)).state == "done"
    welcome = _texts(database)[-1]
    assert (welcome.purpose, welcome.body) == (
        "welcome",
        (
            "My business: You are signed up for Offers. Msg frequency varies. Msg & data rates may apply. "
            "Reply HELP for help, STOP to cancel."
        ),
    )
    answer(client, open_form(client, f"/f/form/{keys[1]}"), EVE, country="US")
    assert [each.phone for each in _texts(database) if each.purpose == "welcome"] == [
        make.SAMS_NUMBER,
        make.EVES_NUMBER,
    ]
