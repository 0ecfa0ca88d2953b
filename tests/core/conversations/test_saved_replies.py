"""Saved replies: everybody uses them, their authors and admins change them."""

import pytest
from sqlalchemy import select

from app.core.conversations import forms as conversation_forms
from app.core.conversations import saved_replies
from app.core.conversations.appending import NewMessage
from app.core.conversations.saved_replies import ReplyContent
from app.core.errors import Forbidden, InvalidInput, InvalidState, NotFound
from app.core.forms import publishing
from app.db import Database
from app.models import AuditEntry, Message, MessageKind, Role
from tests import make
from tests.core.conversations.chats import start
from tests.make import NOON

HOURS = ReplyContent("Opening hours", "We are open from 8 to 6.")


def test_a_reply_is_saved_changed_and_deleted_and_the_audit_log_says_so(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = f"agent:{make.agent(session).id}"
        form = make.form(session)
        reply = saved_replies.create(session, ReplyContent("  Opening\nhours ", " Till 6. "), actor=ana, at=NOON)
        assert (reply.name, reply.body, reply.form_id) == ("Opening hours", "Till 6.", None)
        saved_replies.change(session, reply.id, ReplyContent("Hours", "Till 7.", form.id), actor=ana, at=NOON)
        assert [(each.name, each.body, each.form_id) for each in saved_replies.find_all(session)] == [
            ("Hours", "Till 7.", form.id)
        ]
        saved_replies.delete(session, reply.id, actor=ana, at=NOON)
        assert saved_replies.find_all(session) == []
        with pytest.raises(NotFound):
            saved_replies.find(session, reply.id)
        of_reply = select(AuditEntry.action).where(AuditEntry.subject == f"saved_reply:{reply.id}")
        assert session.scalars(of_reply.order_by(AuditEntry.id)).all() == [
            "saved_reply.created",
            "saved_reply.changed",
            "saved_reply.deleted",
        ]


def test_replies_are_listed_by_name_whatever_the_case(database: Database) -> None:
    with database.unit_of_work() as session:
        for name in ("thanks", "Hours", "address"):
            saved_replies.create(session, ReplyContent(name, "Hello"), actor="agent:1", at=NOON)
        assert [each.name for each in saved_replies.find_all(session)] == ["address", "Hours", "thanks"]


def test_only_the_author_and_admins_change_a_reply(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, eve = (f"agent:{make.agent(session).id}" for _ in range(2))
        max_ = f"agent:{make.agent(session, role=Role.ADMIN).id}"
        reply = saved_replies.create(session, HOURS, actor=ana, at=NOON)
        assert [saved_replies.may_change(session, reply, each) for each in (ana, eve, max_)] == [True, False, True]
        with pytest.raises(Forbidden):
            saved_replies.change(session, reply.id, HOURS, actor=eve, at=NOON)
        with pytest.raises(Forbidden):
            saved_replies.delete(session, reply.id, actor=eve, at=NOON)
        saved_replies.change(session, reply.id, HOURS, actor=max_, at=NOON)
        saved_replies.delete(session, reply.id, actor=max_, at=NOON)


@pytest.mark.parametrize(
    ("name", "body", "form_id", "field"),
    [
        (" ", "Hello", None, "name"),
        ("x" * 121, "Hello", None, "name"),
        ("Hours", " ", None, "body"),
        ("Hours", "x" * 5001, None, "body"),
        ("Hours", "Hello", 999, "form_id"),
    ],
)
def test_a_reply_without_name_or_text_or_with_an_unknown_form_is_refused(
    database: Database, name: str, body: str, form_id: int | None, field: str
) -> None:
    with database.unit_of_work() as session, pytest.raises(InvalidInput) as refused:
        saved_replies.create(session, ReplyContent(name, body, form_id), actor="agent:1", at=NOON)
    assert refused.value.field == field


def test_a_form_of_one_conversation_is_not_saved_with_a_reply(database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        form.is_inline = True
        with pytest.raises(InvalidInput, match="saved forms"):
            saved_replies.create(session, ReplyContent("Hours", "Hello", form.id), actor="agent:1", at=NOON)


def test_there_is_a_limit_of_saved_replies(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_replies, "REPLIES_MAX", 1)
    with database.unit_of_work() as session:
        saved_replies.create(session, HOURS, actor="agent:1", at=NOON)
        with pytest.raises(InvalidState, match="1 saved replies already"):
            saved_replies.create(session, HOURS, actor="agent:1", at=NOON)


@pytest.mark.parametrize(
    ("body", "name", "filled"),
    [
        ("Hello {name}!", "Sam", "Hello Sam!"),
        ("Hello {name|there}!", "Sam", "Hello Sam!"),
        ("Hello {name|there}!", None, "Hello there!"),
        ("Hello{name}!", None, "Hello!"),
        ("{name} {name|you} {other} {", r"\1", r"\1 \1 {other} {"),
    ],
)
def test_the_name_of_the_contact_is_filled_in(body: str, name: str | None, filled: str) -> None:
    assert saved_replies.filled(body, name) == filled


def test_a_form_follows_a_message_and_never_a_note(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, form = start(session), make.form(session)
        note, message = (
            NewMessage("agent:1", "Hm", MessageKind.NOTE, "key-1"),
            NewMessage("agent:1", "Hi", client_key="k"),
        )
        for new in (note, message, message):
            conversation_forms.reply(session, chat.id, new, form.id, at=NOON)
        kinds = session.scalars(select(Message.kind).where(Message.conversation_id == chat.id).order_by(Message.number))
        assert list(kinds) == ["note", "message", "form"]


def test_a_message_whose_form_is_refused_is_not_sent(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, form = start(session), make.form(session)
        publishing.archive(session, form, actor="agent:1", at=NOON)
    with pytest.raises(InvalidState, match="cannot be inserted"), database.unit_of_work() as session:
        conversation_forms.reply(session, chat.id, NewMessage("agent:1", "Hi"), form.id, at=NOON)
    with database.read_only() as session:
        assert session.scalars(select(Message.id)).all() == []
