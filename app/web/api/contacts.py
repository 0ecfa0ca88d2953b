"""Contacts: made, found, changed, searched, merged, archived, blocked, erased."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import erase as erasure
from app.core.contacts import filters
from app.core.contacts import merge as contact_merge
from app.core.contacts import profile as contact_profile
from app.core.contacts import search as contact_search
from app.core.contacts import views as contact_views
from app.core.contacts.search import Found, Order
from app.core.contacts.views import View
from app.core.errors import InvalidInput
from app.models import Contact
from app.schemas.contact import (
    ContactArchivedSchema,
    ContactBlockedSchema,
    ContactDeletedSchema,
    ContactInputSchema,
    ContactListSchema,
    ContactPagingSchema,
    ContactQuerySchema,
    ContactSchema,
    MergeSchema,
    SearchSchema,
    TagListSchema,
    contact_body,
    contact_reference,
)
from app.schemas.fields import seconds
from app.web.api import auth as callers
from app.web.api import pagination as cursors
from app.web.api.auth import Scope
from app.web.api.blueprint import Room
from app.web.api.responses import Body, answer, polled, written
from app.web.services import read_connection

room = Room("contacts", __name__, url_prefix="/api", description="People, and what is known of them.")
PER_PAGE, PER_SEARCH, PER_SEARCH_UNASKED = 10, 50, 150


@room.call("POST", "/contacts", ContactSchema, body=ContactInputSchema, errors=(409,))
def create_contact(given: dict[str, Any]) -> Response:
    """Create a contact.

    Give at least one of `email`, `external_id` and `role`. A lead needs nothing else: a role and a phone number make
    somebody known by their number alone. `conflict`: a user with this address or external id is there already; the
    message ends with `id=` and the id.
    """

    def act(session: Session) -> Body:
        made = contact_profile.create(session, given, actor=callers.current().actor, at=clock.now())
        return _body(session, made.public_id)

    return written(act)


@room.call("GET", "/contacts", ContactListSchema, query=ContactPagingSchema)
def list_contacts(paging: dict[str, Any]) -> Response:
    """List contacts, newest first.

    Archived contacts are left out; a search can ask for them.
    """
    per_page = paging["per_page"] or PER_PAGE
    place = cursors.read(paging["starting_after"], keys=2)
    skip = (paging["page"] - 1) * per_page if place.key is None else 0
    session = callers.looking()
    found = contact_search.page(session, None, after=place.key, skip=skip, limit=per_page, total=place.total)
    if skip:
        place = cursors.Place(paging["page"])
    return polled(_list(session, found, place, per_page, has_history=paging["include_merge_history"]))


@room.call("POST", "/contacts/search", ContactListSchema, body=SearchSchema, scope=Scope.READ)
def search_contacts(asked: dict[str, Any]) -> Response:
    """Search contacts.

    Intercom's filters, and `subscription_types.{id}` beside them (see *The query language*). Without a `sort`, the
    newest come first; those with the smallest number, where the query asks for the beginning of one; those changed
    longest ago, where it asks about `updated_at`: so nobody is missed who is changed while you read.
    """
    query, order = filters.read(asked["query"]), _order(asked["sort"])
    pagination = asked["pagination"] or {}
    per_page = pagination.get("per_page") or (PER_SEARCH if asked["pagination"] else PER_SEARCH_UNASKED)
    place = cursors.read(pagination.get("starting_after"), keys=2)
    session = callers.looking()
    found = contact_search.page(session, query, order=order, after=place.key, limit=per_page, total=place.total)
    return answer(_list(session, found, place, per_page))


@room.call("POST", "/contacts/merge", ContactSchema, body=MergeSchema, query=ContactQuerySchema, errors=(404, 410))
def merge_contacts(asked: dict[str, Any], wanted: dict[str, Any]) -> Response:
    """Merge two contacts that are one person.

    The contact `from` ends and answers 410 with a link to `into`. What one of them opted out of, both did; an opt-in
    comes along only for a number that the contact has afterwards. `invalid_merge`: they are the same contact, a user
    would end in a lead, or two users share neither address nor number.
    """

    def act(session: Session) -> Body:
        into = contact_merge.merge(
            session,
            asked["from_"],
            asked["into"],
            actor=callers.current().actor,
            at=clock.now(),
            skip_duplicate_validation=asked["skip_duplicate_validation"],
        )
        return _body(session, into.public_id, has_history=wanted["include_merge_history"])

    return written(act)


@room.call("GET", "/contacts/find_by_external_id/<path:external_id>", ContactSchema, errors=(404,))
def find_contact_by_external_id(external_id: str) -> Response:
    """Find a user by their external id.

    Leads are not found by it.
    """
    with read_connection() as look:
        view = contact_views.find_by_external_id(look, external_id)
    return answer(contact_body(view, callers.current().workspace_key))


@room.call("GET", "/contacts/<contact_id>", ContactSchema, query=ContactQuerySchema, errors=(404, 410))
def find_contact(wanted: dict[str, Any], contact_id: str) -> Response:
    """Find a contact by its id."""
    if wanted["include_merge_history"]:
        return answer(_body(callers.looking(), contact_id, has_history=True))
    with read_connection() as look:
        view = contact_views.find(look, contact_id)
    return answer(contact_body(view, callers.current().workspace_key))


@room.call("PUT", "/contacts/<contact_id>", ContactSchema, body=ContactInputSchema, errors=(404, 409, 410))
def update_contact(given: dict[str, Any], contact_id: str) -> Response:
    """Change a contact.

    Only what is given changes; null takes away. With another phone number, what was said yes to with the old one does
    not come along.
    """

    def act(session: Session) -> Body:
        held = contact_profile.hold(session, contact_id)
        contact_profile.change(session, held, given, actor=callers.current().actor, at=clock.now())
        return _body(session, contact_id)

    return written(act)


@room.call("DELETE", "/contacts/<contact_id>", ContactDeletedSchema, errors=(404, 410))
def delete_contact(contact_id: str) -> Response:
    """Erase a person.

    Profile, evidence and conversations go. The ledger keeps what happened, without who it was; what must not be texted
    stays as a keyed hash.
    """
    return _erased(contact_id)


@room.call("POST", "/contacts/<contact_id>/erase", ContactDeletedSchema, errors=(404, 410))
def erase_contact(contact_id: str) -> Response:
    """Erase a person, the same as deleting the contact."""
    return _erased(contact_id)


@room.call("POST", "/contacts/<contact_id>/archive", ContactArchivedSchema, errors=(404, 410))
def archive_contact(contact_id: str) -> Response:
    """Archive a contact: out of lists, searches and audiences; nothing is lost."""
    return _stepped(contact_id, contact_profile.archive, archived=True)


@room.call("POST", "/contacts/<contact_id>/unarchive", ContactArchivedSchema, errors=(404, 409, 410))
def unarchive_contact(contact_id: str) -> Response:
    """Bring an archived contact back."""
    return _stepped(contact_id, contact_profile.unarchive, archived=False)


@room.call("POST", "/contacts/<contact_id>/block", ContactBlockedSchema, errors=(404, 410))
def block_contact(contact_id: str) -> Response:
    """Block a contact: nothing is taken from it and nothing sent to it any more (`blocked`).

    Its open conversations are closed.
    """
    return _stepped(contact_id, contact_profile.block, blocked=True)


@room.call("GET", "/contacts/<contact_id>/tags", TagListSchema, errors=(404, 410))
def list_tags_of_contact(contact_id: str) -> Response:
    """List the tags of a contact: there are none here."""
    with read_connection() as look:
        contact_views.find(look, contact_id)
    return answer({"type": "list", "data": []})


def _erased(contact_id: str) -> Response:
    def act(session: Session) -> Body:
        held = contact_profile.hold(session, contact_id)
        gone = contact_reference(held.public_id, held.external_id, deleted=True)
        erasure.erase(session, held, actor=callers.current().actor, at=clock.now())
        return gone

    return written(act)


def _stepped(contact_id: str, step: Callable[..., None], **said: bool) -> Response:
    def act(session: Session) -> Body:
        held: Contact = contact_profile.hold(session, contact_id)
        step(session, held, actor=callers.current().actor, at=clock.now())
        return contact_reference(held.public_id, held.external_id, **said)

    return written(act)


def _body(session: Session, contact_id: str, *, has_history: bool = False) -> Body:
    view = contact_views.find(session, contact_id)
    return _bodies(session, [view], has_history=has_history)[0]


def _bodies(session: Session, views: list[View], *, has_history: bool) -> list[Body]:
    key = callers.current().workspace_key
    bodies: list[Body] = [contact_body(view, key) for view in views]
    if has_history:
        merged = contact_views.merged_into(session, [view.row.id for view in views])
        for view, body in zip(views, bodies, strict=True):
            body["merge_history"] = _history(merged[view.row.id])
    return bodies


def _history(merged: list[tuple[str, str, datetime | None]]) -> list[Body]:
    return [
        {
            "type": "merge_history_item",
            "source_contact_id": public_id,
            "source_contact_role": role,
            "merged_at": seconds(merged_at),
        }
        for public_id, role, merged_at in merged
    ]


def _list(session: Session, found: Found, place: cursors.Place, per_page: int, *, has_history: bool = False) -> Body:
    bodies = _bodies(session, contact_views.of_ids(session, found.ids), has_history=has_history)
    return cursors.listed(cursors.Page(bodies, found.key, found.total, found.is_minimum), place, per_page, dict)


def _order(asked: dict[str, Any] | None) -> Order:
    if asked is None or asked["field"] is None:
        return Order()
    if asked["order"] not in {"ascending", "descending"}:
        raise InvalidInput("The order is “ascending” or “descending”.", field="sort.order", code="invalid_sort_order")
    return Order(asked["field"], is_descending=asked["order"] == "descending")
