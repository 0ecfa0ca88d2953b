"""Who gets an outbound chat, and all others by their first reason, so that the parts add up.

The audience is every contact that matches the filter, archived ones included: they are excluded as ``archived``. Each
rule is a Python predicate, asked again at the visit, and the same condition in SQL. A property test compares the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, false, literal, select, true
from sqlalchemy.orm import Session

from app.core.consent import eligibility, eligibility_sql
from app.core.consent.eligibility import SubscriptionStatus
from app.core.consent.rules import RULES, Reason
from app.core.consent.rules import Query as RulesQuery
from app.core.contacts import audiences
from app.core.conversations import lifecycle
from app.core.forms import publishing
from app.core.forms.form_view import is_offered
from app.core.workspace import settings
from app.db import run
from app.models import ConsentState, Contact, OptInForm, SubscriptionType

_CONTACT = Contact.__table__
_CONDITIONS = {rule.reason: rule.condition for rule in RULES}
NO_MESSENGER, ALREADY_OPTED_IN, FORM_NOT_OFFERED = "no_messenger", "already_opted_in", "form_not_offered"


@dataclass(frozen=True)
class Person:
    """What the predicates depend on. ``status``: for the type of the form; null where the chat has no form."""

    contact: Contact
    has_messenger: bool
    status: SubscriptionStatus | None

    def is_against(self, reason: Reason) -> bool:
        return self.status is not None and reason in self.status.reasons


@dataclass(frozen=True)
class Rule:
    """:param condition: of the table ``contacts``; ``asks``: the rule is about the form's type, so it needs a form"""

    reason: str
    applies: Callable[[Person], bool]
    condition: Callable[[RulesQuery], ColumnElement[bool]]
    asks: bool = False


# In the order in which reasons are reported. People who said no are asked by an agent, one by one, and not by a
# message to many; the holder of a suppressed number would be asked in vain.
CHAT_RULES: tuple[Rule, ...] = (
    Rule(
        Reason.ARCHIVED.value,
        lambda person: person.contact.archived_at is not None,
        _CONDITIONS[Reason.ARCHIVED],
    ),
    Rule(
        Reason.BLOCKED.value,
        lambda person: person.contact.blocked_at is not None,
        _CONDITIONS[Reason.BLOCKED],
    ),
    Rule(
        Reason.GDPR_OPTOUT.value,
        lambda person: person.contact.gdpr_optin is False,
        _CONDITIONS[Reason.GDPR_OPTOUT],
    ),
    Rule(NO_MESSENGER, lambda person: not person.has_messenger, lambda _query: ~lifecycle.HAS_MESSENGER),
    Rule(
        ALREADY_OPTED_IN,
        lambda person: person.status is not None and person.status.state == ConsentState.OPTED_IN,
        eligibility_sql.opted_in,
        asks=True,
    ),
    Rule(
        Reason.SUPPRESSED.value,
        lambda person: person.is_against(Reason.SUPPRESSED),
        lambda query: _CONDITIONS[Reason.SUPPRESSED](query) if query.subscription_type.channel == "sms" else false(),
        asks=True,
    ),
    Rule(
        Reason.OPTED_OUT.value,
        lambda person: person.is_against(Reason.OPTED_OUT),
        _CONDITIONS[Reason.OPTED_OUT],
        asks=True,
    ),
)


@dataclass(frozen=True)
class Audience:
    """:param total: ``eligible`` and all of ``excluded``
    :param excluded: how many do not get it, by their first reason, the most frequent reason first
    """

    total: int
    eligible: int
    excluded: Mapping[str, int]


@dataclass(frozen=True)
class Scope:
    """The contacts that an outbound chat is about: those of ``where``, and the conditions against them, in order."""

    conditions: tuple[tuple[str, ColumnElement[bool]], ...]
    where: ColumnElement[bool]
    is_filtered: bool

    @property
    def first_reason(self) -> ColumnElement[str | None]:
        """The first reason why a contact does not get it; null for a contact that does."""
        return case(*((each, literal(reason)) for reason, each in self.conditions), else_=None)


def preview(session: Session, form_id: int | None, query: Mapping[str, Any] | None) -> Audience:
    """The audience of an outbound chat with this form, counted now. Writes nothing.

    :param query: a filter in JSON; null: all contacts
    :raises NotFound: there is no such form
    :raises InvalidInput: the filter cannot be read, or names what does not exist
    """
    scope = scope_of(session, form_id, query)
    counted = audiences.counts(session, scope.conditions, scope.where)
    excluded, eligible = audiences.most_frequent_first(counted), counted.get(None, 0)
    return Audience(eligible + sum(excluded.values()), eligible, excluded)


def people(
    session: Session,
    form_id: int | None,
    query: Mapping[str, Any] | None,
    reason: str | None,
    *,
    after: int | None = None,
    limit: int,
) -> list[int]:
    """Ids of contacts with this first reason, newest first; those who get it where it is null.

    :param after: the last id of the page before
    :raises NotFound, InvalidInput: as ``preview``
    """
    scope = scope_of(session, form_id, query)
    first = scope.first_reason
    behind = _CONTACT.c.id < after if after is not None else true()
    is_chosen = first.is_(None) if reason is None else first == reason
    newest = select(_CONTACT.c.id).where(scope.where, behind, is_chosen).order_by(_CONTACT.c.id.desc()).limit(limit)
    return list(run(session, newest).scalars())


def eligible_after(scope: Scope, after: int, limit: int) -> Select[Any]:
    """Ids of the next contacts that get it, in their order."""
    ordered = select(_CONTACT.c.id).where(_CONTACT.c.id > after).order_by(_CONTACT.c.id).limit(limit)
    eligible = ordered.where(scope.where, scope.first_reason.is_(None))
    return audiences.in_order_of_rows(eligible) if scope.is_filtered else eligible


def scope_of(session: Session, form_id: int | None, query: Mapping[str, Any] | None) -> Scope:
    """:raises NotFound, InvalidInput: as ``preview``"""
    where = audiences.condition(session, query)
    if form_id is None:
        without_type = RulesQuery(SubscriptionType(), ())  # these conditions depend on no type
        conditions = [(rule.reason, rule.condition(without_type)) for rule in CHAT_RULES if not rule.asks]
    else:
        asked_for = type_of(session, publishing.find(session, form_id))
        rules_query = RulesQuery(asked_for, tuple(settings.get(session).allowed_countries))
        conditions = [(rule.reason, rule.condition(rules_query)) for rule in CHAT_RULES]
    return Scope(tuple(conditions), where, is_filtered=query is not None)


def first_reason(session: Session, contact: Contact, form: OptInForm | None) -> str | None:
    """The first reason why a contact does not get an outbound chat with this form (null: without one) now."""
    asked_for = type_of(session, form) if form is not None else None
    person = Person(
        contact,
        lifecycle.has_messenger(session, contact),
        eligibility.status(session, contact, asked_for) if asked_for is not None else None,
    )
    return next((rule.reason for rule in CHAT_RULES if rule.applies(person)), None)


def is_form_offered(session: Session, form: OptInForm | None) -> bool:
    """Whether the form of an outbound chat can be inserted; true where it has none."""
    if form is None:
        return True
    return is_offered(archived_at=form.archived_at, type_state=type_of(session, form).state)


def type_of(session: Session, form: OptInForm) -> SubscriptionType:
    """The subscription type that the newest version of a form asks for."""
    version = publishing.newest_version(session, form)
    return session.get_one(SubscriptionType, version.subscription_type_id)
