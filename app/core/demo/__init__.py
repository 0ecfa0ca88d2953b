"""The demo workspace: a small coffee shop. It is filled once, by the same rules as any other workspace."""

from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.contacts import records as contacts
from app.core.contacts import segments, tags
from app.core.contacts.records import NewContact
from app.core.conversations import saved_replies
from app.core.conversations.saved_replies import ReplyContent
from app.core.demo import bots, bulk_change, campaigns, chats, outbound, shop, staff, steps, texts
from app.core.demo.people import DELETION_REQUESTS, OFFERS, PEOPLE, SUMMER, WAITING, Person
from app.core.demo.shop import Shop
from app.core.demo.staff import ADMIN, AGENT, DEMO_PASSWORD, MARKETER, SIGN_INS
from app.core.errors import InvalidState
from app.core.forms import insertion
from app.core.preferences import erasure_requests
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Agent, Contact, ContactRole, SubscriptionType

__all__ = ["ADMIN", "AGENT", "DEMO_PASSWORD", "MARKETER", "SIGN_INS", "fill", "is_filled"]


class _Act(Protocol):
    """Something that a person or an agent did at a time."""

    def __call__(self, *, at: datetime) -> object: ...


def is_filled(session: Session) -> bool:
    return settings.get(session).is_demo


def fill(session: Session, *, at: datetime, password_hash: str) -> None:
    """Fill the workspace as if it had been in use for weeks. Nothing changes when it is filled already.

    :param at: now; all data has earlier times
    :param password_hash: of ``DEMO_PASSWORD``, for all accounts
    :raises InvalidState: the workspace has data already
    """
    workspace = settings.get(session)
    session.refresh(workspace, with_for_update=True)  # of two that start together, the second finds what the first did
    if workspace.is_demo:
        return
    for model in (Agent, Contact, SubscriptionType):
        if session.execute(select(model.id).limit(1)).first() is not None:
            raise InvalidState("This workspace is in use. Give the demo a database of its own (ASSENT_INSTANCE).")
    shop.change_settings(session, at=at - timedelta(days=60))
    made = shop.create(session, password_hash, at=at - timedelta(days=59))
    contacts_by_name = {person.name: _person(session, number, person, at=at) for number, person in enumerate(PEOPLE, 1)}
    for moment, act in _acts(session, made, contacts_by_name, at=at):
        act(at=moment)
    for name in WAITING:
        insertion.insert_for(session, made.forms[OFFERS], contacts_by_name[name], inserted_by=made.agent, at=at)
    chats.fill(session, made.forms, contacts_by_name, made.agents, at=at)
    workspace.is_demo = True
    session.flush()


def _acts(
    session: Session, made: Shop, contacts_by_name: dict[str, Contact], *, at: datetime
) -> list[tuple[datetime, _Act]]:
    """What people and staff did, oldest first: ledger and audit log keep the order in which they are written."""
    acts: list[tuple[datetime, _Act]] = [
        (at - timedelta(days=step.days_ago), partial(steps.take, session, made, contacts_by_name[person.name], step))
        for person in PEOPLE
        for step in person.steps
    ]
    acts += [
        (at - timedelta(days=30), partial(_saved_replies, session, made)),
        (at - timedelta(days=20), partial(_segments, session, made)),
        (at - timedelta(days=10), partial(bots.create, session, made)),
        (at - timedelta(days=29), partial(_archive_summer, session, made)),
        (at - timedelta(days=2), partial(bulk_change.take, session, made, contacts_by_name)),
        (at - timedelta(hours=44), partial(campaigns.send, session, made)),
        (at - timedelta(hours=6), partial(campaigns.draft, session, made)),
        (at - timedelta(hours=26), partial(staff.sign_in, session, made.agents)),
    ]
    asked_at = at - timedelta(days=6)
    acts.append((asked_at, partial(outbound.send, session, made)))
    for name, hours in outbound.VISITS.items():
        if hours is not None:
            visit = partial(outbound.visit, session, contacts_by_name[name])
            acts.append((asked_at + timedelta(hours=hours), visit))
    acts.append((asked_at + outbound.ENDS_AFTER, partial(outbound.end, session)))
    for name, days_ago in DELETION_REQUESTS:
        ask = partial(erasure_requests.request, session, contacts_by_name[name].id)
        acts.append((at - timedelta(days=days_ago), ask))
    return sorted(acts, key=itemgetter(0))


def _segments(session: Session, made: Shop, *, at: datetime) -> None:
    reachable = {"field": f"subscription_types.{made.types[OFFERS].id}", "operator": "=", "value": "reachable"}
    american = {"field": "phone_country", "operator": "=", "value": "US"}
    named = (
        ("Offers: reachable", reachable),
        ("Offers: reachable in the United States", {"operator": "AND", "value": [reachable, american]}),
    )
    for name, query in named:
        segments.create(session, name, query, actor=made.agent, at=at)


def _saved_replies(session: Session, made: Shop, *, at: datetime) -> None:
    for name, body, with_form in texts.SAVED_REPLIES:
        content = ReplyContent(name, body, made.forms[OFFERS].id if with_form else None)
        saved_replies.create(session, content, actor=made.agent, at=at)


def _archive_summer(session: Session, made: Shop, *, at: datetime) -> None:
    subscription_types.archive(session, made.types[SUMMER], actor=made.marketer, at=at)


def _person(session: Session, number: int, person: Person, *, at: datetime) -> Contact:
    created_at = at - timedelta(days=45, hours=-number)
    new = NewContact(
        role=ContactRole.LEAD if person.is_visitor else ContactRole.USER,
        external_id=None if person.is_visitor else f"harbour-{1000 + number}",
        name=person.name,
        email_address=f"{person.handle}@example.com" if person.has_email else None,
        phone_number=_number(person.phone),
        locale=person.locale,
    )
    contact = contacts.create(session, new, at=created_at)
    contact.custom_attributes = dict(person.attributes)
    for name in person.tags:
        tag = tags.create(session, name, actor="system", at=created_at)
        tags.attach(session, contact.public_id, tag.id, actor="system", at=created_at)
    return contact


def _number(phone_or_country: str | None) -> str | None:
    if phone_or_country is None or phone_or_country.startswith("+"):
        return phone_or_country
    return phone.read(phone.example(phone_or_country), region=phone_or_country).e164
