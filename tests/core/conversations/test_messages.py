"""Messages of a conversation arrive once and in order; forms are placed once and for their contact."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import func, select

from app.core.conversations import appending, lifecycle, messages, views
from app.core.conversations.appending import NewMessage
from app.core.errors import InvalidInput, InvalidState
from app.core.forms import publishing as optin_forms
from app.db import Database
from app.models import Conversation, Message, MessageKind
from tests import make
from tests.core.conversations.chats import ANA, bodies_seen_by_contact, post, start, unseen_by_contact
from tests.make import NOON


def test_concurrent_messages_get_consecutive_numbers_and_no_poll_misses_one(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
    is_over = Event()

    def write(number: int) -> None:
        with database.unit_of_work() as session:
            post(session, chat.id, f"message {number}", "contact" if number % 2 else ANA)

    def poll() -> list[str]:
        seen: list[str] = []
        revision, is_last = 0, False
        while True:
            with database.read_only() as session:
                view = views.contact_news(session, chat.id, chat.contact_id, after=revision, at=NOON)
            seen += [message.body for message in view.messages]
            revision = view.revision
            if is_last:
                return seen
            is_last = is_over.is_set()

    with ThreadPoolExecutor(9) as threads:
        poller = threads.submit(poll)
        list(threads.map(write, range(200)))
        is_over.set()
        seen = poller.result()
    with database.read_only() as session:
        written = session.scalars(select(Message).order_by(Message.number)).all()
    assert [message.number for message in written] == list(range(1, 201))
    assert seen == [message.body for message in written]
    assert len(set(seen)) == 200


def test_a_message_that_is_sent_twice_arrives_once(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)

    def send(_: int) -> int:
        with database.unit_of_work() as session:
            return post(session, chat.id, "Only once", client_key="k1").id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(send, range(16)))) == 1
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 1
        assert session.get_one(Conversation, chat.id).last_number == 1


def test_another_text_kind_or_author_with_the_same_key_is_another_message(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        said = [
            post(session, chat.id, body, author, kind=kind, client_key="k1").number
            for _ in range(2)
            for author, kind, body in (
                (ANA, MessageKind.MESSAGE, "At five"),
                (ANA, MessageKind.MESSAGE, " At six\r\n"),
                (ANA, MessageKind.NOTE, "At six"),
                ("agent:2", MessageKind.MESSAGE, "At five"),
            )
        ]
        assert said == [1, 2, 3, 4] * 2
        assert bodies_seen_by_contact(session, chat) == ["At five", "At six", "At five"]


def test_message_body_is_trimmed_and_limited(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        assert post(session, chat.id, " \n a\0b \r\n c \ud800 ").body == "ab \n c ?"
        for body in ("", " \n\t ", "\0", "x" * 5001):
            with pytest.raises(InvalidInput) as refused:
                post(session, chat.id, body)
            assert refused.value.field == "body"
        assert len(post(session, chat.id, "x" * 5000).body) == 5000
        for key in ("", "x" * 65, "a b", "\0"):
            with pytest.raises(InvalidInput):
                post(session, chat.id, client_key=key)
        with pytest.raises(InvalidInput):
            post(session, chat.id, kind=MessageKind.NOTE)
        assert session.get_one(Conversation, chat.id).last_number == 2


def test_a_message_of_the_contact_reopens_a_conversation_and_one_of_an_agent_does_not(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        post(session, chat.id)
        lifecycle.close(session, chat.id, actor=ANA, at=NOON)
        assert (chat.state, chat.closed_at) == ("closed", NOON)
        post(session, chat.id, "A note to the file", ANA)
        assert chat.state == "closed"
        post(session, chat.id, "One more thing")
        assert (chat.state, chat.closed_at) == ("open", None)
        events = session.scalars(select(Message.body).where(Message.kind == "event").order_by(Message.id)).all()
        assert events == ["closed", "reopened"]


def test_a_blocked_contact_can_neither_send_nor_get_messages(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        chat = lifecycle.start(session, sam.id, at=NOON)
        form = make.form(session)
        inserted = optin_forms.insert_for(session, form, sam, inserted_by=ANA, at=NOON)
        sam.blocked_at = NOON
        session.flush()
        for act in (
            lambda: optin_forms.insert_for(session, form, sam, inserted_by=ANA, at=NOON),
            lambda: post(session, chat.id),
            lambda: post(session, chat.id, "You were blocked.", ANA),
            lambda: messages.post_form(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON),
        ):
            with pytest.raises(InvalidState, match="blocked"):
                act()
        noted = messages.post(session, chat.id, NewMessage(ANA, "Was rude", kind=MessageKind.NOTE), at=NOON)
        assert noted.number == 1


def test_the_seen_number_only_moves_forward(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = start(session)
        for _ in range(3):
            post(session, chat.id, author=ANA)

        def seen(number: int) -> tuple[int, int, int]:
            messages.mark_seen_by_contact(session, chat.id, number, at=NOON)
            view = views.contact_page(session, chat.id, chat.contact_id, at=NOON)
            unread = unseen_by_contact(session, chat.id, chat.contact_id)
            return view.contact_seen_number, unread, view.revision

        assert seen(2) == (2, 1, 4)
        assert seen(1) == (2, 1, 4)
        assert seen(9) == (2, 1, 4)
        assert seen(3) == (3, 0, 5)


def test_a_form_is_placed_once_and_for_its_contact_only(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, other = start(session), start(session)
        form = make.form(session)
        inserted = make.inserted(session, form, lifecycle.contact_of(session, chat))
        for wrong in (make.inserted(session, form, None), make.inserted(session, form, make.contact(session))):
            with pytest.raises(InvalidState):
                messages.post_form(session, appending.lock(session, chat.id), wrong, author=ANA, at=NOON)
        messages.post_form(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)
        for place in (chat, other):
            with pytest.raises(InvalidState):
                messages.post_form(session, appending.lock(session, place.id), inserted, author=ANA, at=NOON)
