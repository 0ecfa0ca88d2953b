"""Links to the preference center: a random token for one contact, with how sure it is that the person holds it.

With a ``personal_link`` it is the person: the link was sent to their number or address, shown to a signed identity, or
given out by an agent or an API client. A ``web_unverified`` link was shown to someone who filled in a form and proved
nothing. ``core/consent/precedence.py`` decides what each may do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.core.forms.form_view import FormView
from app.core.signing import is_short_token, random_short_token
from app.db import Same, insert_columns, run
from app.models import Contact, ContactRole, EvidenceLevel, PreferenceLink

REUSED_FOR = timedelta(days=1)
# One day more than the 60 that are promised, because a link may be given out again for a day.
CHANGES_FOR = timedelta(days=61)


@dataclass(frozen=True)
class Link:
    """A link and the contact that it is for: after a merge the target.

    :param level: ``personal_link`` or ``web_unverified``
    :param locale: the contact's, as it is stored
    """

    token: str
    contact_id: int
    level: EvidenceLevel
    issued_at: datetime
    locale: str | None = None

    @property
    def is_unverified(self) -> bool:
        """Whether anyone may hold it who once typed the contact's number or address into a form."""
        return self.level == EvidenceLevel.WEB_UNVERIFIED

    def is_expired(self, at: datetime) -> bool:
        """Whether it can only be used to leave any more."""
        return at - self.issued_at >= CHANGES_FOR


def issue(session: Session, contact: Contact, *, level: EvidenceLevel, at: datetime) -> str:
    """The token of a link for this contact. One of the same level that was issued within a day is used again.

    Flushes, does not commit.

    :raises ValueError: links have only the levels ``personal_link`` and ``web_unverified``
    """
    if (current := fresh(session, contact, level=level, at=at)) is not None:
        return current
    link = PreferenceLink(token=random_short_token(), contact_id=contact.id, level=level.value, issued_at=at)
    session.add(link)
    session.flush()
    return link.token


def issue_to(session: Session, contact_id: int, *, level: EvidenceLevel, at: datetime) -> str:
    """As ``issue``, for the contact with this id."""
    return issue(session, session.get_one(Contact, contact_id), level=level, at=at)


def issue_all(session: Session, contact_ids: Collection[int], *, at: datetime) -> dict[int, str]:
    """Personal links for many contacts, by contact; each as ``issue`` would. Flushes, does not commit."""
    recent = select(PreferenceLink.contact_id, PreferenceLink.token).where(
        PreferenceLink.contact_id.in_(contact_ids),
        PreferenceLink.level == EvidenceLevel.PERSONAL_LINK.value,
        PreferenceLink.issued_at > at - REUSED_FOR,
    )
    oldest_first = recent.order_by(PreferenceLink.issued_at, PreferenceLink.token.desc())
    tokens = {row.contact_id: row.token for row in run(session, oldest_first)}
    new = {each: random_short_token() for each in sorted(set(contact_ids) - tokens.keys())}
    columns: dict[str, Sequence[Any] | Same] = {"token": list(new.values()), "contact_id": list(new)}
    columns |= {"level": Same(EvidenceLevel.PERSONAL_LINK.value), "issued_at": Same(at)}
    insert_columns(session, PreferenceLink, columns)
    return tokens | new


def fresh(session: Session, contact: Contact, *, level: EvidenceLevel, at: datetime) -> str | None:
    """The token that ``issue`` would use again; null when it would make a new one. Writes nothing.

    :raises ValueError: as ``issue``
    """
    if level not in {EvidenceLevel.PERSONAL_LINK, EvidenceLevel.WEB_UNVERIFIED}:
        raise ValueError(f"no link has the level {level}")
    query = (
        select(PreferenceLink.token)
        .where(
            PreferenceLink.contact_id == contact.id,
            PreferenceLink.level == level.value,
            PreferenceLink.issued_at > at - REUSED_FOR,
        )
        .order_by(PreferenceLink.issued_at.desc(), PreferenceLink.token)
    )
    return session.scalars(query.limit(1)).first()


def level_after_form(view: FormView, level: EvidenceLevel) -> EvidenceLevel | None:
    """The level of the link that the page of a form may give to its reader; null: none.

    It opens everything that a person is subscribed to, so it is given to signed users. A visitor of a chat gets one for
    their own lead. The lead of a public form belongs to everyone who types its number, and the address of a form may
    have been passed on: there people withdraw on the form alone.

    :param level: how sure it is who the reader is
    """
    if level == EvidenceLevel.SIGNED_IDENTITY:
        return EvidenceLevel.PERSONAL_LINK
    is_of_chat = view.insertion is not None and view.insertion.conversation_id is not None
    is_lead = view.respondent is not None and view.respondent.role == ContactRole.LEAD
    return EvidenceLevel.WEB_UNVERIFIED if is_of_chat and is_lead else None


def of_visitor(contact_id: int, *, is_signed: bool, at: datetime) -> Link:
    """What a visitor of the messenger may do: as with a link that is made now, but nothing is stored.

    :param is_signed: the page around the messenger proved who the visitor is; else the contact is a lead of one browser
    """
    level = EvidenceLevel.PERSONAL_LINK if is_signed else EvidenceLevel.WEB_UNVERIFIED
    return Link("", contact_id, level, at)


def find(session: Session, token: str) -> Link:
    """The link with this token.

    :raises NotFound: there is none; its contact was erased; or it is unverified and its contact was merged: it must not
        open the record of the person that the contact belongs to now
    """
    stored = session.get(PreferenceLink, token) if is_short_token(token) else None
    contact = session.get(Contact, stored.contact_id) if stored else None
    if stored is None or contact is None:
        raise NotFound("There is no such link.")
    level = EvidenceLevel(stored.level)
    if contact.merged_into_id is not None and level != EvidenceLevel.WEB_UNVERIFIED:
        contact = session.get_one(Contact, contact.merged_into_id)
    if contact.merged_into_id is not None or contact.erased_at is not None:
        raise NotFound("There is no such link.")
    return Link(token, contact.id, level, stored.issued_at, contact.locale)
