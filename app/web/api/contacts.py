"""Contacts: created, found, changed, searched, merged, archived, blocked, erased."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock, contact_lists
from app.core.consent import locking
from app.core.contacts import erase, filters, merge, profile, search, views
from app.core.contacts.search import Found, Place
from app.core.contacts.search_walks import Order
from app.core.contacts.views import View
from app.core.errors import named
from app.db import ReadConnection
from app.models import Contact
from app.schemas.contact import (
    ContactArchivedSchema,
    ContactBlockedSchema,
    ContactDeletedSchema,
    ContactListSchema,
    ContactSchema,
    ContactValue,
    MergedContact,
)
from app.schemas.contact_input import (
    ContactInputSchema,
    ContactPagingSchema,
    ContactQuerySchema,
    MergeSchema,
    SearchSchema,
)
from app.web.api import auth, pagination, search_queue
from app.web.api.auth import Scope
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag
from app.web.api.pagination import PageRequest, Total
from app.web.services import read_connection

blueprint = ApiBlueprint("contacts", __name__, description="People, and what is known of them.")
PER_PAGE, PER_SEARCH, PER_SEARCH_BY_DEFAULT = 10, 50, 150


@blueprint.post("/contacts", errors=(409, 422))
@blueprint.arguments(ContactInputSchema)
@blueprint.commit(ContactSchema, creates=True)
def create_contact(session: Session, body: dict[str, Any]) -> ContactValue:
    """Create a contact.

    Give at least one of `email`, `external_id` and `role`. A lead needs nothing else: a role and a phone number make
    a person known by their number alone. `conflict`: a user with this address or external id is there already; the
    message ends with `id=` and the id.
    """
    contact = profile.create(session, body, actor=auth.caller().actor, at=clock.now())
    return _value(views.find(session, contact.public_id))


@blueprint.get("/contacts")
@blueprint.arguments(ContactPagingSchema, location="query")
@blueprint.response(200, ContactListSchema)
def list_contacts(query: dict[str, Any]) -> dict[str, Any]:
    """List contacts, newest first.

    Archived contacts are left out; a search can ask for them.
    """
    use_etag()
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE, keys=2)
    skip = 0 if request.key else (query["page"] - 1) * request.per_page
    found = search.page(session, None, Place(request.per_page, request.key, skip), total=request.total)
    if skip:
        request = PageRequest(request.per_page, query["page"])
    return _page(session, found, request, has_history=query["include_merge_history"])


@blueprint.post("/contacts/search", scope=Scope.READ)
@blueprint.arguments(SearchSchema)
@blueprint.arguments(ContactQuerySchema, location="query")
@blueprint.response(200, ContactListSchema)
def search_contacts(body: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Search contacts.

    Intercom's filters, and `subscription_types.{id}` beside them (see *The query language*). Without a `sort`, the
    newest come first; those with the smallest number, where the query asks for the beginning of one; those changed
    longest ago, where it asks about `updated_at`: so no one who is changed while you read is missed.
    """
    query = filters.read(body["query"])
    field, is_descending = pagination.read_sort(body["sort"])
    order = Order(field, is_descending=is_descending)
    default = PER_SEARCH if body["pagination"] else PER_SEARCH_BY_DEFAULT
    request = pagination.read(body["pagination"] or {}, default=default, keys=2)
    with search_queue.turn(query), read_connection() as connection:
        place = Place(request.per_page, request.key)
        found = search.page(connection, query, place, order=order, total=request.total)
        return _page(connection, found, request, has_history=options["include_merge_history"])


@blueprint.post("/contacts/merge", errors=(404, 410))
@blueprint.arguments(MergeSchema)
@blueprint.arguments(ContactQuerySchema, location="query")
@blueprint.commit(ContactSchema)
def merge_contacts(session: Session, body: dict[str, Any], query: dict[str, Any]) -> ContactValue:
    """Merge two contacts that are one person.

    The contact `from` ends and answers 410 with a link to `into`. What one of them opted out of, both did; an opt-in
    comes along only for a number that the contact has afterwards. `invalid_merge`: they are the same contact, a user
    would end in a lead, or two users share neither address nor number.
    """
    for field, contact_id in (("from", body["from_"]), ("into", body["into"])):
        with named(field):
            views.find(session, contact_id)
    into = merge.merge(
        session,
        body["from_"],
        body["into"],
        actor=auth.caller().actor,
        at=clock.now(),
        skip_duplicate_validation=body["skip_duplicate_validation"],
    )
    return _find(session, into.public_id, has_history=query["include_merge_history"])


@blueprint.get("/contacts/find_by_external_id/<path:external_id>", errors=(404,))
@blueprint.arguments(ContactQuerySchema, location="query")
@blueprint.response(200, ContactSchema)
def find_contact_by_external_id(query: dict[str, Any], external_id: str) -> ContactValue:
    """Find a user by their external id.

    Leads are not found by it.
    """
    with read_connection() as connection:
        view = views.find_by_external_id(connection, external_id)
        return _values(connection, [view], has_history=query["include_merge_history"])[0]


