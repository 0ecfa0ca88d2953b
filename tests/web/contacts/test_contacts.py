"""Contacts and their consent events, as agents see them."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.core import wording
from app.core.consent import current as current_consents
from app.core.consent import locking, suppressions
from app.core.contacts import erase, notes, tags
from app.core.contacts import records as contacts
from app.core.conversations import lifecycle
from app.core.forms import publishing
from app.core.workspace import settings
from app.db import Database
from app.models import (
    ConsentEvent,
    ConsentState,
    ConsentType,
    Contact,
    InsertedForm,
    Source,
    SubscriptionType,
    Suppression,
    SuppressionCause,
)
from app.web.contacts import newest, profile
from tests import make
from tests.web import pages

WORDS = {
    "brand": "Harbour Coffee",
    "type": "Offers",
    "mode": "ask",
    "form_title": "Hear it first, by text",
    "label": "Phone number",
    "legal_html": '<p>You agree. <a href="https://example.com/p">Policy</a></p><script>alert(1)</script>',
    "button": "Sign Up Now",
    "links": [{"text": "Terms", "href": "https://example.com/terms"}],
    "notes": ["You can withdraw at any time."],
    "something_new": "A line that pages do not know",
}


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(
            session, name="Sam", external_id="sam-1", phone_number=make.BRITISH_NUMBER, email_address="sam@example.com"
        )


def _page(sam: Contact) -> str:
    return f"/contacts/{sam.public_id}"


def _state(database: Database, sam: Contact, type_id: int) -> ConsentState | None:
    with database.read_only() as session:
        held = current_consents.find(session, sam.id, type_id)
        return held.state if held else None


def _events(database: Database) -> int:
    with database.read_only() as session:
        return session.scalar(select(func.count()).select_from(ConsentEvent)) or 0


def test_strangers_see_no_contacts(client: FlaskClient, sam: Contact) -> None:
    for path in ("/contacts", "/contacts?q=sam-1", _page(sam)):
        answer = client.get(path)
        assert answer.status_code == 302
        assert "Sam" not in answer.get_data(as_text=True)


def test_the_newest_opt_ins_are_shown_with_time_number_and_level(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    assert "No one has signed up yet" in ana.get("/contacts/opt-ins").get_data(as_text=True)
    with database.unit_of_work() as session:
        settings.change(session, {"time_zone": "Asia/Tokyo"}, actor="agent:1", at=make.NOON)
        make.opt_in(session, sam, make.live_type(session))
    html = ana.get("/contacts/opt-ins").get_data(as_text=True)
    assert "+44 7400 123456" in html
    assert "2 Nov 2026, 21:00" in html
    assert "Personal link" in html


def test_older_opt_ins_follow_page_by_page(ana: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for number in range(newest.PAGE_SIZE + 1):
            each = make.contact(session, name=f"Person {number}.", phone_number=f"+44740012{number:04}")
            make.opt_in(session, each, offers)
    first = ana.get("/contacts/opt-ins").get_data(as_text=True)
    assert re.findall(r"Person (\d+)\.", first) == [str(number) for number in range(newest.PAGE_SIZE, 0, -1)]
    older = re.search(r"/contacts/opt-ins\?before=\d+", first)
    assert older
    second = ana.get(older[0]).get_data(as_text=True)
    assert re.findall(r"Person (\d+)\.", second) == ["0"]
    assert "before=" not in second


def test_a_contact_shows_its_consent_to_each_live_type_and_why_it_is_not_reachable(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, sam, make.live_type(session, name="Offers"))
        make.live_type(session, name="News")
        make.draft_type(session, name="Not yet")
    html = ana.get(_page(sam)).get_data(as_text=True)
    assert 'class="state state-opted_in"' in html
    assert "Reachable." in html
    assert 'class="state state-never_asked"' in html
    assert "They have not opted in." in html
    assert "Not yet" not in html
    assert "Valid, can receive texts" in html


def test_the_record_shows_the_whole_wording_as_it_was_shown(ana: FlaskClient, database: Database, sam: Contact) -> None:
    evidence = make.evidence(
        words=wording.freeze("en", WORDS),
        ip_address="203.0.113.9",
        user_agent="Browser/1.0",
        origin="https://shop.example.com",
        page="https://shop.example.com/beans",
        locale="en",
        details={"plan": "phonenumbers 9"},
    )
    with database.unit_of_work() as session:
        make.opt_in(session, sam, make.live_type(session), evidence=evidence)
    html = ana.get(_page(sam)).get_data(as_text=True)
    for shown in (
        "Hear it first, by text",
        "Phone number",
        '<a href="https://example.com/p"',
        "Sign Up Now",
        "https://example.com/terms",
        "You can withdraw at any time.",
        "A line that pages do not know",
        "203.0.113.9",
        "Browser/1.0",
        "https://shop.example.com/beans",
        "phonenumbers 9",
        "The person",
    ):
        assert shown in html
    assert "alert(1)" not in html
    assert "Shown: " in html
    for unseen in ("Subscription type", "Kind of form", "Language"):
        assert f"Shown: {unseen}" not in html


def test_a_wording_of_unknown_shape_is_shown_as_it_is() -> None:
    from app.web.shown_words import reproduction

    assert reproduction("no json").rest == (("words", "no json"),)
    odd = reproduction('{"links":["x"],"notes":"one","button":5,"locale":"ar"}')
    assert odd.locale == "ar"
    assert dict(odd.rest) == {"links": '[\n "x"\n]', "notes": "one", "button": "5", "locale": "ar"}


def test_a_form_is_inserted_and_its_link_is_shown_once(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
    answer = pages.submit(ana, f"{_page(sam)}/forms", {"form_id": str(form.id)}, page=_page(sam), follow_redirects=True)
    with database.read_only() as session:
        inserted = session.scalars(select(InsertedForm)).one()
    link = f'value="http://localhost/f/{inserted.token}"'
    assert inserted.contact_id == sam.id
    assert re.fullmatch(r"agent:\d+", inserted.inserted_by)
    assert link in answer.get_data(as_text=True)
    assert link not in ana.get(_page(sam)).get_data(as_text=True)


@pytest.mark.parametrize("form_id", ["", "x", "²", "4711"])
def test_a_form_that_does_not_exist_is_not_inserted(
    ana: FlaskClient, database: Database, sam: Contact, form_id: str
) -> None:
    with database.unit_of_work() as session:
        make.form(session)
    answer = pages.submit(ana, f"{_page(sam)}/forms", {"form_id": form_id}, page=_page(sam))
    assert answer.status_code in {404, 422}
    with database.read_only() as session:
        assert session.scalars(select(InsertedForm)).all() == []


def test_no_form_is_inserted_for_a_blocked_contact(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        contacts.block(session, locking.lock_contact(session, sam.id), at=make.NOON)
    answer = pages.submit(ana, f"{_page(sam)}/forms", {"form_id": str(form.id)}, page=_page(sam))
    assert answer.status_code == 422
    assert "This contact is blocked." in answer.get_data(as_text=True)
    _assert_nothing_inserted(database)


def test_nothing_is_done_for_an_erased_contact(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        form, kim = make.form(session), make.contact(session)
        kim.erased_at = kim.archived_at = make.NOON
    answer = pages.submit(ana, f"{_page(kim)}/forms", {"form_id": str(form.id)}, page=_page(sam))
    assert answer.status_code == 404
    assert "Erased" in ana.get(_page(kim)).get_data(as_text=True)
    _assert_nothing_inserted(database)


def test_an_act_on_the_page_of_a_merged_contact_is_done_for_the_one_it_was_merged_into(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        form, eve = make.form(session), make.contact(session)
        type_id = session.scalars(select(SubscriptionType.id)).one()
        make.opt_in(session, sam, session.get_one(SubscriptionType, type_id))
        eve.merged_into_id, eve.archived_at = sam.id, make.NOON
    noted = {"subscription_type_id": str(type_id), "note": "by phone"}
    answer = pages.submit(ana, f"{_page(eve)}/opt-outs", noted, page=_page(sam), follow_redirects=True)
    assert (answer.status_code, answer.request.path) == (200, _page(sam))
    assert "merged into another one" in answer.text
    assert ana.get(_page(eve)).location == _page(sam)
    pages.submit(ana, f"{_page(eve)}/forms", {"form_id": str(form.id)}, page=_page(sam))
    with database.read_only() as session:
        current = current_consents.find(session, sam.id, type_id)
        assert current
        assert current.state == ConsentState.OPTED_OUT
        assert session.scalars(select(InsertedForm.contact_id)).all() == [sam.id]


def test_an_agent_stops_every_message_and_allows_them_again_with_a_note(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    for action, expected in (("off", False), ("on", True)):
        refused = pages.submit(ana, f"{_page(sam)}/gdpr", {"gdpr-action": action, "gdpr-note": ""}, page=_page(sam))
        assert refused.status_code == 422
        sent = {"gdpr-action": action, "gdpr-note": "by phone today"}
        assert pages.submit(ana, f"{_page(sam)}/gdpr", sent, page=_page(sam)).status_code == 303
        with database.read_only() as session:
            assert session.get_one(Contact, sam.id).gdpr_optin is expected
            newest = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc()).limit(1)).one()
            assert (newest.action, newest.source) == (f"gdpr_{action}", "agent")
        assert ("Wants no messages" in ana.get(_page(sam)).text) is True


def _assert_nothing_inserted(database: Database) -> None:
    with database.read_only() as session:
        assert session.scalars(select(InsertedForm)).all() == []


def test_archived_forms_are_not_offered(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, name="Old one")
        publishing.archive(session, form, actor="agent:1", at=make.NOON)
    html = ana.get(_page(sam)).get_data(as_text=True)
    assert "Old one" not in html
    assert "There is no form to send" in html


def test_a_long_record_continues_on_older_pages(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for _ in range(profile.ENTRIES_A_PAGE // 2 + 1):
            make.opt_in(session, sam, offers)
            make.opt_out(session, sam, offers)
    first = ana.get(_page(sam)).get_data(as_text=True)
    older = re.search(r'href="([^"]+before=e\d+)#timeline" rel="next"', first)
    assert older
    second = ana.get(older[1]).get_data(as_text=True)
    seen = [set(re.findall(r'id="event-(\d+)"', html)) for html in (first, second)]
    assert [len(each) for each in seen] == [profile.ENTRIES_A_PAGE, 2]
    assert not seen[0] & seen[1]
    assert "Older" not in second


def _hold(database: Database, sam: Contact, cause: SuppressionCause = SuppressionCause.REVIEW) -> str:
    """The id of a suppression of Sam's number."""
    with database.unit_of_work() as session:
        note = "May be <misread>."
        return suppressions.suppress(session, sam.phone or "", cause, note, actor="system", at=make.NOON).phone_hash


