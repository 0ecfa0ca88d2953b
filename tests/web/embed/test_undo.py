"""Undo on the page after an answer, sent through its pages."""

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.conversations import views as conversation_views
from app.db import Database
from app.models import (
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentType,
    Conversation,
    DestinationOptOut,
    InsertedForm,
    OutboxEvent,
    Source,
    Suppression,
)
from tests import make
from tests.web.embed.page import EmbedPage, answer, open_form, read


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session).key


def undo(client: FlaskClient, done: EmbedPage) -> EmbedPage:
    """Press the button of the page after an answer."""
    response = client.post(done.action, data={"done": done.fields["done"]})
    if response.status_code == 303:
        response = client.get(response.headers["Location"])
    return read(response, done.path)


def _events(database: Database) -> list[tuple[str, dict[str, object]]]:
    with database.read_only() as session:
        query = select(ConsentEvent.action, ConsentEvidence.details).join(
            ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id
        )
        return [(row.action, row.details) for row in session.execute(query.order_by(ConsentEvent.id))]


def _consents(database: Database) -> list[tuple[str, str | None]]:
    with database.read_only() as session:
        return [(row.state, row.destination) for row in session.scalars(select(Consent))]


def test_undo_makes_a_lead_never_asked_again_and_writes_no_opt_out_for_its_number(
    client: FlaskClient, database: Database, key: str
) -> None:
    done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    assert (done.state, done.action) == ("done", f"/f/form/{key}/undo")
    undone = undo(client, done)
    assert (undone.status, undone.state, "data-undone" in undone.main) == (200, "ask", True)
    assert "Undone. You will not receive texts from this sign-up." in undone.text
    assert _consents(database) == []
    (first, _), (second, details) = _events(database)
    assert (first, second, details["restored_event"]) == ("opt_in", "opt_out", None)
    with database.read_only() as session:
        opt_in, opt_out = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id))
        assert details["undo_of"] == opt_in.id
        assert (opt_out.source, opt_out.evidence_level) == ("form", "web_unverified")
        assert session.scalars(select(DestinationOptOut)).all() == session.scalars(select(Suppression)).all() == []
        topics = session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()
        assert topics[-1] == "granular.unsubscribe"


def test_a_second_undo_changes_nothing(client: FlaskClient, database: Database, key: str) -> None:
    done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    undo(client, done)
    again = undo(client, done)
    assert (again.status, "data-undone" in again.main) == (200, True)
    assert len(_events(database)) == 2


def test_after_an_undo_the_same_person_can_sign_up_and_undo_again(
    client: FlaskClient, database: Database, key: str
) -> None:
    first = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    second = answer(client, undo(client, first), make.SAMS_NUMBER)
    assert second.state == "done"
    assert _consents(database) == [("opted_in", make.SAMS_NUMBER)]
    undo(client, second)
    assert _consents(database) == []
    assert [action for action, _ in _events(database)] == ["opt_in", "opt_out", "opt_in", "opt_out"]
    assert _events(database)[-1][1]["restored_event"] is None


def test_the_undo_of_an_older_answer_does_not_undo_a_newer_one(
    client: FlaskClient, database: Database, key: str
) -> None:
    first = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    answer(client, undo(client, first), make.SAMS_NUMBER)
    refused = undo(client, first)
    assert (refused.status, refused.state) == (409, "error")
    assert "it changed since then" in refused.text
    assert _consents(database) == [("opted_in", make.SAMS_NUMBER)]


def test_after_ten_minutes_nothing_is_undone(client: FlaskClient, database: Database, key: str) -> None:
    with time_machine.travel(make.NOON, tick=False) as clock:
        done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
        clock.shift(10 * 60 + 1)
        refused = undo(client, done)
        assert (refused.status, refused.state) == (409, "error")
        assert "no longer be undone" in refused.text
        assert refused.main["data-error"] == "undo_too_late"
    assert _consents(database) == [("opted_in", make.SAMS_NUMBER)]


def test_nothing_is_undone_after_another_act_changed_the_consent(
    client: FlaskClient, database: Database, key: str
) -> None:
    done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    with database.unit_of_work() as session:
        current = session.scalars(select(Consent)).one()
        contact = locking.lock(session, current.contact_id)
        evidence = make.evidence(Source.PREFERENCE_CENTER)
        consent.opt_out(
            session, contact, current.subscription_type_id, make.SAMS_NUMBER, evidence, at=current.changed_at
        )
    assert undo(client, done).status == 409
    assert _consents(database) == [("opted_out", make.SAMS_NUMBER)]


