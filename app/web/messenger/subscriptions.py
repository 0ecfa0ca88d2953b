"""The calls of the screen "Your subscriptions" in the panel: what a visitor gets, and one tap to leave."""

from typing import Any

from flask import Blueprint, g, request
from sqlalchemy.orm import Session

from app.core import clock, public_urls, wording
from app.core.errors import NotFound
from app.core.ledger.evidence import Evidence
from app.core.messenger import visitors
from app.core.messenger.visitors import Visitor
from app.core.preferences import acts, center, links
from app.core.preferences import wording as preference_wording
from app.core.preferences.center import Subscription
from app.core.preferences.links import Link
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import EvidenceLevel, Source
from app.web import ids
from app.web.security import client_address
from app.web.services import read_only, unit_of_work

blueprint = Blueprint("subscriptions", __name__)


@blueprint.get("/subscriptions")
def listed() -> dict[str, Any]:
    """The live types of a signed user; of an unknown visitor only what they signed up to in this chat."""
    with read_only() as session:
        return _listed(session, visitors.visitor(session, g.bearer))


@blueprint.post("/subscriptions/<type_id>/unsubscribe")
def unsubscribe(type_id: str) -> dict[str, Any]:
    """Leave one type. Returns the list as it is then. Never limited, because leaving always works."""
    with unit_of_work() as session:
        visitor = visitors.visitor(session, g.bearer)
        link = _link(visitor)
        found = subscription_types.find(session, ids.parse_id(type_id) or 0)
        text = subscription_types.text_in(found, _locale())
        words = preference_wording.leaving(_locale(), settings.get(session).name, text.name, text.description)
        acts.leave(session, link, found.id, _evidence(visitor, words), at=clock.now())
        return _listed(session, visitor)


@blueprint.post("/preferences")
def preferences() -> dict[str, str]:
    """The address of a signed user's preference center.

    :raises NotFound: the visitor is not signed in, or has no contact yet
    """
    with unit_of_work() as session:
        visitor = visitors.visitor(session, g.bearer)
        if not visitor.is_signed or visitor.contact_id is None:
            raise NotFound("There is nothing here.")
        token = links.issue_to(session, visitor.contact_id, level=EvidenceLevel.PERSONAL_LINK, at=clock.now())
    return {"address": public_urls.preferences(token)}


def _listed(session: Session, visitor: Visitor) -> dict[str, Any]:
    if visitor.contact_id is None:
        return {"subscriptions": []}
    found = center.read(session, _link(visitor), _locale(), at=clock.now())
    shown = found.subscriptions if visitor.is_signed else center.answered(found.subscriptions)
    return {"subscriptions": [_view(each) for each in shown]}


def _view(each: Subscription) -> dict[str, Any]:
    return {
        "id": str(each.subscription_type_id),
        "name": each.text.name,
        "description": each.text.description,
        "lang": wording.language_tag(each.text.locale),
        "status": each.state.value,
        "subscribed": each.is_subscribed,
        "destination": each.destination,
    }


def _link(visitor: Visitor) -> Link:
    """:raises NotFound: the visitor has no contact yet"""
    if visitor.contact_id is None:
        raise NotFound("There is nothing here.")
    return links.of_visitor(visitor.contact_id, is_signed=visitor.is_signed, at=clock.now())


def _evidence(visitor: Visitor, words: wording.FrozenWording) -> Evidence:
    return Evidence(
        source=Source.MESSENGER,
        actor="contact",
        level=EvidenceLevel.SIGNED_IDENTITY if visitor.is_signed else EvidenceLevel.WEB_UNVERIFIED,
        ip_address=client_address(request),
        user_agent=request.headers.get("User-Agent"),
        locale=_locale(),
        words=words,
    )


def _locale() -> str:
    return wording.negotiate(request.args.get("lang"), request.headers.get("Accept-Language", ""))
