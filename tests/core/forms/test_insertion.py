"""Inserting a form for one contact, and withdrawing it."""

import pytest
from sqlalchemy import select

from app.core.conversations import appending, views
from app.core.conversations import forms as conversation_forms
from app.core.errors import InvalidState, NotFound
from app.core.forms import insertion
from app.core.forms import views as form_views
from app.core.forms.cards import CardState
from app.core.forms.form_view import State
from app.db import Database
from app.models import AuditEntry, Contact, InsertedForm
from tests import make
from tests.core.conversations.chats import ANA, start
from tests.make import NOON


def test_a_withdrawn_form_is_closed_and_both_sides_see_it(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        inserted = make.inserted(session, make.form(session), session.get_one(Contact, chat.contact_id), at=NOON)
        conversation_forms.place(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)
        revision = views.agent_page(session, chat.id, at=NOON).revision
        for _ in range(2):
            conversation_forms.withdraw(session, inserted.id, actor=ANA, at=NOON)
        (card,) = views.agent_news(session, chat.id, after=revision, at=NOON).messages
        assert card.form is not None
        assert card.form.state == CardState.WITHDRAWN
        view = form_views.inserted_view(session, inserted.token)
        assert form_views.state_of(view, None, at=NOON) == State.UNAVAILABLE
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action == "form.withdrawn")).all()
        assert actions == ["form.withdrawn"]


def test_an_answered_or_missing_form_cannot_be_withdrawn(database: Database) -> None:
    with database.unit_of_work() as session:
        inserted = make.inserted(session, make.form(session), make.contact(session), at=NOON)
        inserted.answered_at = NOON
        session.flush()
        with pytest.raises(InvalidState, match="answered already"):
            insertion.withdraw(session, inserted.id, actor=ANA, at=NOON)
        with pytest.raises(NotFound):
            insertion.withdraw(session, 10**9, actor=ANA, at=NOON)


def test_the_forms_of_an_actor_come_in_the_order_of_their_last_insertion(database: Database) -> None:
    with database.unit_of_work() as session:
        forms = [make.form(session) for _ in range(3)]
        for form, by in ((forms[0], ANA), (forms[1], ANA), (forms[2], "agent:2"), (forms[0], ANA)):
            make.inserted(session, form, make.contact(session), inserted_by=by, at=NOON)
        assert insertion.recently_inserted(session, ANA) == [forms[0].id, forms[1].id]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_form_that_is_sent_again_replaces_the_one_that_waits(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        form = make.form(session)
        first = conversation_forms.insert_saved(session, chat.id, form.id, actor=ANA, at=NOON)
        assert first.inserted_form_id
        for _ in range(2):
            again = conversation_forms.send_again(
                session, chat.id, first.inserted_form_id, actor=ANA, at=NOON, client_key="once"
            )
        cards = [each.form for each in views.agent_page(session, chat.id, at=NOON).messages if each.form]
        assert [card.state for card in cards] == [CardState.WITHDRAWN, CardState.WAITING]
        assert cards[1].inserted_form_id == again.inserted_form_id
        session.get_one(InsertedForm, again.inserted_form_id).answered_at = NOON
        session.flush()
        with pytest.raises(InvalidState, match="answered already"):
            conversation_forms.send_again(session, chat.id, cards[1].inserted_form_id, actor=ANA, at=NOON)
        with pytest.raises(NotFound):
            conversation_forms.send_again(session, start(session).id, first.inserted_form_id, actor=ANA, at=NOON)
