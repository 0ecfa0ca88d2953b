"""What contacts and agents see of a conversation; notes and events are for agents only."""

from datetime import timedelta

import pytest

from app.core.conversations import appending, lifecycle, views
from app.core.conversations import forms as conversation_forms
from app.core.errors import NotFound
from app.core.forms import cards as form_cards
from app.core.forms.cards import CardState
from app.core.submissions import seen
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import InsertedForm, MessageKind
from tests import make
from tests.core.conversations.chats import ANA, bodies_seen_by_contact, post, start, unseen_by_contact
from tests.make import NOON


def test_the_contact_never_sees_a_note_or_an_event(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        post(session, chat.id, "Hello")
        post(session, chat.id, "He is upset", ANA, kind=MessageKind.NOTE)
        post(session, chat.id, "How can I help?", ANA)
        lifecycle.close(session, chat.id, actor=ANA, at=NOON)
        assert bodies_seen_by_contact(session, chat) == ["Hello", "How can I help?"]
        page = views.contact_page(session, chat.id, chat.contact_id, at=NOON)
        assert [message.body for message in page.messages] == ["Hello", "How can I help?"]
        assert unseen_by_contact(session, chat.id, chat.contact_id) == 1
        for_agents = views.agent_page(session, chat.id, at=NOON)
        assert [message.kind for message in for_agents.messages] == ["message", "note", "message", "event"]


def test_a_conversation_of_another_contact_is_not_found(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, eve = start(session), make.contact(session)
        post(session, chat.id)
        for conversation_id in (chat.id, 10**6, -1):
            with pytest.raises(NotFound):
                views.contact_page(session, conversation_id, eve.id, at=NOON)
            with pytest.raises(NotFound):
                views.contact_news(session, conversation_id, eve.id, after=0, at=NOON)
        assert unseen_by_contact(session, chat.id, eve.id) == 0
        assert views.for_contact(session, eve.id) == []
        with pytest.raises(NotFound):
            lifecycle.find(session, 2**70)


def test_a_forms_card_shows_its_state_to_both_sides(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        form = make.form(session)
        sam = lifecycle.contact_of(session, chat)
        inserted = make.inserted(session, form, sam, at=NOON)
        conversation_forms.place(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)

        def card(after: int) -> tuple[CardState | None, int]:
            view = views.contact_news(session, chat.id, sam.id, after=after, at=NOON)
            lines = [message.form.state for message in view.messages if message.form]
            return (lines[0] if lines else None), view.revision

        assert card(0) == (CardState.WAITING, 1)
        assert card(1) == (None, 1)
        for _ in range(2):
            seen.inserted_form_seen(session, inserted.token, at=NOON)
        assert card(1) == (CardState.SEEN, 2)
        assert chat.last_contact_revision == 0
        inserted.answered_at = NOON
        session.flush()
        conversation_forms.mark_changed(session, chat.id, inserted.id, is_answered=True, at=NOON)
        assert card(2) == (CardState.SIGNED_UP, 3)
        session.refresh(chat)
        assert chat.last_contact_revision == 3
        assert session.get_one(InsertedForm, inserted.id).conversation_id == chat.id


def test_a_card_shows_when_its_form_is_expired_unavailable_or_not_needed(database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type)
        chat = start(session)
        sam = lifecycle.contact_of(session, chat)
        inserted = make.inserted(session, form, sam, at=NOON)
        conversation_forms.place(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)

        def state(days: int = 0) -> form_cards.FormCard:
            view = views.agent_page(session, chat.id, at=NOON + timedelta(days=days))
            card = view.messages[0].form
            assert card
            return card

        assert (state().state, state().title, state().type_name) == ("waiting", "Texts from Harbour Coffee", "Offers")
        assert state(31).state == "expired"
        sam.gdpr_optin = False
        session.flush()
        assert state().state == "unavailable"
        sam.gdpr_optin = None
        make.opt_in(session, sam, subscription_type)
        assert (state().state, state().is_signed_up_elsewhere) == ("signed_up", True)
        make.opt_out(session, sam, subscription_type)
        assert state().state == "waiting"
        subscription_types.archive(session, subscription_type, actor=ANA, at=NOON)
        assert state().state == "unavailable"


def test_a_card_shows_that_its_person_opted_out_elsewhere_after_the_answer(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, chat = make.live_type(session), start(session)
        sam = lifecycle.contact_of(session, chat)
        inserted = make.inserted(session, make.form(session, offers), sam, at=NOON)
        conversation_forms.place(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)
        make.opt_in(session, sam, offers)
        inserted.answered_at = NOON
        make.opt_out(session, sam, offers)
        (card,) = [each.form for each in views.agent_page(session, chat.id, at=NOON).messages if each.form]
        assert (card.state, card.is_withdrawn_by_person) == (CardState.WITHDRAWN, True)


def test_the_card_of_a_blocked_or_archived_contact_is_unavailable(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        sam = lifecycle.contact_of(session, chat)
        inserted = make.inserted(session, make.form(session), sam, at=NOON)
        conversation_forms.place(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)

        def state() -> CardState:
            session.flush()
            card = views.agent_page(session, chat.id, at=NOON).messages[0].form
            assert card
            return card.state

        assert state() == CardState.WAITING
        sam.blocked_at = NOON
        assert state() == CardState.UNAVAILABLE
        sam.blocked_at, sam.archived_at = None, NOON
        assert state() == CardState.UNAVAILABLE


def test_long_conversations_are_read_in_pages_and_long_news_in_parts(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        for number in range(1, 8):
            post(session, chat.id, str(number), ANA)
        newest = views.contact_page(session, chat.id, chat.contact_id, at=NOON, limit=3)
        assert ([message.body for message in newest.messages], newest.has_older) == (["5", "6", "7"], True)
        assert newest.revision == 7
        oldest = views.agent_page(session, chat.id, at=NOON, before=3, limit=3)
        assert ([message.body for message in oldest.messages], oldest.has_older) == (["1", "2"], False)
        revision, said = 0, []
        for _ in range(4):
            view = views.agent_news(session, chat.id, after=revision, at=NOON, limit=2)
            revision = view.revision
            said.append([message.body for message in view.messages])
        assert said == [["1", "2"], ["3", "4"], ["5", "6"], ["7"]]
        assert revision == 7


def test_forms_are_read_only_where_a_message_has_one(database: Database) -> None:
    sent: list[str] = []
    database.trace = sent.append
    with database.unit_of_work() as session:
        chat = start(session)
        post(session, chat.id, "Hello", ANA)
        sent.clear()
        views.agent_page(session, chat.id, at=NOON)
        assert len(sent) == 1
        inserted = make.inserted(
            session, make.form(session, make.live_type(session)), lifecycle.contact_of(session, chat)
        )
        conversation_forms.place(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)
        sent.clear()
        assert [bool(each.form) for each in views.agent_page(session, chat.id, at=NOON).messages] == [False, True]
        assert len(sent) == 2
