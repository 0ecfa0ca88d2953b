"""The audience of an outbound chat: the people behind each number."""

from flask import render_template, request

from app.core import phone
from app.core.contacts import records
from app.core.outbound_chats import audience, drafts
from app.core.workspace import settings
from app.web import ids
from app.web.outbound_chats.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

PAGE_SIZE = 50


@blueprint.get("/outbound-chats/<int:chat_id>/audience")
@marketer_required
def audience_page(chat_id: int) -> str:
    """The people who get it, or who do not for one reason."""
    reason, after = request.args.get("reason") or None, request.args.get("after", type=ids.whole_number)
    with read_only() as session:
        chat = drafts.get(session, chat_id)
        found = audience.people(session, chat.form_id, chat.query, reason, after=after, limit=PAGE_SIZE + 1)
        contacts = records.find_by_ids(session, found)
        return render_template(
            "outbound_chats/people.html",
            chat=chat,
            reason=reason,
            people=[contacts[each] for each in found[:PAGE_SIZE] if each in contacts],
            is_first=after is None,
            next_after=found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )
