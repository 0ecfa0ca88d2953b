"""Withdrawing on the page of a form: on the one after an answer, and on the one that says "already signed up"."""

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import clock
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.conversations import views as conversation_views
from app.core.forms import user_token
from app.core.forms.user_token import FormUser
from app.core.messenger import identity
from app.core.preferences import links
from app.core.signing import Keys, keys_of
from app.db import Database
from app.models import (
    Consent,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    ContactRole,
    DestinationOptOut,
    InsertedForm,
    OptInForm,
    SubscriptionType,
)
from tests import make
from tests.web.embed.page import EmbedPage, answer, open_form, read


def withdraw(client: FlaskClient, page: EmbedPage, **headers: str) -> EmbedPage:
    """Press the button of the page, as a browser without scripts does."""
    assert page.action.partition("?")[0].endswith("/withdraw")
    response = client.post(page.action, data=page.fields, headers=headers)
    if response.status_code == 303:
        response = client.get(response.headers["Location"])
    return read(response, page.path)


def _states(database: Database) -> list[str]:
    with database.read_only() as session:
        return list(session.scalars(select(Consent.state)))


def _newest(database: Database) -> tuple[str, str, str]:
    with database.read_only() as session:
        event = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc()).limit(1)).one()
        return event.action, event.source, event.evidence_level


def _form_of_sam(database: Database, **values: object) -> str:
    """The token of a form that an agent inserted for sam, a user with a saved number."""
    with database.unit_of_work() as session:
        sam = make.contact(session, external_id="sam", phone_number=make.SAMS_NUMBER)
        return make.inserted(session, make.form(session), sam, **values).token


@pytest.mark.databases("sqlite", "postgresql")
def test_a_user_withdraws_where_the_form_says_that_they_are_signed_up(client: FlaskClient, database: Database) -> None:
    token = _form_of_sam(database)
    answer(client, open_form(client, f"/f/{token}"))
    signed_up = open_form(client, f"/f/{token}")
    assert (signed_up.state, "Withdraw consent" in signed_up.text) == ("signed_up", True)
    gone = withdraw(client, signed_up)
    assert (gone.state, "data-undone" in gone.main) == ("saved", True)
    assert "You have withdrawn your consent. You will not receive these texts any more." in gone.text
    assert _states(database) == ["opted_out"]
    assert _newest(database) == ("opt_out", "form", "personal_link")
    with database.read_only() as session:
        assert session.scalars(select(DestinationOptOut)).one().destination_hash
        evidence = session.scalars(select(ConsentEvidence).order_by(ConsentEvidence.event_id.desc())).first()
        assert evidence is not None
        assert (bool(evidence.wording_hash), evidence.ip_address) == (True, "127.0.0.1")
    withdraw(client, signed_up)
    with database.read_only() as session:
        assert len(session.scalars(select(ConsentEvent.id)).all()) == 2
    assert answer(client, open_form(client, f"/f/{token}")).state == "done"
    assert _states(database) == ["opted_in"]


def test_whoever_was_signed_up_before_can_withdraw_on_the_page_after_the_answer(
    client: FlaskClient, database: Database
) -> None:
    token = _form_of_sam(database)
    asking = open_form(client, f"/f/{token}")
    with database.unit_of_work() as session:
        make.opt_in(session, session.scalars(select(Contact)).one(), session.scalars(select(SubscriptionType)).one())
    done = answer(client, asking)
    assert (done.state, done.action) == ("done", f"/f/{token}/withdraw")
    withdraw(client, done)
    assert _states(database) == ["opted_out"]


