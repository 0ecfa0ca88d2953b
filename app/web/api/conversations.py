"""Conversations: started, listed, read, replied to; forms inserted between messages."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from flask import request as http_request
from sqlalchemy.orm import Session

from app.core import audit, clock
from app.core.accounts import api_tokens
from app.core.contacts import filters
from app.core.contacts.search import COUNTED_MAX
from app.core.conversations import api_views, backdating, lifecycle, messages
from app.core.conversations import forms as conversation_forms
from app.core.conversations.api_views import Posted, Presentation, Record
from app.core.conversations.appending import CONTACT, NewMessage
from app.core.conversations.forms import FirstMessage
from app.core.errors import InvalidInput, NotAvailable, NotFound, named
from app.core.inbox import conversation_changes, conversation_search, replying
from app.core.inbox.conversation_search import Sort
from app.core.sms import single
from app.core.subscriptions import subscription_types
from app.models import MessageKind
from app.schemas.contact_input import SearchSchema
from app.schemas.conversation import ConversationListSchema, ConversationSchema, MessageSchema
from app.schemas.conversation_input import (
    ChangedConversationSchema,
    ConversationPagingSchema,
    ConversationQuerySchema,
    ManageSchema,
    NewConversationSchema,
    NewMessageSchema,
    ReplySchema,
)
from app.schemas.form import PlacedFormSchema
from app.web import security
from app.web.api import admins, auth, forms, ids, pagination, references, unavailable
from app.web.api.auth import Scope
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("conversations", __name__, description="Chats, and the forms inserted into them.")
PER_PAGE = 20
_LAST = "last"


@blueprint.get("/conversations")
@blueprint.arguments(ConversationPagingSchema, location="query")
@blueprint.response(200, ConversationListSchema)
def list_conversations(query: dict[str, Any]) -> dict[str, Any]:
    """List conversations, the newest first.

    Without their parts. Ask again with the `ETag` of the answer in `If-None-Match`: 304 while nothing changed.
    """
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE)
    found = api_views.page(session, _presentation(query), after=request.after_id, limit=request.per_page + 1)
    page = pagination.by_key(
        request,
        found,
        lambda each: each.conversation.id,
        lambda: pagination.capped(api_views.count(session, most=COUNTED_MAX), COUNTED_MAX),
    )
    use_etag(each.conversation.revision for each in page["data"])
    return page


@blueprint.post("/conversations", errors=(404, 409, 410, 422))
@blueprint.arguments(NewConversationSchema)
@blueprint.commit(MessageSchema)
def create_conversation(session: Session, body: dict[str, Any]) -> Posted:
    """Start a conversation in the name of a contact. The response is its first message."""
    unavailable.refuse(body, ("attachment_urls", "brand_id"))
    contact, at = references.contact(session, body["from_"], "from.id"), clock.now()
    conversation = lifecycle.start(session, contact.id, at=at)
    backdating.backdate(conversation, body["created_at"])
    new = NewMessage(CONTACT, body["body"], written_at=body["created_at"])
    message = messages.post(session, conversation.id, new, at=at)
    _audit(session, "begun", conversation.id, {"as": "contact"}, at=at)
    return Posted("user_message", message)


@blueprint.post("/conversations/search", scope=Scope.READ)
@blueprint.arguments(SearchSchema)
@blueprint.response(200, ConversationListSchema)
def search_conversations(body: dict[str, Any]) -> dict[str, Any]:
    """Search conversations, without their parts.

    By `id`, `created_at`, `updated_at`, `open`, `state`, `read`, `source.id`, `source.body`, `source.delivered_as`,
    `source.author.type`, `.id` and `.email`, `contact_ids`, `admin_assignee_id`, `teammate_ids` and what is the same in
    all of them, in the query language of contacts. Times are compared to
    the second. Without a `sort`, the newest come first, or those changed longest ago, where the query asks about
    `updated_at`.
    """
    query = filters.read(body["query"], conversation_search.FIELDS)
    session, request = auth.read_session(), pagination.read(body["pagination"] or {}, default=PER_PAGE, keys=2)
    field, is_descending = pagination.read_sort(body["sort"])
    sort = Sort(field, is_descending=is_descending)
    found = conversation_search.search(
        session, query, sort, after=request.key, limit=request.per_page, total=request.total
    )
    records = api_views.records(session, _presentation({"display_as": None}), found.conversations)
    return pagination.paged(request, records, found.key, pagination.capped(found.total, COUNTED_MAX))


def _current(session: Session, _names: Collection[str], conversation_id: str) -> Record:
    return _record(session, ids.number(conversation_id) or 0, {"display_as": http_request.args.get("display_as")})


@blueprint.put("/conversations/<conversation_id>", errors=(404, 409, 422))
@blueprint.arguments(ChangedConversationSchema)
@blueprint.arguments(ConversationQuerySchema, location="query")
@blueprint.commit(ConversationSchema, current=_current)
def update_conversation(session: Session, body: dict[str, Any], query: dict[str, Any], conversation_id: str) -> Record:
    """Mark a conversation as read or unread, or set its custom attributes."""
    unavailable.refuse(body, ("company_id",))
    found, at = lifecycle.find(session, ids.number(conversation_id) or 0).id, clock.now()
    if body.get("read"):
        agent = api_tokens.owner_of(session, auth.caller().created_by)
        conversation_changes.mark_read(session, found, agent, at=at)
    elif "read" in body:
        conversation_changes.mark_unread(session, found, at=at)
    if body.get("custom_attributes") is not None:
        conversation_changes.set_attributes(session, found, body["custom_attributes"], at=at)
    _audit(session, "changed", found, {"fields": sorted(body)}, at=at)
    return _record(session, found, query)


@blueprint.get("/conversations/<conversation_id>", errors=(404,))
@blueprint.arguments(ConversationQuerySchema, location="query")
@blueprint.response(200, ConversationSchema)
def find_conversation(query: dict[str, Any], conversation_id: str) -> Record:
    """Find a conversation by its id.

    With its parts, at most the newest 500. `body` is HTML; with `display_as=plaintext` it is what was written.
    """
    record = _record(auth.read_session(), ids.number(conversation_id) or 0, query)
    use_etag([record.conversation.revision])
    return record


@blueprint.post("/conversations/<conversation_id>/reply", errors=(404, 409, 410, 422))
@blueprint.arguments(ReplySchema)
@blueprint.arguments(ConversationQuerySchema, location="query")
@blueprint.commit(ConversationSchema)
def reply_to_conversation(
    session: Session, body: dict[str, Any], query: dict[str, Any], conversation_id: str
) -> Record:
    """Reply in a conversation: as its contact, as an admin, or by a note among admins.

    The id may be `last`: the conversation that the contact began last; of an admin, the one in which something happened
    last. A contact that replies in a closed conversation opens it again.
    """
    if body["message_type"] == "quick_reply":
        raise NotAvailable("Quick replies are not available.", field="message_type")
    unavailable.refuse(body, ("attachment_urls", "attachment_files", "reply_options"))
    at = clock.now()
    if body["type"] == "admin":
        found, author = _reply_as_admin(session, body, conversation_id, at)
    else:
        found, author = _reply_as_contact(session, body, conversation_id, at)
    _audit(session, body["message_type"], found, {"as": author}, at=at)
    return _record(session, found, query)


@blueprint.post("/conversations/<conversation_id>/parts", errors=(404, 409, 422))
@blueprint.arguments(ManageSchema)
@blueprint.arguments(ConversationQuerySchema, location="query")
@blueprint.commit(ConversationSchema)
def manage_conversation(session: Session, body: dict[str, Any], query: dict[str, Any], conversation_id: str) -> Record:
    """Close, reopen or assign a conversation.

    As an admin, by `message_type` `close`, `open` or `assignment`. A step that changes nothing leaves no trace in it.
    """
    if body["message_type"] == "snoozed":
        raise NotAvailable("Conversations cannot be snoozed.", field="message_type")
    actor = references.actor(admins.find_active(session, body["admin_id"]))
    found, at = ids.number(conversation_id) or 0, clock.now()
    if body["body"]:
        replying.reply(session, found, NewMessage(actor, body["body"]), at=at)
    match body["message_type"]:
        case "close":
            lifecycle.close(session, found, actor=actor, at=at)
        case "open":
            lifecycle.reopen(session, found, actor=actor, at=at)
        case _:
            lifecycle.assign(session, found, references.assignee(session, body["assignee_id"]), actor=actor, at=at)
    _audit(session, body["message_type"], found, {"as": actor}, at=at)
    return _record(session, found, query)


@blueprint.post("/conversations/<conversation_id>/forms", errors=(404, 409, 422))
@blueprint.arguments(PlacedFormSchema)
@blueprint.arguments(ConversationQuerySchema, location="query")
@blueprint.commit(ConversationSchema)
def insert_form_into_conversation(
    session: Session, body: dict[str, Any], query: dict[str, Any], conversation_id: str
) -> Record:
    """Insert a saved form into a conversation, or one that is for this conversation only.

    The newest part carries it as `form`, with `embed_url` and `state`.
    """
    found, at, actor = ids.number(conversation_id) or 0, clock.now(), auth.caller().actor
    if "form_id" in body:
        conversation_forms.insert_saved(session, found, ids.number(body["form_id"]) or 0, actor=actor, at=at)
    else:
        conversation_forms.insert_configured(session, found, forms.content_of(body), actor=actor, at=at)
    _audit(session, "form_inserted", found, {}, at=at)
    return _record(session, found, query)


@blueprint.post("/messages", errors=(404, 409, 410, 422))
@blueprint.arguments(NewMessageSchema)
@blueprint.commit(MessageSchema)
def create_message(session: Session, body: dict[str, Any]) -> Posted:
    """Write to a contact as an admin: starts a conversation (`inapp`), or sends one text (`sms`).

    With `create_conversation_without_contact_reply: false` the conversation is not open, and in no list of the inbox,
    until the contact replies.

    A text needs a `subscription_type_id`, and is sent as it is. It is refused with 409 and the reason as its code, such
    as `not_opted_in`, where the contact must not be texted; and asked about again when it is sent. `not_available`:
    other kinds of messages. `blocked`, `gdpr_optout`, `invalid_state`: the contact takes none, or is archived.
    `no_messenger`: a lead without a messenger would never see it.
    """
    if body["message_type"] not in {"inapp", "in_app", "sms"}:
        raise NotAvailable("Only messages of the types “inapp” and “sms” can be sent.", field="message_type")
    unavailable.refuse(body, ("cc", "bcc"))
    agent, at = admins.find_active(session, body["from_"]["id"], "from.id"), clock.now()
    contact = references.contact(session, body["to"], "to.id")
    if body["from_"]["type"] != "admin":
        raise InvalidInput("A message comes from an admin; a contact begins a conversation.", field="from.type")
    if body["message_type"] == "sms":
        with named("subscription_type_id"):
            found = subscription_types.find(session, ids.number(body["subscription_type_id"]) or 0)
        backdating.refuse_in_text(body["created_at"])
        text = single.queue_to(session, contact, found, body["body"], actor=references.actor(agent), at=at)
        return Posted("admin_message", text, "sms")
    first = FirstMessage(body["body"], written_at=body["created_at"])
    message = conversation_forms.begin(session, contact, first, agent_id=agent.id, at=at)
    if not body["create_conversation_without_contact_reply"]:
        lifecycle.list_once_answered(session, message.conversation_id)
    _audit(session, "begun", message.conversation_id, {"as": references.actor(agent)}, at=at)
    return Posted("admin_message", message)


def _reply_as_admin(session: Session, body: dict[str, Any], conversation_id: str, at: datetime) -> tuple[int, str]:
    """The id of the conversation, and who replied."""
    author = references.actor(admins.find_active(session, body["admin_id"]))
    is_last = conversation_id == _LAST
    found = api_views.newest_of(session, None) if is_last else ids.number(conversation_id) or 0
    kind = MessageKind.NOTE if body["message_type"] == "note" else MessageKind.MESSAGE
    replying.reply(session, found, NewMessage(author, body["body"], kind, written_at=body["created_at"]), at=at)
    return found, author


def _reply_as_contact(session: Session, body: dict[str, Any], conversation_id: str, at: datetime) -> tuple[int, str]:
    if body["message_type"] != "comment":
        raise InvalidInput("A contact writes comments.", field="message_type")
    reference = {"id": body["intercom_user_id"], "user_id": body["user_id"], "email": body["email"]}
    contact = references.contact(session, reference, "intercom_user_id")
    is_last = conversation_id == _LAST
    found = api_views.newest_of(session, contact.id) if is_last else ids.number(conversation_id) or 0
    if lifecycle.find(session, found).contact_id != contact.id:
        raise NotFound("Resource Not Found")  # a contact writes in its own conversations only
    messages.post(session, found, NewMessage(CONTACT, body["body"], written_at=body["created_at"]), at=at)
    return found, "contact"


def _audit(session: Session, action: str, conversation_id: int, details: dict[str, Any], *, at: datetime) -> None:
    """Record what the token did: the conversation itself names the contact or agent only."""
    subject = f"conversation:{conversation_id}"
    audit.record(session, auth.caller().actor, f"conversation.{action}", subject, details, at=at)


def _record(session: Session, conversation_id: int, query: dict[str, Any]) -> Record:
    return api_views.find(session, _presentation(query), conversation_id, at=clock.now())


def _presentation(query: dict[str, Any]) -> Presentation:
    return Presentation(security.public_url(), is_plain=query["display_as"] == "plaintext")
