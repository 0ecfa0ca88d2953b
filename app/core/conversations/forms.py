"""Forms placed in conversations: a saved one, or one that is configured for a single conversation.

Each function takes the ``client_key`` of the page that sends the request: sending the same request again changes
nothing, and a changed request is carried out beside the first one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.conversations import appending, backdating, lifecycle, messages
from app.core.conversations.appending import LockedConversation, NewMessage
from app.core.errors import InvalidState, NotFound, named
from app.core.forms import insertion, legal_text, publishing
from app.core.forms.content import FormContent, checked_content
from app.core.forms.insertion import LinkOptions
from app.core.forms.publishing import FormSettings
from app.db import run
from app.models import (
    Contact,
    Conversation,
    ConversationChannel,
    ConversationState,
    InsertedForm,
    Message,
    MessageKind,
    OptInForm,
)

_CONVERSATION = Conversation.__table__
_MESSAGE = Message.__table__


@dataclass(frozen=True)
class FirstMessage:
    """What an agent starts a conversation with: a text, and perhaps a saved form.

    :param written_at: when, where that was long before it is recorded (``NewMessage``)
    """

    body: str
    form_id: int | None = None
    client_key: str | None = None
    written_at: datetime | None = None


def insert_saved(
    session: Session, conversation_id: int, form_id: int, *, actor: str, at: datetime, client_key: str | None = None
) -> Message:
    """Place the newest version of a form in a conversation, for its contact.

    :raises NotFound: there is no such conversation or form
    :raises InvalidState: the form is archived or its type is not live; the contact is blocked
    """
    conversation = appending.lock(session, conversation_id)
    key = appending.content_key(client_key, "saved", form_id) if client_key else None
    if key and (placed := appending.find_sent(session, conversation, key)):
        return placed
    with named("form_id"):
        form = publishing.find(session, form_id)
    return _insert(session, conversation, form, actor=actor, at=at, client_key=key)


def reply(session: Session, conversation_id: int, new: NewMessage, form_id: int | None, *, at: datetime) -> Message:
    """Post a message or a note, and place a saved form after a message. Returns the message.

    :param form_id: null: no form; a note sends none, whatever this is
    :raises NotFound: there is no such conversation or form
    :raises InvalidInput: as ``messages.post``
    :raises InvalidState: the message or the form is refused (``insert_saved``); the caller then sends neither
    """
    message = messages.post(session, conversation_id, new, at=at)
    if form_id is not None and new.kind == MessageKind.MESSAGE:
        insert_saved(session, conversation_id, form_id, actor=new.author, at=at, client_key=new.client_key)
    return message


def insert_configured(
    session: Session,
    conversation_id: int,
    content: FormContent,
    *,
    actor: str,
    at: datetime,
    client_key: str | None = None,
) -> Message:
    """Create a form for this one conversation and place it there. No list offers it; its wording is frozen as usual.

    :raises NotFound: there is no such conversation
    :raises InvalidInput: a text; the type is not live; the actor may not write the legal text
    :raises InvalidState: the contact is blocked
    """
    conversation = appending.lock(session, conversation_id)
    key = appending.content_key(client_key, "configured", content) if client_key else None
    if key and (placed := appending.find_sent(session, conversation, key)):
        return placed
    legal_text.refuse_unwritten(session, checked_content(session, content), actor=actor)
    form = publishing.create(session, content, FormSettings(is_inline=True), actor=actor, at=at)
    return _insert(session, conversation, form, actor=actor, at=at, client_key=key)


def send_again(
    session: Session,
    conversation_id: int,
    inserted_form_id: int,
    *,
    actor: str,
    at: datetime,
    client_key: str | None = None,
) -> Message:
    """Place the newest version of a form once more, as the newest message. One that still waits is withdrawn.

    :raises NotFound: the form is not in this conversation
    :raises InvalidState: it was answered; as ``insert_saved``
    """
    # The form's row is locked before the conversation's, as when the person answers.
    withdraw_from(session, conversation_id, inserted_form_id, actor=actor, at=at)
    conversation = appending.lock(session, conversation_id)
    key = appending.content_key(client_key, "again", inserted_form_id) if client_key else None
    if key and (placed := appending.find_sent(session, conversation, key)):
        return placed
    form = publishing.find(session, session.get_one(InsertedForm, inserted_form_id).form_id)
    return _insert(session, conversation, form, actor=actor, at=at, client_key=key)


def begin(session: Session, contact: Contact, first: FirstMessage, *, agent_id: int, at: datetime) -> Message:
    """Start a conversation with a contact. It is assigned to the agent. Returns its first message.

    If one was started from the same page before, whatever is new in ``first`` is added to that one.

    :raises InvalidInput: the text is empty or too long
    :raises NotFound: there is no such form
    :raises InvalidState: the form cannot be inserted; the contact is closed or archived; or ``no_messenger``: a lead
        without a messenger would never see it
    """
    reach.refuse_gone(session, merged_into_id=contact.merged_into_id, erased_at=contact.erased_at)
    reach.refuse_out_of_reach(contact)
    lifecycle.refuse_without_messenger(session, contact)
    actor = f"agent:{agent_id}"
    key = first.client_key or None
    conversation = lifecycle.find_started(session, contact.id, key) if key else None
    if conversation is None:
        conversation = lifecycle.start(session, contact.id, at=at, assignee_id=agent_id, client_key=key)
        backdating.backdate(conversation, first.written_at)
    message = NewMessage(actor, first.body, client_key=key, written_at=first.written_at)
    return reply(session, conversation.id, message, first.form_id, at=at)


def place(
    session: Session,
    conversation: LockedConversation,
    inserted: InsertedForm,
    *,
    author: str,
    at: datetime,
    client_key: str | None = None,
) -> Message:
    """Place an inserted form (``insert_for`` makes it) in a conversation, and reopen the conversation if it is closed.

    :param client_key: the caller has checked that no message has it
    :raises InvalidState: it was inserted for another contact, or is in a conversation already; the contact is blocked
    """
    if inserted.conversation_id is not None or inserted.contact_id != conversation.contact_id:
        raise InvalidState("This form was inserted for another contact.")
    return _append(session, conversation, inserted, author=author, at=at, client_key=client_key)


def withdraw(session: Session, inserted_form_id: int, *, actor: str, at: datetime) -> InsertedForm:
    """Withdraw an inserted form that was not answered, and show that in its conversation, if it is in one.

    :raises NotFound: there is no inserted form with this id
    :raises InvalidState: it was answered
    """
    withdrawn = insertion.withdraw(session, inserted_form_id, actor=actor, at=at)
    if withdrawn.conversation_id is not None and withdrawn.withdrawn_at == at:
        mark_changed(session, withdrawn.conversation_id, withdrawn.id, is_answered=False, at=at)
    return withdrawn


def withdraw_from(session: Session, conversation_id: int, inserted_form_id: int, *, actor: str, at: datetime) -> None:
    """Withdraw a form of this conversation.

    :raises NotFound: it is not in this conversation
    :raises InvalidState: it was answered
    """
    if (
        session.scalar(select(InsertedForm.conversation_id).where(InsertedForm.id == inserted_form_id))
        != conversation_id
    ):
        raise NotFound("There is no such form in this conversation.")
    withdraw(session, inserted_form_id, actor=actor, at=at)


def mark_changed(
    session: Session, conversation_id: int, inserted_form_id: int, *, is_answered: bool, at: datetime
) -> None:
    """Give a form's card a new revision, so that the polls of both sides fetch it again. Two statements.

    An answer counts as news from the contact: agents see it unread, and the conversation moves to the top.
    """
    values: dict[str, Any] = {
        "revision": _CONVERSATION.c.revision + 1,
        "change_number": appending.change_stamp(session, at),
    }
    if is_answered:
        values |= {"last_contact_revision": _CONVERSATION.c.revision + 1, "updated_at": at}
    changed = update(_CONVERSATION).where(_CONVERSATION.c.id == conversation_id).values(**values)
    revision = run(session, changed.returning(_CONVERSATION.c.revision)).scalar_one_or_none()
    card = update(_MESSAGE).where(_MESSAGE.c.inserted_form_id == inserted_form_id).values(revision=revision)
    if revision is not None:
        run(session, card)


def _insert(
    session: Session,
    conversation: LockedConversation,
    form: OptInForm,
    *,
    actor: str,
    at: datetime,
    client_key: str | None,
) -> Message:
    contact = session.get_one(Contact, conversation.contact_id)
    here = LinkOptions(conversation_id=conversation.id)
    inserted = insertion.insert_for(session, form, contact, inserted_by=actor, at=at, link=here)
    return _append(session, conversation, inserted, author=actor, at=at, client_key=client_key)


def _append(
    session: Session,
    conversation: LockedConversation,
    inserted: InsertedForm,
    *,
    author: str,
    at: datetime,
    client_key: str | None,
) -> Message:
    if conversation.channel != ConversationChannel.MESSENGER:
        raise InvalidState("A form cannot be sent in a text. Send a link to it.", code="no_messenger")
    reach.refuse_closed(session.get_one(Contact, conversation.contact_id))
    inserted.conversation_id = conversation.id
    if conversation.state == ConversationState.CLOSED:
        lifecycle.reopen_locked(session, conversation, actor=author, at=at)
    new = NewMessage(author, "", MessageKind.FORM, client_key, inserted.id)
    return appending.append(session, conversation, new, at=at)
