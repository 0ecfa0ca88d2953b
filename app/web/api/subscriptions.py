"""The subscriptions of contacts: listed, attached, detached, with the ledger behind them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import request as http_request
from sqlalchemy.orm import Session

from app.core import clock, public_urls
from app.core.consent import eligibility
from app.core.consent.eligibility import SubscriptionStatus
from app.core.contacts import records, views
from app.core.errors import InvalidInput
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence, reported_by
from app.core.preferences import links
from app.core.proof import receipts
from app.core.subscriptions import attachments, subscription_types
from app.models import Contact, EvidenceLevel
from app.schemas.consent import AttachSchema, ConsentEventListSchema, ConsentListSchema, DetachSchema
from app.schemas.paging import PagingSchema
from app.schemas.receipt import ConsentReceiptSchema
from app.schemas.subscription_type import SubscriptionListSchema, SubscriptionSchema
from app.web import security
from app.web.api import auth, ids, pagination
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag
from app.web.services import unit_of_work

blueprint = ApiBlueprint("subscriptions", __name__, description="What contacts opted in to and out of.")
PER_PAGE = 50


@dataclass(frozen=True)
class CurrentConsent:
    """The current consent of one contact for one type, with the source of its newest event."""

    status: SubscriptionStatus
    source: str | None

    @property
    def destination(self) -> str | None:
        return self.status.consent.destination if self.status.consent else None

    @property
    def changed_at(self) -> datetime | None:
        return self.status.consent.changed_at if self.status.consent else None


@blueprint.get("/contacts/<contact_id>/subscriptions", errors=(404, 410))
@blueprint.response(200, SubscriptionListSchema)
def list_subscriptions_of_contact(contact_id: str) -> dict[str, Any]:
    """List the subscriptions of a contact.

    Attached to an `opt_in` type means opted in, to an `opt_out` type opted out. Who is in a type's default state is
    not listed; `GET /contacts/{id}/consents` tells every state.
    """
    session = auth.read_session()
    view = views.find(session, contact_id)
    attached = {*view.opted_in, *view.opted_out}
    return {"data": [each for each in subscription_types.find_all(session) if each.id in attached] if attached else []}


@blueprint.post("/contacts/<contact_id>/subscriptions", errors=(404, 409, 410))
@blueprint.arguments(AttachSchema)
@blueprint.commit(SubscriptionSchema)
def attach_subscription(session: Session, body: dict[str, Any], contact_id: str) -> Any:
    """Attach a contact to a subscription type.

    Opts in to an `opt_in` type, out of an `opt_out` type. Again is 200 and records nothing. `suppressed`: the number
    asked not to be texted, which only its holder lifts. Who opted out themselves is opted in again only with a
    `source_note` that says how they asked for it. `no_phone`, `no_email`: there is nothing to say yes for. With
    `occurred_at` an opt-in counts for the number that the contact had then. `blocked`, `gdpr_optout`: nothing is
    recorded for this contact but opt-outs.
    """
    now = clock.now()
    evidence = _evidence(body["source_note"], body["occurred_at"], at=now)
    return attachments.attach(session, contact_id, ids.number(body["id"]), body["consent_type"], evidence, at=now)


@blueprint.delete("/contacts/<contact_id>/subscriptions/<subscription_id>", errors=(404, 409, 410))
@blueprint.arguments(DetachSchema, required=False)
@blueprint.arguments(DetachSchema, location="query")
@blueprint.commit(SubscriptionSchema)
def detach_subscription(
    session: Session, body: dict[str, Any], query: dict[str, Any], contact_id: str, subscription_id: str
) -> Any:
    """Detach a contact from a subscription type.

    Returns to the type's default, which is recorded: opted out of an `opt_in` type, opted in to an `opt_out` type. Who
    opted out of the latter themselves is opted in again only with a `source_note` that says how they asked for it.
    It and `occurred_at` are in the body or, for clients that send none with DELETE, in the query.
    """
    now = clock.now()
    note, occurred_at = (body[name] or query[name] for name in ("source_note", "occurred_at"))
    evidence = _evidence(note, occurred_at, at=now)
    return attachments.detach(session, contact_id, ids.number(subscription_id), evidence, at=now)


@blueprint.get("/contacts/<contact_id>/consents", errors=(404, 410))
@blueprint.response(200, ConsentListSchema)
def list_consents(contact_id: str) -> dict[str, Any]:
    """List the consents of a contact.

    For every live subscription type, and for others that they have a consent for. With the reasons for which they would
    not be reached right now; `reachable` is true when there is none.

    `preference_center_url` is for the contact alone: who opens it acts as the contact. Put it in your texts and mails.
    It is the same for a day, changes anything for 60 days, and unsubscribes for ever. Tokens without the scope `write`
    get null.
    """
    use_etag()
    session = auth.read_session()
    contact = records.find(session, views.find(session, contact_id).row.public_id)
    statuses = eligibility.statuses(session, contact)
    sources = ledger.sources_of(session, [each.consent.event_id for each in statuses if each.consent])
    data = [CurrentConsent(each, sources.get(each.consent.event_id) if each.consent else None) for each in statuses]
    return {"data": data, "preference_center_url": _preference_center_url(session, contact)}


@blueprint.get("/contacts/<contact_id>/consent_events", errors=(404, 410))
@blueprint.arguments(PagingSchema, location="query")
@blueprint.response(200, ConsentEventListSchema)
def list_consent_events(query: dict[str, Any], contact_id: str) -> dict[str, Any]:
    """List the consent events of a contact, newest first.

    The evidence names the number, the words that were on the screen, where, when and how. Events of a contact that
    became part of this one are listed, too; `contact_id` tells whose they are.
    """
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE)
    contact = views.find(session, contact_id).row
    lines = ledger.of_contact(session, contact.id, limit=request.per_page + 1, before_id=request.after_id)
    return pagination.by_key(
        request,
        lines,
        lambda line: line.event.id,
        lambda: pagination.Total(ledger.count_of_contact(session, contact.id)),
    )


@blueprint.get("/contacts/<contact_id>/consent_receipts/<event_id>", errors=(404, 409, 410))
@blueprint.response(200, ConsentReceiptSchema)
def find_consent_receipt(contact_id: str, event_id: str) -> dict[str, Any]:
    """Get a signed receipt of one consent event.

    It holds the record in two published formats, the event, its evidence, and the proof that it is in a seal of the
    ledger. Every field is signed: keep the whole response. Check it offline, with public keys that you saved from
    `/ledger/keys.json`. `status` is `pending` in the seconds before an event is sealed; then `proof` is null.
    """
    session = auth.read_session()
    line = receipts.line_of(session, ids.number(event_id) or 0, contact_id=views.find(session, contact_id).row.id)
    return receipts.receipt(session, line, issuer=security.public_url(), at=clock.now())


def _preference_center_url(session: Session, contact: Contact) -> str | None:
    """The link for this contact. One is issued in its own transaction where none was within a day."""
    if auth.Scope.WRITE.value not in auth.caller().scopes:
        return None
    level, at = EvidenceLevel.PERSONAL_LINK, clock.now()
    token = links.fresh(session, contact, level=level, at=at)
    if token is None:
        with unit_of_work() as writing:
            token = links.issue(writing, contact, level=level, at=at)
    return public_urls.preferences(token, base=security.public_url())


def _evidence(note: str | None, occurred_at: datetime | None, *, at: datetime) -> Evidence:
    """An API client reports what a person said elsewhere; the user agent is the client's.

    :raises InvalidInput: they said so in the future
    """
    if occurred_at is not None and occurred_at > at:
        raise InvalidInput("They cannot have said so in the future.", field="occurred_at")
    reported = reported_by(auth.caller().actor, note)
    return replace(reported, user_agent=http_request.headers.get("User-Agent"), occurred_at=occurred_at)
