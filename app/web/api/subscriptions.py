"""What contacts are subscribed to: attached, detached, listed, with the ledger behind it."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import clock
from app.core.consent import eligibility
from app.core.consent.eligibility import Standing
from app.core.contacts import records as contacts
from app.core.contacts import views as contact_views
from app.core.contacts.views import View
from app.core.errors import InvalidInput
from app.core.ledger import events as ledger
from app.core.ledger.events import LedgerLine
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import attachments as subscriptions
from app.core.subscriptions import subscription_types
from app.models import EvidenceLevel, Source
from app.schemas.fields import PagingSchema, seconds
from app.schemas.subscription import (
    AttachSchema,
    ConsentEventListSchema,
    ConsentListSchema,
    DetachSchema,
    SubscriptionListSchema,
    SubscriptionSchema,
    subscription_body,
)
from app.web.api import auth as callers
from app.web.api import exchange, ids
from app.web.api import pagination as cursors
from app.web.api.blueprint import Room
from app.web.api.responses import Body, answer, polled, written

room = Room("subscriptions", __name__, url_prefix="/api", description="What contacts said yes and no to.")
PER_PAGE = 50


@room.call("GET", "/contacts/<contact_id>/subscriptions", SubscriptionListSchema, errors=(404, 410))
def list_subscriptions_of_contact(contact_id: str) -> Response:
    """List what a contact is attached to.

    Attached to an `opt_in` type means opted in, to an `opt_out` type opted out. Who is in a type's default state is
    not listed; `GET /contacts/{id}/consents` tells every state.
    """
    session = callers.looking()
    view = contact_views.find(session, contact_id)
    attached = {*view.opted_in, *view.opted_out}
    types = [kind for kind in subscription_types.find_all(session) if kind.id in attached] if attached else []
    return answer({"type": "list", "data": [subscription_body(kind) for kind in types]})


@room.call(
    "POST", "/contacts/<contact_id>/subscriptions", SubscriptionSchema, body=AttachSchema, errors=(404, 409, 410)
)
def attach_subscription(asked: dict[str, Any], contact_id: str) -> Response:
    """Attach a contact to a subscription type.

    Opts in to an `opt_in` type, out of an `opt_out` type. Again is 200 and records nothing. `suppressed`: the number
    asked not to be texted, which only its holder lifts. Who opted out themselves is opted in again only with a
    `source_note` that says how they asked for it. `no_phone`, `no_email`: there is nothing to say yes for.
    """
    at = asked["occurred_at"] or clock.now()
    if at > clock.now():
        raise InvalidInput("They cannot have said so in the future.", field="occurred_at")

    def act(session: Session) -> Body:
        type_id = ids.number(asked["id"])
        evidence = _evidence(asked["source_note"])
        kind = subscriptions.attach(session, contact_id, type_id, asked["consent_type"], evidence, at=at)
        return subscription_body(kind)

    return written(act)


@room.call(
    "DELETE",
    "/contacts/<contact_id>/subscriptions/<subscription_id>",
    SubscriptionSchema,
    body=DetachSchema,
    query=DetachSchema,
    errors=(404, 409, 410),
    takes_no_body_too=True,
)
def detach_subscription(
    asked: dict[str, Any], wanted: dict[str, Any], contact_id: str, subscription_id: str
) -> Response:
    """Detach a contact from a subscription type.

    Returns to the type's default, which is recorded: opted out of an `opt_in` type, opted in to an `opt_out` type. Who
    opted out of the latter themselves is opted in again only with a `source_note` that says how they asked for it, in
    the body or, for clients that send none with DELETE, in the query.
    """

    def act(session: Session) -> Body:
        evidence = _evidence(asked["source_note"] or wanted["source_note"])
        kind = subscriptions.detach(session, contact_id, ids.number(subscription_id), evidence, at=clock.now())
        return subscription_body(kind)

    return written(act)


@room.call("GET", "/contacts/<contact_id>/consents", ConsentListSchema, errors=(404, 410))
def list_consents(contact_id: str) -> Response:
    """List how a contact stands with every live subscription type.

    With the reasons for which they would not be reached right now; `reachable` is true when there is none.
    """
    session = callers.looking()
    view = contact_views.find(session, contact_id)
    contact = contacts.find(session, view.row.public_id)
    standings = eligibility.standings(session, contact)
    sources = ledger.sources_of(session, [each.consent.event_id for each in standings if each.consent])
    data = [_consent(each, sources) for each in standings]
    return polled({"type": "list", "data": data, "preference_center_url": None})


@room.call(
    "GET", "/contacts/<contact_id>/consent_events", ConsentEventListSchema, query=PagingSchema, errors=(404, 410)
)
def list_consent_events(paging: dict[str, Any], contact_id: str) -> Response:
    """List what a contact said over time, newest first, with the evidence.

    The evidence names the number, the words that were on the screen, where, when and how. What was said by a contact
    that became part of this one is listed, too; `contact_id` tells whose it was.
    """
    session, per_page = callers.looking(), paging["per_page"] or PER_PAGE
    place = cursors.read(paging["starting_after"], keys=1)
    view: View = contact_views.find(session, contact_id)
    before = int(place.key[0]) if place.key and isinstance(place.key[0], int) else None
    lines = ledger.of_contact(session, view.row.id, limit=per_page + 1, before_id=before)
    total = ledger.count_of_contact(session, view.row.id)
    key = (lines[per_page - 1].event.id,) if len(lines) > per_page else None
    page = cursors.Page(lines[:per_page], key, total, is_minimum=False)
    return answer(cursors.listed(page, place, per_page, _event))


def _evidence(note: str | None) -> Evidence:
    """An API client tells what somebody said elsewhere; the address is that of the client."""
    return Evidence(
        Source.API,
        callers.current().actor,
        EvidenceLevel.REPORTED,
        user_agent=exchange.asked().headers.get("User-Agent"),
        note=note,
    )


def _consent(standing: Standing, sources: dict[int, str]) -> Body:
    consent = standing.consent
    return {
        "type": "consent",
        "subscription_type_id": str(standing.subscription_type.id),
        "name": standing.subscription_type.name,
        "status": standing.state.value,
        "subscribed": standing.is_subscribed,
        "reachable": standing.is_reachable,
        "reasons": [reason.value for reason in standing.reasons],
        "destination": consent.destination if consent else None,
        "changed_at": seconds(consent.changed_at) if consent else None,
        "source": sources.get(consent.event_id) if consent else None,
    }


def _event(line: LedgerLine) -> Body:
    event, evidence = line.event, line.evidence
    return {
        "type": "consent_event",
        "id": str(event.id),
        "contact_id": line.contact,
        "subscription_type_id": str(event.subscription_type_id),
        "action": event.action,
        "source": event.source,
        "actor": event.actor,
        "evidence_level": event.evidence_level,
        "occurred_at": seconds(event.occurred_at),
        "recorded_at": seconds(event.recorded_at),
        "inserted_form_id": str(event.inserted_form_id) if event.inserted_form_id is not None else None,
        "evidence": {
            "destination": evidence.destination,
            "ip_address": evidence.ip_address,
            "user_agent": evidence.user_agent,
            "origin": evidence.origin,
            "page": evidence.page,
            "locale": evidence.locale,
            "words": line.words,
            "note": evidence.note,
            "details": evidence.details,
        }
        if evidence
        else None,
    }
