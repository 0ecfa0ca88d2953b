"""Forms placed in conversations: a saved one, or one that is configured for a single conversation.

Each function takes the ``client_key`` of the page that sends the request: sending the same request again changes
nothing, and a changed request is carried out beside the first one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.conversations import appending, lifecycle, messages
from app.core.conversations.appending import LockedConversation, NewMessage
from app.core.forms import publishing as optin_forms
from app.core.forms.publishing import FormContent
from app.models import Contact, Conversation, Message, OptInForm


@dataclass(frozen=True)
class FirstMessage:
    """What an agent starts a conversation with: a text, and perhaps a saved form."""

    body: str
    form_id: int | None = None
    client_key: str | None = None


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
    form = optin_forms.find(session, form_id)
    return _insert(session, conversation, form, actor=actor, at=at, client_key=key)


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
    :raises InvalidInput: a text; the type is not live
    :raises InvalidState: the contact is blocked
    """
    conversation = appending.lock(session, conversation_id)
    key = appending.content_key(client_key, "configured", content) if client_key else None
    if key and (placed := appending.find_sent(session, conversation, key)):
        return placed
    form = optin_forms.create(session, content, name="", allowed_origins=(), actor=actor, at=at, is_inline=True)
    return _insert(session, conversation, form, actor=actor, at=at, client_key=key)


def begin(session: Session, contact: Contact, first: FirstMessage, *, agent_id: int, at: datetime) -> Conversation:
    """Start a conversation with a contact. It is assigned to the agent.

    If one was started from the same page before, that one is returned, with whatever is new in ``first`` added to it.

    :raises InvalidInput: the text is empty or too long
    :raises NotFound: there is no such form
    :raises InvalidState: the form cannot be inserted; the contact is blocked
    """
    actor = f"agent:{agent_id}"
    key = first.client_key or None
    conversation = lifecycle.find_started(session, contact.id, key) if key else None
    if conversation is None:
        conversation = lifecycle.start(session, contact.id, at=at, assignee_id=agent_id, client_key=key)
    messages.post(session, conversation.id, NewMessage(actor, first.body, client_key=key), at=at)
    if first.form_id is not None:
        insert_saved(session, conversation.id, first.form_id, actor=actor, at=at, client_key=key)
    return conversation


def _insert(
    session: Session,
    conversation: LockedConversation,
    form: OptInForm,
    *,
    actor: str,
    at: datetime,
    client_key: str | None,
) -> Message:
    contact = lifecycle.contact_of(session, conversation)
    inserted = optin_forms.insert_for(session, form, contact, inserted_by=actor, at=at)
    return messages.post_form(session, conversation, inserted, author=actor, at=at, client_key=client_key)
