"""What an entry of the audit log is about: its name, and the page that shows it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.wording import translatable
from app.models import Agent, ApiToken, Contact, OptInForm, SubscriptionType, WebhookEndpoint
from app.web import people
from app.web.i18n import gettext

_KINDS = {
    "agent": translatable("Agent %(id)s"),
    "contact": translatable("Contact %(id)s"),
    "conversation": translatable("Conversation %(id)s"),
    "form": translatable("Form %(id)s"),
    "inserted_form": translatable("Sent form %(id)s"),
    "saved_reply": translatable("Saved reply %(id)s"),
    "segment": translatable("Segment %(id)s"),
    "subscription_type": translatable("Subscription type %(id)s"),
    "tag": translatable("Tag %(id)s"),
    "token": translatable("API token %(id)s"),
    "webhook_endpoint": translatable("Webhook endpoint %(id)s"),
}
_NAMED = {
    f"agent:{audit.UNKNOWN}": translatable("An unknown address"),
    "workspace": translatable("The workspace"),
    "outbox": translatable("Events for webhooks"),
}


@dataclass(frozen=True)
class Subject:
    """``url`` is null where no page shows it."""

    name: str
    url: str | None = None


def subject_of(session: Session, code: str, time_zone: str) -> Subject:
    """The subject with this code. Arguments as for ``subjects_of``."""
    return subjects_of(session, {code}, time_zone)[code]


def subjects_of(session: Session, codes: Collection[str], time_zone: str) -> dict[str, Subject]:
    """The subjects by their code, such as ``form:3``. One statement for each kind of subject.

    :param time_zone: of the workspace, for the names of contacts
    """
    ids: dict[str, set[int]] = defaultdict(set)
    for code in codes:
        kind, _, number = code.partition(":")
        if number.isdigit() and len(number) < 19:
            ids[kind].add(int(number))
    found = {code: _unnamed(code) for code in codes}
    for kind, read in _READERS.items():
        if ids[kind]:
            found |= {f"{kind}:{each}": subject for each, subject in read(session, ids[kind], time_zone).items()}
    found |= {
        f"conversation:{each}": Subject(
            gettext(_KINDS["conversation"], id=each), url_for("inbox.conversation_page", conversation_id=each)
        )
        for each in ids["conversation"]
    }
    return found


def _unnamed(code: str) -> Subject:
    kind, _, number = code.partition(":")
    if code in _NAMED:
        return Subject(gettext(_NAMED[code]))
    if kind == "suppression":
        return Subject(gettext("A phone number"))
    return Subject(gettext(_KINDS[kind], id=number) if kind in _KINDS else code)


def _rows(session: Session, model: Any, ids: set[int]) -> Sequence[Any]:
    return session.scalars(select(model).where(model.id.in_(ids))).all()


def _agents(session: Session, ids: set[int], _time_zone: str) -> dict[int, Subject]:
    return {
        each.id: Subject(each.name or each.email, url_for("admin.agent_page", agent_id=each.id))
        for each in _rows(session, Agent, ids)
    }


def _contacts(session: Session, ids: set[int], time_zone: str) -> dict[int, Subject]:
    return {
        each.id: Subject(people.label(each, time_zone), url_for("contacts.contact", public_id=each.public_id))
        for each in _rows(session, Contact, ids)
    }


def _forms(session: Session, ids: set[int], _time_zone: str) -> dict[int, Subject]:
    return {
        each.id: Subject(each.name, url_for("admin.form_page", form_id=each.id))
        for each in _rows(session, OptInForm, ids)
    }


def _types(session: Session, ids: set[int], _time_zone: str) -> dict[int, Subject]:
    return {
        each.id: Subject(each.name, url_for("admin.subscription_type", type_id=each.id))
        for each in _rows(session, SubscriptionType, ids)
    }


def _tokens(session: Session, ids: set[int], _time_zone: str) -> dict[int, Subject]:
    return {each.id: Subject(each.name, url_for("admin.tokens_page")) for each in _rows(session, ApiToken, ids)}


def _endpoints(session: Session, ids: set[int], _time_zone: str) -> dict[int, Subject]:
    return {
        each.id: Subject(each.url, None if each.deleted_at else url_for("admin.webhook_page", endpoint_id=each.id))
        for each in _rows(session, WebhookEndpoint, ids)
    }


_READERS = {
    "agent": _agents,
    "contact": _contacts,
    "form": _forms,
    "subscription_type": _types,
    "token": _tokens,
    "webhook_endpoint": _endpoints,
}