def test_a_value_that_was_not_made_here_or_belongs_to_another_form_undoes_nothing(
    client: FlaskClient, database: Database, key: str
) -> None:
    with database.unit_of_work() as session:
        other = make.form(session).key
    done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    for path, value in ((f"/f/form/{key}/undo", "x"), (f"/f/form/{other}/undo", done.fields["done"])):
        assert client.post(path, data={"done": value}).status_code == 409
    assert _consents(database) == [("opted_in", make.SAMS_NUMBER)]


def test_a_stranger_who_types_a_number_that_is_signed_up_can_undo_nothing_and_does_not_learn_it(
    client: FlaskClient, database: Database, key: str
) -> None:
    answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    strangers = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    undone = undo(client, strangers)
    assert "Undone." in undone.text
    assert "If this number was signed up before, that still counts." in undone.text
    assert _consents(database) == [("opted_in", make.SAMS_NUMBER)]
    first = undo(client, answer(client, open_form(client, f"/f/form/{key}"), make.EVES_NUMBER))
    assert first.text == undone.text


def test_the_undo_of_a_claim_is_a_claim_and_leaves_the_opt_out(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers)
        key = make.form(session, offers).key
    done = answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER)
    for _ in range(2):
        assert "Undone." in undo(client, done).text
    assert [action for action, _ in _events(database)] == ["opt_out", "claim", "claim"]
    assert _consents(database) == [("opted_out", make.SAMS_NUMBER)]


def test_a_user_who_had_opted_out_is_opted_out_again(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, sam, offers)
        token = make.inserted(session, make.form(session, offers), sam).token
    done = answer(client, open_form(client, f"/f/{token}"))
    assert done.state == "done"
    undone = undo(client, done)
    assert undone.state == "saved"
    assert _consents(database) == [("opted_out", make.SAMS_NUMBER)]
    with database.read_only() as session:
        newest = session.scalars(select(ConsentEvent.id).order_by(ConsentEvent.id.desc())).first()
        assert session.scalars(select(DestinationOptOut.event_id)).all() == [newest]
        assert session.scalars(select(Consent.event_id)).all() == [newest]


def test_the_opt_in_for_an_earlier_number_comes_back(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=make.EVES_NUMBER)
        make.opt_in(session, sam, offers)
        sam.phone, sam.phone_hash = make.SAMS_NUMBER, "changed"
        token = make.inserted(session, make.form(session, offers), sam).token
    undo(client, answer(client, open_form(client, f"/f/{token}")))
    assert _consents(database) == [("opted_in", make.EVES_NUMBER)]


def test_a_type_that_asks_nobody_goes_on_after_an_undo_and_the_page_says_so(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        updates = make.live_type(session, consent_type=ConsentType.OPT_OUT)
        key = make.form(session, updates).key
    undone = undo(client, answer(client, open_form(client, f"/f/form/{key}"), make.SAMS_NUMBER))
    assert "Undone. Your choice is as it was before." in undone.text
    assert _consents(database) == []
    assert [action for action, _ in _events(database)] == ["opt_in", "opt_in"]


def test_the_card_in_the_chat_shows_the_undo_and_the_form_can_be_answered_again(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        form = make.form(session)
        chat = lifecycle.start(session, sam.id, at=make.NOON, assignee_id=make.agent(session).id)
        message = conversation_forms.insert_saved(session, chat.id, form.id, actor="agent:1", at=make.NOON)
        chat_id = chat.id
        token = session.get_one(InsertedForm, message.inserted_form_id).token
        session.flush()
        before = chat.revision
    with time_machine.travel(make.NOON, tick=False):
        done = answer(client, open_form(client, f"/f/{token}"))
        undone = undo(client, done)
        assert (undone.state, _card(database, chat_id)) == ("saved", ("seen", True))
        with database.read_only() as session:
            assert session.get_one(Conversation, chat_id).revision == before + 2
        assert answer(client, undone).state == "done"
        assert _card(database, chat_id) == ("signed_up", False)


def _card(database: Database, chat_id: int) -> tuple[str, bool]:
    """The state of the card, and whether it says that an answer was undone."""
    with database.read_only() as session:
        view = conversation_views.agent_page(session, chat_id, at=make.NOON)
        (card,) = [each.form for each in view.messages if each.form]
        return card.state.value, card.undone_at is not None