@pytest.mark.parametrize(
    ("decision", "says", "cause"),
    [("keep", "Texts stay stopped", "keyword"), ("release", "Texts are allowed again", None)],
)
def test_an_agent_decides_about_a_number_under_review_and_says_why(
    ana: FlaskClient, database: Database, sam: Contact, decision: str, says: str, cause: str | None
) -> None:
    held = _hold(database, sam)
    html = ana.get(_page(sam)).get_data(as_text=True)
    assert "Number under review" in html
    assert "May be &lt;misread&gt;." in html
    values = {"review-suppression": held, "review-decision": decision}
    address = f"{_page(sam)}/number-review"
    refused = pages.submit(ana, address, values, page=_page(sam))
    assert refused.status_code == 422
    assert "Say why" in refused.get_data(as_text=True)
    values |= {"review-note": "She called today."}
    undecided = pages.submit(ana, address, {**values, "review-decision": ""}, page=_page(sam))
    assert undecided.status_code == 422
    assert "She called today." in undecided.get_data(as_text=True)
    done = pages.submit(ana, address, values, page=_page(sam), follow_redirects=True).get_data(as_text=True)
    assert says in done
    assert "Number under review" not in done
    with database.read_only() as session:
        found = session.get(Suppression, held)
        assert (found.cause if found else None) == cause
        event = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
        assert event
        assert event.source == Source.AGENT


