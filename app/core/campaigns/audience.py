"""The people that a campaign would reach, and all others by their first reason, so that the parts add up.

The audience is every contact that matches the filter, archived ones included: they are excluded as ``archived``. Merged
and erased contacts do not count. Of several eligible contacts with one number, the newest opt-in keeps it; the others
are excluded as ``duplicate_number``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.core.campaigns import audience_sql
from app.core.campaigns.audience_sql import Scope
from app.core.consent import eligibility
from app.core.contacts import audiences
from app.core.errors import NotFound
from app.db import run
from app.models import Contact

DUPLICATE_NUMBER = audience_sql.DUPLICATE_NUMBER
SAMPLE_MAX = 10


@dataclass(frozen=True)
class Audience:
    """:param total: ``eligible`` and all of ``excluded``
    :param excluded: how many are not reached, by their first reason, the most frequent reason first
    :param sample: ids of some eligible contacts, newest first
    """

    total: int
    eligible: int
    excluded: Mapping[str, int]
    sample: tuple[int, ...] = ()


@dataclass(frozen=True)
class Why:
    """Why one contact would not get the text: it does not match the filter, or every reason that applies."""

    is_in_audience: bool
    reasons: tuple[str, ...]

    @property
    def is_eligible(self) -> bool:
        return self.is_in_audience and not self.reasons


def preview(session: Session, subscription_type_id: int, query: Mapping[str, Any] | None) -> Audience:
    """The audience of a campaign of this type, counted now. Writes nothing.

    :param query: a filter in JSON; null: all contacts
    :raises NotFound: there is no such type
    :raises InvalidInput: the type is for emails, or the filter cannot be read, or names what does not exist
    """
    return count(session, audience_sql.scope_of(session, subscription_type_id, query))


def count(session: Session, scope: Scope) -> Audience:
    """The audience of a scope."""
    counts = audience_sql.counts(session, scope)
    eligible = counts.pop(None, 0)
    duplicates = audience_sql.count_duplicates(session, scope) if eligible else 0
    if duplicates:
        eligible -= duplicates
        counts[DUPLICATE_NUMBER] = duplicates
    excluded = audiences.most_frequent_first(counts)
    some = audience_sql.page(scope, None, None, SAMPLE_MAX) if duplicates else audience_sql.sample(scope, SAMPLE_MAX)
    sample = tuple(run(session, some).scalars()) if eligible else ()
    return Audience(eligible + sum(excluded.values()), eligible, excluded, sample)


def people(
    session: Session,
    subscription_type_id: int,
    query: Mapping[str, Any] | None,
    reason: str | None,
    *,
    after: int | None = None,
    limit: int,
) -> list[int]:
    """Ids of contacts with this first reason, newest first; those who are eligible where it is null.

    :param after: the last id of the page before
    :raises NotFound, InvalidInput: as ``preview``
    """
    return _ids(session, audience_sql.scope_of(session, subscription_type_id, query), reason, after, limit)


def why(session: Session, subscription_type_id: int, query: Mapping[str, Any] | None, contact_id: int) -> Why:
    """Why a contact would not get the text; no reason where it would.

    :raises NotFound: there is no such contact, or no such type
    """
    contact = session.get(Contact, contact_id)
    if contact is None or contact.merged_into_id is not None or contact.erased_at is not None:
        raise NotFound("There is no such contact.")
    scope = audience_sql.scope_of(session, subscription_type_id, query)
    reasons = eligibility.status(session, contact, scope.subscription_type).reasons
    names = tuple(reason.value for reason in reasons)
    is_in = run(session, audience_sql.row_of(scope, contact_id)).first() is not None
    if is_in and not names and contact_id in audience_sql.duplicates(session, scope, [contact.phone_hash or ""]):
        names = (DUPLICATE_NUMBER,)
    return Why(is_in, names)


def _ids(session: Session, scope: Scope, reason: str | None, after: int | None, limit: int) -> list[int]:
    return list(run(session, audience_sql.page(scope, reason, after, limit)).scalars())
