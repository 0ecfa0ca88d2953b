"""The form inserted between them: a saved one, or one that is configured for this one place.

Each act takes the ``client_key`` of the page that it was sent from: pressed twice, what was placed first stands. What
was changed before it was sent again stands beside it.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.conversations import messages as conversations
from app.core.forms import publishing as optin_forms
from app.core.forms.publishing import FormContent
from app.models import Contact, Conversation, Message, OptInForm


def insert_saved(
    session: Session, conversation_id: int, form_id: int, *, actor: str, at: datetime, client_key: str | None = None
) -> Message:
    """Place the newest version of a form in a conversation, for its contact.

    :raises NotFound: there is no such conversation or form
    :raises InvalidState: the form is archived or its type is not live
    """
    key = conversations.key_of(client_key, "saved", form_id) if client_key else None
    if placed := _placed_before(session, conversation_id, key):
        return placed
    form = optin_forms.find(session, form_id)
    return _insert(session, conversation_id, form, actor=actor, at=at, client_key=key)


def insert_configured(
    session: Session,
    conversation_id: int,
    content: FormContent,
    *,
    actor: str,
    at: datetime,
    client_key: str | None = None,
) -> Message:
    """Make a form for this one conversation and place it there. No list offers it again; its words are frozen alike.

    :raises NotFound: there is no such conversation
    :raises InvalidInput: a text; the type is not live
    """
    key = conversations.key_of(client_key, "configured", content) if client_key else None
    if placed := _placed_before(session, conversation_id, key):
        return placed
    form = optin_forms.create(session, content, name="", allowed_origins=(), actor=actor, at=at, is_inline=True)
    return _insert(session, conversation_id, form, actor=actor, at=at, client_key=key)


def begin(
    session: Session,
    contact: Contact,
    body: str,
    form_id: int | None,
    *,
    agent_id: int,
    at: datetime,
    client_key: str | None = None,
) -> Conversation:
    """Start a conversation with a contact, by a message and perhaps a saved form; it is the agent's from then on.

    Begun from the same page before, that conversation comes back; what was changed since then is added to it.

    :raises InvalidInput: ``body`` is empty or too long
    :raises NotFound: there is no such form
    :raises InvalidState: the form cannot be inserted
    """
    actor = f"agent:{agent_id}"
    key = client_key or None
    conversation = conversations.begun_before(session, contact.id, key) if key else None
    if conversation is None:
        conversation = conversations.start(session, contact.id, at=at, assignee_id=agent_id, client_key=key)
    conversations.say(session, conversation.id, author=actor, body=body, at=at, client_key=key)
    if form_id is not None:
        insert_saved(session, conversation.id, form_id, actor=actor, at=at, client_key=key)
    return conversation


def _placed_before(session: Session, conversation_id: int, client_key: str | None) -> Message | None:
    """What was placed with this key already. The conversation is held from here on, so that two at once agree."""
    conversations.hold(session, conversation_id)
    return conversations.said_before(session, conversation_id, client_key) if client_key else None


def _insert(
    session: Session, conversation_id: int, form: OptInForm, *, actor: str, at: datetime, client_key: str | None
) -> Message:
    conversation = conversations.find(session, conversation_id)
    contact = conversations.contact_of(session, conversation)
    inserted = optin_forms.insert_for(session, form, contact, inserted_by=actor, at=at)
    return conversations.post_form(session, conversation_id, inserted, author=actor, at=at, client_key=client_key)