def test_a_number_whose_holder_said_stop_meanwhile_stays_stopped(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    held = _hold(database, sam)
    assert "Number under review" in ana.get(_page(sam)).get_data(as_text=True)
    _hold(database, sam, SuppressionCause.KEYWORD)
    values = {"review-suppression": held, "review-decision": "release", "review-note": "It is hers."}
    late = pages.submit(ana, f"{_page(sam)}/number-review", values, page=_page(sam), follow_redirects=True)
    html = late.get_data(as_text=True)
    assert "decided about this number already" in html
    assert "Number under review" not in html
    with database.read_only() as session:
        assert session.get_one(Suppression, held).cause == "keyword"


def test_a_contact_shows_its_tags_and_notes_and_an_agent_adds_a_note(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        vip = tags.create(session, "VIP <1>", actor="agent:1", at=make.NOON)
        tags.attach(session, sam.public_id, vip.id, actor="agent:1", at=make.NOON)
        for number in range(profile.NOTES_SHOWN):
            notes.add(session, sam.public_id, f"note {number}", None, actor="api:1", at=make.NOON)
    html = ana.get(_page(sam)).get_data(as_text=True)
    assert "VIP &lt;1&gt;" in html
    assert "note 0<" in html
    assert "API</bdi>," in html
    address, page = f"{_page(sam)}/notes", _page(sam)
    empty = pages.submit(ana, address, {"body": " "}, page=page)
    assert empty.status_code == 422
    assert "Write something first." in empty.get_data(as_text=True)
    added = pages.submit(ana, address, {"body": "Likes <tea>.\nCalls back."}, page=page, follow_redirects=True)
    html = added.get_data(as_text=True)
    assert "Likes &lt;tea&gt;.\nCalls back." in html
    assert "Ana</bdi>," in html
    assert "note 0<" not in html
    assert f"the newest {profile.NOTES_SHOWN} of {profile.NOTES_SHOWN + 1} notes" in html
    with database.read_only() as session:
        newest_note = notes.of_contact(session, sam.id, limit=1)[0]
        assert newest_note.author
        assert newest_note.author.email == "ana@example.com"


def test_reading_pages_writes_nothing(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, sam, make.live_type(session))
    for path in ("/contacts", "/contacts?q=sam-1", _page(sam), f"{_page(sam)}/opt-outs", f"{_page(sam)}/forms"):
        ana.get(path)
    assert _events(database) == 1


def test_an_unknown_contact_is_not_found(ana: FlaskClient) -> None:
    assert ana.get("/contacts/ffffffffffffffffffffffff").status_code == 404


def test_an_opt_out_type_that_was_never_asked_about_counts_as_subscribed(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        make.live_type(session, name="Orders", consent_type=ConsentType.OPT_OUT)
    html = ana.get(_page(sam)).get_data(as_text=True)
    assert "Subscribed (default)" in html
    assert "Never asked" not in html


def test_an_erased_contact_shows_only_the_record_without_personal_data(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        make.form(session, offers := make.live_type(session))
        make.opt_in(session, sam, offers)
        erase.erase(session, session.get_one(Contact, sam.id), actor="agent:1", at=make.NOON)
    html = ana.get(_page(sam)).get_data(as_text=True)
    assert "Erased contact</span></h1>" in html
    assert "The evidence was erased. Only the event is left." in html
    for offered in ("Start a conversation", "Insert a form", "Record an opt-in", "Record an opt-out", "archived"):
        assert offered not in html
    assert ana.get(f"/inbox/new/{sam.public_id}").status_code == 404


def test_a_merged_contact_leads_to_the_one_it_belongs_to(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        lead = make.contact(session)
        lead.merged_into_id, lead.archived_at = sam.id, make.NOON
    assert ana.get(_page(lead)).location == _page(sam)


def test_a_consent_given_in_a_conversation_leads_to_it(ana: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        contact = make.contact(session, phone_number=make.SAMS_NUMBER)
        chat = lifecycle.start(session, contact.id, at=make.clock.now())
        inserted = make.inserted(session, make.form(session, subscription_type), contact)
        inserted.conversation_id = chat.id
        session.flush()
        make.opt_in(session, contact, subscription_type, evidence=make.evidence(inserted_form_id=inserted.id))
    assert f'<a href="/inbox/{chat.id}">Open the conversation</a>' in ana.get(f"/contacts/{contact.public_id}").text


def test_words_of_the_evidence_are_in_the_language_of_the_reader(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    evidence = make.evidence(details={"country": "GB", "plan": "phonenumbers 9"})
    with database.unit_of_work() as session:
        make.opt_in(session, sam, make.live_type(session), evidence=evidence)
    html = ana.get(_page(sam), headers={"Accept-Language": "de"}).get_data(as_text=True)
    assert "<dt>Land</dt><dd><bdi>GB</bdi></dd>" in html
    assert "<dt>Plan</dt><dd><bdi>phonenumbers 9</bdi></dd>" in html
    table = ana.get("/contacts", headers={"Accept-Language": "de"}).get_data(as_text=True)
    assert '<td data-label="Telefonnummer"' in table
