"""Conversations: what is said arrives once and in order, on both sides; notes stay with those who work here."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.conversations import messages as conversations
from app.core.conversations import views as conversation_views
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.forms import cards as form_cards
from app.core.forms import publishing as optin_forms
from app.core.forms.cards import CardState
from app.core.submissions import seen
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import Conversation, InsertedForm, Message, MessageKind
from tests import make
from tests.make import NOON

ANA = "agent:1"


def _say(
    session: Session, conversation_id: int, body: str = "Hello", author: str = "contact", **more: object
) -> Message:
    return conversations.say(session, conversation_id, **({"author": author, "body": body, "at": NOON} | more))  # type: ignore[arg-type]


def _chat(session: Session) -> Conversation:
    return conversations.start(session, make.contact(session, phone_number=make.SAMS_NUMBER).id, at=NOON)


def _bodies(session: Session, chat: Conversation, after: int = 0) -> list[str]:
    view = conversation_views.contact_news(session, chat.id, chat.contact_id, after=after, at=NOON)
    return [line.body for line in view.lines]


def test_two_hundred_messages_of_eight_hands_are_numbered_without_gaps_and_none_escapes_a_poll(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
    is_over = Event()

    def write(number: int) -> None:
        with database.unit_of_work() as session:
            _say(session, chat.id, f"message {number}", "contact" if number % 2 else ANA)

    def poll() -> list[str]:
        seen: list[str] = []
        revision, is_last = 0, False
        while True:
            with database.read_only() as session:
                view = conversation_views.contact_news(session, chat.id, chat.contact_id, after=revision, at=NOON)
            seen += [line.body for line in view.lines]
            revision = view.revision
            if is_last:
                return seen
            is_last = is_over.is_set()

    with ThreadPoolExecutor(9) as hands:
        poller = hands.submit(poll)
        list(hands.map(write, range(200)))
        is_over.set()
        seen = poller.result()
    with database.read_only() as session:
        written = session.scalars(select(Message).order_by(Message.number)).all()
    assert [message.number for message in written] == list(range(1, 201))
    assert seen == [message.body for message in written]
    assert len(set(seen)) == 200


def test_a_message_that_is_sent_twice_arrives_once(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)

    def send(_: int) -> int:
        with database.unit_of_work() as session:
            return _say(session, chat.id, "Only once", client_key="k1").id

    with ThreadPoolExecutor(8) as hands:
        assert len(set(hands.map(send, range(16)))) == 1
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 1
        assert session.get_one(Conversation, chat.id).last_number == 1


def test_what_was_changed_before_it_was_sent_again_is_another_message_and_arrives_once_too(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        said = [
            _say(session, chat.id, body, author, kind=kind, client_key="k1").number
            for _ in range(2)
            for author, kind, body in (
                (ANA, MessageKind.MESSAGE, "At five"),
                (ANA, MessageKind.MESSAGE, " At six\r\n"),
                (ANA, MessageKind.NOTE, "At six"),
                ("agent:2", MessageKind.MESSAGE, "At five"),
            )
        ]
        assert said == [1, 2, 3, 4] * 2
        assert _bodies(session, chat) == ["At five", "At six", "At five"]


def test_the_first_message_sent_twice_makes_one_conversation_even_if_it_was_closed_meanwhile(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session).id
        first = conversations.open_for(session, sam, at=NOON, client_key="k1")
        _say(session, first.id, client_key="k1")
        conversations.close(session, first.id, actor=ANA, at=NOON)
    with database.unit_of_work() as session:
        again = conversations.open_for(session, sam, at=NOON, client_key="k1")
        _say(session, again.id, client_key="k1")
        assert again.id == first.id
        assert again.state == "closed"
        assert conversations.open_for(session, sam, at=NOON, client_key="k2").id != first.id


def test_many_first_messages_at_once_make_one_conversation(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session).id

    def write(number: int) -> int:
        with database.unit_of_work() as session:
            chat = conversations.open_for(session, sam, at=NOON)
            return _say(session, chat.id, str(number)).conversation_id

    with ThreadPoolExecutor(8) as hands:
        assert len(set(hands.map(write, range(16)))) == 1


def test_the_contact_never_sees_a_note_or_an_event(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        _say(session, chat.id, "Hello")
        _say(session, chat.id, "He is upset", ANA, kind=MessageKind.NOTE)
        _say(session, chat.id, "How can I help?", ANA)
        conversations.close(session, chat.id, actor=ANA, at=NOON)
        assert _bodies(session, chat) == ["Hello", "How can I help?"]
        page = conversation_views.contact_page(session, chat.id, chat.contact_id, at=NOON)
        assert [line.body for line in page.lines] == ["Hello", "How can I help?"]
        assert conversation_views.unread_by_contact(session, chat.id, chat.contact_id) == 1
        for_agents = conversation_views.page(session, chat.id, at=NOON)
        assert [line.kind for line in for_agents.lines] == ["message", "note", "message", "event"]


def test_a_conversation_of_somebody_else_is_not_there(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, eve = _chat(session), make.contact(session)
        _say(session, chat.id)
        for asked in (chat.id, 10**6, -1):
            with pytest.raises(NotFound):
                conversation_views.contact_page(session, asked, eve.id, at=NOON)
            with pytest.raises(NotFound):
                conversation_views.contact_news(session, asked, eve.id, after=0, at=NOON)
        assert conversation_views.unread_by_contact(session, chat.id, eve.id) == 0
        assert conversation_views.for_contact(session, eve.id) == []
        with pytest.raises(NotFound):
            conversations.find(session, 2**70)


def test_what_is_said_is_trimmed_and_bounded(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        assert _say(session, chat.id, " \n a\0b \r\n c \ud800 ").body == "ab \n c ?"
        for body in ("", " \n\t ", "\0", "x" * 5001):
            with pytest.raises(InvalidInput) as refused:
                _say(session, chat.id, body)
            assert refused.value.field == "body"
        assert len(_say(session, chat.id, "x" * 5000).body) == 5000
        for key in ("", "x" * 65, "a b", "\0"):
            with pytest.raises(InvalidInput):
                _say(session, chat.id, client_key=key)
        with pytest.raises(InvalidInput):
            _say(session, chat.id, kind=MessageKind.NOTE)
        assert session.get_one(Conversation, chat.id).last_number == 2


def test_the_contact_opens_a_closed_conversation_by_writing_and_an_agent_does_not(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        _say(session, chat.id)
        conversations.close(session, chat.id, actor=ANA, at=NOON)
        assert (chat.state, chat.closed_at) == ("closed", NOON)
        _say(session, chat.id, "A note to the file", ANA)
        assert chat.state == "closed"
        _say(session, chat.id, "One more thing")
        assert (chat.state, chat.closed_at) == ("open", None)
        events = session.scalars(select(Message.body).where(Message.kind == "event").order_by(Message.id)).all()
        assert events == ["closed", "reopened"]


def test_closing_opening_and_assigning_twice_writes_one_event_each(database: Database) -> None:
    with database.unit_of_work() as session:
        agent = make.agent(session)
        chat = _chat(session)
        for _ in range(2):
            conversations.assign(session, chat.id, agent.id, actor=ANA, at=NOON)
        for _ in range(2):
            conversations.assign(session, chat.id, None, actor=ANA, at=NOON)
        for _ in range(2):
            conversations.close(session, chat.id, actor=ANA, at=NOON)
        for _ in range(2):
            conversations.reopen(session, chat.id, actor=ANA, at=NOON)
        events = session.scalars(select(Message.body).order_by(Message.number)).all()
        assert events == [f"assigned:{agent.id}", "unassigned", "closed", "reopened"]
        agent.active = False
        session.flush()
        for nobody in (agent.id, 999):
            with pytest.raises(InvalidInput):
                conversations.assign(session, chat.id, nobody, actor=ANA, at=NOON)


def test_a_blocked_contact_says_nothing_more_and_is_told_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        chat = conversations.start(session, sam.id, at=NOON)
        form = make.form(session)
        inserted = optin_forms.insert_for(session, form, sam, inserted_by=ANA, at=NOON)
        sam.blocked_at = NOON
        session.flush()
        for act in (
            lambda: optin_forms.insert_for(session, form, sam, inserted_by=ANA, at=NOON),
            lambda: _say(session, chat.id),
            lambda: _say(session, chat.id, "You were blocked.", ANA),
            lambda: conversations.post_form(session, chat.id, inserted, author=ANA, at=NOON),
        ):
            with pytest.raises(InvalidState, match="blocked"):
                act()
        noted = conversations.say(session, chat.id, author=ANA, body="Was rude", kind=MessageKind.NOTE, at=NOON)
        assert noted.number == 1


def test_what_was_seen_moves_forward_only(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        for _ in range(3):
            _say(session, chat.id, author=ANA)

        def seen(number: int) -> tuple[int, int, int]:
            conversations.contact_has_seen(session, chat.id, number, at=NOON)
            view = conversation_views.contact_page(session, chat.id, chat.contact_id, at=NOON)
            unread = conversation_views.unread_by_contact(session, chat.id, chat.contact_id)
            return view.contact_seen_number, unread, view.revision

        assert seen(2) == (2, 1, 4)
        assert seen(1) == (2, 1, 4)
        assert seen(9) == (2, 1, 4)
        assert seen(3) == (3, 0, 5)


def test_a_form_in_a_conversation_tells_both_sides_how_it_stands(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        form = make.form(session)
        sam = conversations.contact_of(session, chat)
        inserted = make.inserted(session, form, sam, at=NOON)
        conversations.post_form(session, chat.id, inserted, author=ANA, at=NOON)

        def card(after: int) -> tuple[CardState | None, int]:
            view = conversation_views.contact_news(session, chat.id, sam.id, after=after, at=NOON)
            lines = [line.form.state for line in view.lines if line.form]
            return (lines[0] if lines else None), view.revision

        assert card(0) == (CardState.WAITING, 1)
        assert card(1) == (None, 1)
        for _ in range(2):
            seen.inserted_form_seen(session, inserted.token, at=NOON)
        assert card(1) == (CardState.SEEN, 2)
        assert chat.last_contact_revision == 0
        inserted.answered_at = NOON
        session.flush()
        conversations.form_changed(session, chat.id, inserted.id, is_answered=True, at=NOON)
        assert card(2) == (CardState.SIGNED_UP, 3)
        session.refresh(chat)
        assert chat.last_contact_revision == 3
        assert session.get_one(InsertedForm, inserted.id).conversation_id == chat.id


def test_a_form_is_placed_once_and_for_its_contact_only(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, other = _chat(session), _chat(session)
        form = make.form(session)
        inserted = make.inserted(session, form, conversations.contact_of(session, chat))
        for wrong in (make.inserted(session, form, None), make.inserted(session, form, make.contact(session))):
            with pytest.raises(InvalidState):
                conversations.post_form(session, chat.id, wrong, author=ANA, at=NOON)
        conversations.post_form(session, chat.id, inserted, author=ANA, at=NOON)
        for place in (chat, other):
            with pytest.raises(InvalidState):
                conversations.post_form(session, place.id, inserted, author=ANA, at=NOON)


def test_a_card_says_when_its_form_is_over_closed_or_needless(database: Database) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session)
        form = make.form(session, kind)
        chat = _chat(session)
        sam = conversations.contact_of(session, chat)
        inserted = make.inserted(session, form, sam, at=NOON)
        conversations.post_form(session, chat.id, inserted, author=ANA, at=NOON)

        def state(days: int = 0) -> form_cards.FormCard:
            view = conversation_views.page(session, chat.id, at=NOON + timedelta(days=days))
            card = view.lines[0].form
            assert card
            return card

        assert (state().state, state().title, state().type_name) == ("waiting", "Texts from Harbour Coffee", "Offers")
        assert state(31).state == "expired"
        sam.gdpr_optin = False
        session.flush()
        assert state().state == "unavailable"
        sam.gdpr_optin = None
        make.opt_in(session, sam, kind)
        assert (state().state, state().is_signed_up_elsewhere) == ("signed_up", True)
        make.opt_out(session, sam, kind)
        assert state().state == "waiting"
        subscription_types.archive(session, kind, actor=ANA, at=NOON)
        assert state().state == "unavailable"


def test_the_card_of_a_blocked_or_archived_contact_is_unavailable(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        sam = conversations.contact_of(session, chat)
        conversations.post_form(
            session, chat.id, make.inserted(session, make.form(session), sam, at=NOON), author=ANA, at=NOON
        )

        def state() -> CardState:
            session.flush()
            card = conversation_views.page(session, chat.id, at=NOON).lines[0].form
            assert card
            return card.state

        assert state() == CardState.WAITING
        sam.blocked_at = NOON
        assert state() == CardState.UNAVAILABLE
        sam.blocked_at, sam.archived_at = None, NOON
        assert state() == CardState.UNAVAILABLE


def test_a_leads_open_conversations_and_their_forms_are_carried_over_to_the_user(database: Database) -> None:
    with database.unit_of_work() as session:
        lead, user = make.contact(session), make.contact(session)
        chat, closed = (conversations.start(session, lead.id, at=NOON) for _ in range(2))
        form = make.form(session)
        waiting, answered = make.inserted(session, form, lead), make.inserted(session, form, lead)
        for inserted in (waiting, answered):
            conversations.post_form(session, chat.id, inserted, author=ANA, at=NOON)
        answered.answered_at = NOON
        conversations.close(session, closed.id, actor=ANA, at=NOON)
        assert conversations.hand_over(session, lead.id, user.id, at=NOON) == [chat.id]
        for row in (waiting, answered, chat, closed):
            session.refresh(row)
        assert (chat.contact_id, closed.contact_id) == (user.id, lead.id)
        assert (waiting.contact_id, answered.contact_id) == (user.id, lead.id)
        with pytest.raises(NotFound):
            conversation_views.contact_page(session, chat.id, lead.id, at=NOON)


def test_long_conversations_come_in_pages_and_long_news_in_turns(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        for number in range(1, 8):
            _say(session, chat.id, str(number), ANA)
        newest = conversation_views.contact_page(session, chat.id, chat.contact_id, at=NOON, limit=3)
        assert ([line.body for line in newest.lines], newest.has_older) == (["5", "6", "7"], True)
        assert newest.revision == 7
        oldest = conversation_views.page(session, chat.id, at=NOON, before=3, limit=3)
        assert ([line.body for line in oldest.lines], oldest.has_older) == (["1", "2"], False)
        revision, said = 0, []
        for _ in range(4):
            view = conversation_views.messages_after(session, chat.id, revision, at=NOON, limit=2)
            revision = view.revision
            said.append([line.body for line in view.lines])
        assert said == [["1", "2"], ["3", "4"], ["5", "6"], ["7"]]
        assert revision == 7
