"""Texts: single messages by SMS, in and out."""

from typing import Any

from app.core import phone
from app.core.contacts import views
from app.core.contacts.search import COUNTED_MAX
from app.core.errors import named
from app.core.signing import keys_of
from app.core.sms import texts
from app.core.sms.texts import Filter
from app.core.workspace import settings
from app.schemas.sms_message import ShownText, SmsMessageListSchema, SmsMessagePagingSchema, SmsMessageSchema
from app.web.api import auth, ids, numbers, pagination
from app.web.api.blueprint import ApiBlueprint

blueprint = ApiBlueprint("sms messages", __name__, description="Texts in and out, and what became of them.")
PER_PAGE = 50


@blueprint.get("/sms_messages", errors=(404, 410))
@blueprint.arguments(SmsMessagePagingSchema, location="query")
@blueprint.response(200, SmsMessageListSchema)
def list_sms_messages(query: dict[str, Any]) -> dict[str, Any]:
    """List texts, newest first.

    All of them, those of a number (`phone`), or those of a contact (`contact_id`). Where nothing is found by a number
    without its country code, and the workspace has no default country, this is 400 `phone_country_code_missing`.
    """
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE)
    number, contact_id = query["phone"], query["contact_id"]
    region = settings.get(session).default_country
    with named("contact_id"):
        of_contact = views.find(session, contact_id).row.id if contact_id else None
    only = Filter(
        keys_of(session).destination_hash(phone.normalize(number, region=region)[0]) if number else None,
        of_contact,
    )
    found = texts.page(session, only, before=request.after_id, limit=request.per_page + 1)
    if number and not found:
        numbers.refuse_without_country(session, number)
    return pagination.by_key(
        request,
        found,
        lambda each: each.message.id,
        lambda: pagination.capped(texts.count(session, only, most=COUNTED_MAX), COUNTED_MAX),
    )


@blueprint.get("/sms_messages/<message_id>", errors=(404,))
@blueprint.response(200, SmsMessageSchema)
def find_sms_message(message_id: str) -> ShownText:
    """Find a text by its id.

    `unknown`: it may have been sent, or not; it is never sent again by itself. `skipped`: the gate refused it at the
    moment of sending, for the `reason`.
    """
    return texts.shown(auth.read_session(), ids.number(message_id) or 0)
