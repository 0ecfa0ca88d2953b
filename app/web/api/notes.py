"""Notes about contacts."""

from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.accounts import api_tokens
from app.core.contacts import notes, views
from app.core.contacts.notes import SignedNote
from app.schemas.tag import NoteInputSchema, NoteListSchema, NotePagingSchema, NoteSchema
from app.web.api import admins, auth, ids, pagination
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag
from app.web.api.pagination import PageRequest

blueprint = ApiBlueprint("notes", __name__, description="What agents wrote about contacts.")
PER_PAGE = 50


@blueprint.get("/contacts/<contact_id>/notes", errors=(404, 410))
@blueprint.arguments(NotePagingSchema, location="query")
@blueprint.response(200, NoteListSchema)
def list_notes_of_contact(query: dict[str, Any], contact_id: str) -> dict[str, Any]:
    """List the notes about a contact, the newest first.

    By `starting_after` or, as Intercom's clients do it, by `page`.
    """
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE)
    if request.key is None:
        request = PageRequest(request.per_page, query["page"])
    skip = (request.page - 1) * request.per_page if request.key is None else 0
    contact = views.find(session, contact_id).row
    return pagination.by_key(
        request,
        notes.of_contact(session, contact.id, before=request.after_id, skip=skip, limit=request.per_page + 1),
        lambda each: each.note.id,
        lambda: pagination.Total(notes.count_of_contact(session, contact.id)),
    )


@blueprint.post("/contacts/<contact_id>/notes", errors=(404, 410, 422))
@blueprint.arguments(NoteInputSchema)
@blueprint.commit(NoteSchema, creates=True)
def create_note(session: Session, body: dict[str, Any], contact_id: str) -> SignedNote:
    """Write a note about a contact. The contact never sees it."""
    caller = auth.caller()
    is_named = "admin_id" in body
    author = (
        admins.find_active(session, body["admin_id"]) if is_named else api_tokens.owner_of(session, caller.created_by)
    )
    return notes.add(session, contact_id, body["body"], author, actor=caller.actor, at=clock.now())


@blueprint.get("/notes/<note_id>", errors=(404,))
@blueprint.response(200, NoteSchema)
def find_note(note_id: str) -> SignedNote:
    """Find a note by its id."""
    use_etag()
    return notes.find(auth.read_session(), ids.number(note_id) or 0)