def test_a_signed_user_of_another_page_withdraws_with_their_identity_as_evidence(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        make.contact(session, external_id="sam", phone_number=make.SAMS_NUMBER)
        key = make.form(session).key
        path = f"/f/user/{user_token.signed(keys_of(session), FormUser(key, 'sam'))}"
    answer(client, open_form(client, path))
    gone = withdraw(client, open_form(client, path))
    assert (gone.state, _states(database)) == ("saved", ["opted_out"])
    assert _newest(database) == ("opt_out", "form", "signed_identity")


def test_an_unknown_person_takes_back_their_sign_up_long_afterwards_and_nothing_else(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    with time_machine.travel(make.NOON, tick=False) as clock:
        done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
        clock.shift(40 * 24 * 3600)
        gone = withdraw(client, open_form(client, f"/f/{done.main['data-token']}"))
        _assert_taken_back(database)
        clock.shift(1)
        answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
        assert _states(database) == ["opted_in"]
    assert (gone.state, gone.main.get("data-form")) == ("ask", key)
    assert "You will not receive texts from this sign-up." in gone.text


def _assert_taken_back(database: Database) -> None:
    """The lead is opted out, and nothing is said about its number."""
    assert _states(database) == ["opted_out"]
    assert _newest(database) == ("opt_out", "form", "web_unverified")
    with database.read_only() as session:
        assert session.scalars(select(DestinationOptOut)).all() == []


def test_eve_who_types_the_number_of_sam_withdraws_nothing_and_does_not_learn_it(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    eves = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    gone = withdraw(client, open_form(client, f"/f/{eves.main['data-token']}"))
    assert _states(database) == ["opted_in"]
    other = answer(client, open_form(client, f"/f/form/{key}"), make.EVES_NUMBER)
    assert withdraw(client, open_form(client, f"/f/{other.main['data-token']}")).text == gone.text


def test_eve_cannot_withdraw_for_sam_by_the_address_of_the_form_or_a_token_that_she_made_up(
    client: FlaskClient, database: Database
) -> None:
    token = _form_of_sam(database)
    answer(client, open_form(client, f"/f/{token}"))
    with database.read_only() as session:
        key = session.scalars(select(OptInForm.key)).one()
    signed = user_token.signed(Keys("of another installation"), FormUser(key, "sam"))
    for path in (f"/f/form/{key}/withdraw", "/f/madeup/withdraw", f"/f/user/{signed}/withdraw"):
        assert client.post(path).status_code == 404
    for headers in (
        {"Origin": "https://eve.example.com", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ):
        assert client.post(f"/f/{token}/withdraw", headers=headers).status_code == 403
    assert _states(database) == ["opted_in"]
    sandboxed = withdraw(client, open_form(client, f"/f/{token}"), **{"Origin": "null", "Sec-Fetch-Site": "cross-site"})
    assert (sandboxed.state, _states(database)) == ("saved", ["opted_out"])


def test_only_a_signed_user_and_the_visitor_of_a_chat_get_a_link_to_the_preference_center(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        sam = make.contact(session, external_id="sam", phone_number=make.SAMS_NUMBER)
        visitor = make.contact(session, role=ContactRole.LEAD, external_id=None)
        chat = lifecycle.start(session, visitor.id, at=clock.now())
        message = conversation_forms.insert_saved(session, chat.id, form.id, actor="agent:1", at=clock.now())
        signed = f"/f/user/{user_token.signed(keys_of(session), FormUser(form.key, 'sam'))}"
        in_chat = f"/f/{session.get_one(InsertedForm, message.inserted_form_id).token}"
        full = make.inserted(session, form, sam).token
        session.flush()
        proof = identity.full_number_proof(keys_of(session), full, sam.id)
        passed_on, public = f"/f/{make.inserted(session, form, sam).token}", f"/f/form/{form.key}"
        sams, visitors = sam.id, visitor.id
    expected = {
        f"/f/{full}?full={proof}": (sams, "personal_link"),
        signed: (sams, "personal_link"),
        in_chat: (visitors, "web_unverified"),
        passed_on: None,
        public: None,
    }
    for path, link in expected.items():
        page = open_form(client, path)
        page = page if page.state == "signed_up" else answer(client, page, make.EVES_NUMBER)
        assert page.state in {"done", "signed_up"}
        if link is None:
            assert page.preferences == ""
            assert client.post(f"{path}/preferences", data=page.fields).status_code in {404, 405}
            continue
        response = client.post(page.preferences, data=page.fields)
        assert response.status_code == 303
        with database.read_only() as session:
            found = links.find(session, response.headers["Location"].removeprefix("/p/"))
            assert (found.contact_id, found.level) == link
    again = open_form(client, in_chat)
    assert (again.state, bool(again.preferences)) == ("signed_up", True)


def test_the_card_in_the_chat_shows_the_withdrawal(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        visitor = make.contact(session, role=ContactRole.LEAD, external_id=None)
        chat = lifecycle.start(session, visitor.id, at=make.NOON, assignee_id=make.agent(session).id)
        form = make.form(session)
        message = conversation_forms.insert_saved(session, chat.id, form.id, actor="agent:1", at=make.NOON)
        token, chat_id = session.get_one(InsertedForm, message.inserted_form_id).token, chat.id
    with time_machine.travel(make.NOON, tick=False):
        answer(client, open_form(client, f"/f/{token}"), make.SAMS_NUMBER)
        assert withdraw(client, open_form(client, f"/f/{token}")).state == "saved"
    assert _states(database) == ["opted_out"]
    with database.read_only() as session:
        view = conversation_views.agent_page(session, chat_id, at=make.NOON)
        (card,) = [each.form for each in view.messages if each.form]
        assert (card.state.value, card.is_withdrawn_by_person, card.undone_at) == ("withdrawn", True, make.NOON)