@blueprint.get("/contacts/<contact_id>", errors=(404, 410))
@blueprint.arguments(ContactQuerySchema, location="query")
@blueprint.response(200, ContactSchema)
def find_contact(query: dict[str, Any], contact_id: str) -> ContactValue:
    """Find a contact by its id."""
    if query["include_merge_history"]:
        return _find(auth.read_session(), contact_id, has_history=True)
    with read_connection() as connection:
        return _value(views.find(connection, contact_id))


def _current(session: Session, names: Collection[str], contact_id: str) -> ContactValue:
    return _find(session, contact_id, has_history="merge_history" in names)


@blueprint.put("/contacts/<contact_id>", errors=(404, 409, 410, 422))
@blueprint.arguments(ContactInputSchema)
@blueprint.arguments(ContactQuerySchema, location="query")
@blueprint.commit(ContactSchema, current=_current)
def update_contact(session: Session, body: dict[str, Any], query: dict[str, Any], contact_id: str) -> ContactValue:
    """Change a contact.

    Only the given fields change; null removes a value. With another phone number, opt-ins given for the old one do
    not come along. `immutable_field`: a field that cannot be set differs from what is stored.
    """
    contact = locking.lock_contact_by_public_id(session, contact_id)
    profile.change(session, contact, body, actor=auth.caller().actor, at=clock.now())
    return _find(session, contact_id, has_history=query["include_merge_history"])


@blueprint.delete("/contacts/<contact_id>", errors=(404, 410))
@blueprint.commit(ContactDeletedSchema)
def delete_contact(session: Session, contact_id: str) -> dict[str, Any]:
    """Erase a person.

    Profile, evidence and conversations go. The ledger keeps what happened, without who it was; what must not be texted
    stays as a keyed hash.
    """
    return _erase(session, contact_id)


@blueprint.post("/contacts/<contact_id>/erase", errors=(404, 410))
@blueprint.commit(ContactDeletedSchema)
def erase_contact(session: Session, contact_id: str) -> dict[str, Any]:
    """Erase a person.

    The same as deleting the contact.
    """
    return _erase(session, contact_id)


@blueprint.post("/contacts/<contact_id>/archive", errors=(404, 410))
@blueprint.commit(ContactArchivedSchema)
def archive_contact(session: Session, contact_id: str) -> dict[str, Any]:
    """Archive a contact.

    It leaves lists, searches and audiences. Nothing is deleted.
    """
    return _change_state(session, contact_id, profile.archive) | {"archived": True}


@blueprint.post("/contacts/<contact_id>/unarchive", errors=(404, 409, 410))
@blueprint.commit(ContactArchivedSchema)
def unarchive_contact(session: Session, contact_id: str) -> dict[str, Any]:
    """Restore an archived contact."""
    return _change_state(session, contact_id, profile.unarchive) | {"archived": False}


@blueprint.post("/contacts/<contact_id>/block", errors=(404, 410))
@blueprint.commit(ContactBlockedSchema)
def block_contact(session: Session, contact_id: str) -> dict[str, Any]:
    """Block a contact.

    Its messages and answers are refused (`blocked`), and nothing is sent to it. Its open conversations are closed.
    """
    return _change_state(session, contact_id, profile.block)


def _erase(session: Session, contact_id: str) -> dict[str, Any]:
    contact = locking.lock_contact_by_public_id(session, contact_id)
    reference = _reference(contact)
    erase.erase(session, contact, actor=auth.caller().actor, at=clock.now())
    return reference


def _change_state(session: Session, contact_id: str, change: Callable[..., None]) -> dict[str, Any]:
    contact = locking.lock_contact_by_public_id(session, contact_id)
    change(session, contact, actor=auth.caller().actor, at=clock.now())
    return _reference(contact)


def _reference(contact: Contact) -> dict[str, Any]:
    return {"id": contact.public_id, "external_id": contact.external_id}


def _find(session: Session, contact_id: str, *, has_history: bool) -> ContactValue:
    return _values(session, [views.find(session, contact_id)], has_history=has_history)[0]


def _values(session: Session | ReadConnection, found: list[View], *, has_history: bool) -> list[ContactValue]:
    workspace_key = auth.caller().workspace_key
    if not has_history:
        return [_value_in(workspace_key, view) for view in found]
    merged = views.merged_into(session, [view.row.id for view in found])
    return [_value_in(workspace_key, view, [MergedContact(*each) for each in merged[view.row.id]]) for view in found]


def _value(view: View) -> ContactValue:
    return _value_in(auth.caller().workspace_key, view)


def _value_in(workspace_key: str, view: View, merge_history: list[MergedContact] | None = None) -> ContactValue:
    row = view.row
    return ContactValue(
        row,
        workspace_key,
        view.opted_in,
        view.opted_out,
        view.has_sms_consent,
        bool(row.is_suppressed),
        merge_history,
        contact_lists.ids_in(row.tag_ids),
        contact_lists.ids_in(row.note_ids),
    )


def _page(
    session: Session | ReadConnection, found: Found, request: PageRequest, *, has_history: bool = False
) -> dict[str, Any]:
    read = views.of_ids(session, found.ids) if found.rows is None else views.of_rows(session, found.rows)
    values = _values(session, read, has_history=has_history)
    return pagination.paged(request, values, found.key, Total(found.total, is_minimum=found.is_minimum))
