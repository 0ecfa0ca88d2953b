"""Tags of contacts."""

from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import tagging, tags, views
from app.core.contacts.tagging import Tagging
from app.core.errors import InvalidInput
from app.models import Tag
from app.schemas.tag import TagDeletedSchema, TagInputSchema, TagListSchema, TagReferenceSchema, TagSchema
from app.web.api import auth, ids, unavailable
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("tags", __name__, description="Labels of contacts. Searches and segments find them by tag_id.")


@blueprint.get("/tags")
@blueprint.response(200, TagListSchema)
def list_tags() -> dict[str, Any]:
    """List every tag, by name."""
    use_etag()
    return {"data": tags.find_all(auth.read_session())}


@blueprint.post("/tags", errors=(404, 409, 410, 422))
@blueprint.arguments(TagInputSchema)
@blueprint.commit(TagSchema, creates=True)
def create_tag(session: Session, body: dict[str, Any]) -> Tag:
    """Create a tag, rename the one with the `id`, or attach one to `users`.

    A name that is there already, capitals aside, returns its tag. Users with `untag: true` lose the tag. All of them
    are changed or none: 404 where one is unknown. A repeated call changes nothing.
    """
    unavailable.refuse(body, ("companies",))
    actor, at = auth.caller().actor, clock.now()
    if body["users"] and "id" in body:
        raise InvalidInput("Rename a tag and attach it in two calls.", field="users")
    if body["users"]:
        return tagging.change(session, body["name"], _taggings(body["users"]), actor=actor, at=at)
    if "id" in body:
        return tags.rename(session, ids.number(body["id"]) or 0, body["name"], actor=actor, at=at)
    return tags.create(session, body["name"], actor=actor, at=at)


@blueprint.get("/tags/<tag_id>", errors=(404,))
@blueprint.response(200, TagSchema)
def find_tag(tag_id: str) -> Tag:
    """Find a tag by its id."""
    use_etag()
    return tags.find(auth.read_session(), ids.number(tag_id) or 0)


@blueprint.delete("/tags/<tag_id>", errors=(404, 409))
@blueprint.commit(TagDeletedSchema)
def delete_tag(session: Session, tag_id: str) -> dict[str, Any]:
    """Delete a tag, and detach it from its contacts.

    `invalid_state`: more than 10,000 contacts have it; detach it from them first.
    """
    tags.delete(session, ids.number(tag_id) or 0, actor=auth.caller().actor, at=clock.now())
    return {"id": tag_id}


@blueprint.get("/contacts/<contact_id>/tags", errors=(404, 410))
@blueprint.response(200, TagListSchema)
def list_tags_of_contact(contact_id: str) -> dict[str, Any]:
    """List the tags of a contact, by name."""
    use_etag()
    session = auth.read_session()
    return {"data": tags.of_contact(session, views.find(session, contact_id).row.id)}


@blueprint.post("/contacts/<contact_id>/tags", errors=(404, 410))
@blueprint.arguments(TagReferenceSchema)
@blueprint.commit(TagSchema)
def attach_tag(session: Session, body: dict[str, Any], contact_id: str) -> Tag:
    """Attach a tag to a contact.

    A repeated call is 200 and changes nothing.
    """
    tag_id = ids.number(body["id"]) or 0
    return tags.attach(session, contact_id, tag_id, actor=auth.caller().actor, at=clock.now())


@blueprint.delete("/contacts/<contact_id>/tags/<tag_id>", errors=(404, 410))
@blueprint.commit(TagSchema)
def detach_tag(session: Session, contact_id: str, tag_id: str) -> Tag:
    """Detach a tag from a contact.

    A repeated call is 200 and changes nothing.
    """
    found = ids.number(tag_id) or 0
    return tags.detach(session, contact_id, found, actor=auth.caller().actor, at=clock.now())


def _taggings(users: list[dict[str, Any]]) -> list[Tagging]:
    return [
        Tagging(f"users.{place}", each["id"], each["external_id"] or each["user_id"], each["email"], each["untag"])
        for place, each in enumerate(users)
    ]
