"""Subscription types: create, edit, list them, and change their state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import ImmutableField, InvalidInput, InvalidState, NotFound
from app.core.wording import LOCALES, translatable
from app.db import CompiledStatement
from app.models import (
    Channel,
    Consent,
    ConsentState,
    ConsentType,
    SubscriptionType,
    SubscriptionTypeTranslation,
    TypeState,
)

NAME_MAX = 120
DESCRIPTION_MAX = 2000
EDITED = "subscription_type.edited"
# The steps that a state does not allow, by the name of their event.
_REFUSED_STEPS = {
    ("put_live", TypeState.LIVE): translatable("“%(name)s” is already live."),
    ("put_live", TypeState.ARCHIVED): translatable("“%(name)s” is archived. Restore it before you publish it."),
    ("archived", TypeState.ARCHIVED): translatable("“%(name)s” is already archived."),
    ("brought_back", TypeState.DRAFT): translatable("“%(name)s” is a draft, so there is nothing to restore."),
    ("brought_back", TypeState.LIVE): translatable("“%(name)s” is live, so there is nothing to restore."),
}
_TYPE = SubscriptionType.__table__
_TRANSLATION = SubscriptionTypeTranslation.__table__
_TEXTS = ("name", "description", "locale", "channel", "consent_type", "state")
_VIEWED = ("id", *_TEXTS, "preference_form_id", "welcome", "welcome_text")
_VIEW = CompiledStatement(
    select(
        *(_TYPE.c[name] for name in _VIEWED),
        *(_TRANSLATION.c[name].label(f"translation_{name}") for name in ("locale", "name", "description")),
    )
    .select_from(_TYPE.outerjoin(_TRANSLATION, _TRANSLATION.c.subscription_type_id == _TYPE.c.id))
    .where(_TYPE.c.id == bindparam("subscription_type_id"))
    .order_by(_TRANSLATION.c.locale)
)
Translations = Mapping[str, tuple[str, str]]  # locale to (name, description)


@dataclass(frozen=True)
class NewSubscriptionType:
    """What a type is created with. Its channel and consent type can never be changed."""

    name: str
    channel: Channel
    consent_type: ConsentType
    description: str = ""
    locale: str = "en"
    translations: Translations = field(default_factory=dict)


@dataclass(frozen=True)
class TypeChange:
    """What an edit gives; null leaves a field as it is. Another channel or consent type is refused."""

    name: str | None = None
    description: str | None = None
    translations: Translations | None = None
    channel: str | None = None
    consent_type: str | None = None


def create(session: Session, new: NewSubscriptionType, *, actor: str, at: datetime) -> SubscriptionType:
    """Create a type as a draft.

    :raises InvalidInput: the name, description, locale or a translation is refused
    """
    subscription_type = SubscriptionType(
        name=_name(new.name),
        description=_description(new.description),
        locale=_locale(new.locale),
        channel=new.channel.value,
        consent_type=new.consent_type.value,
        state=TypeState.DRAFT.value,
        created_at=at,
        updated_at=at,
        translations=_translations(new.translations, new.locale),
    )
    session.add(subscription_type)
    session.flush()
    audit.record(session, actor, "subscription_type.created", f"subscription_type:{subscription_type.id}", {}, at=at)
    return subscription_type


def edit(
    session: Session, subscription_type: SubscriptionType, change: TypeChange, *, actor: str, at: datetime
) -> None:
    """Change name, description and translations.

    :raises ImmutableField: ``channel`` or ``consent_type`` is given and differs; nothing is changed
    :raises InvalidInput: the name, description or a translation is refused
    """
    if change.channel not in {None, subscription_type.channel}:
        raise ImmutableField(
            "The message type cannot be changed once a subscription type is saved. Create a new one instead.",
            field="channel",
        )
    if change.consent_type not in {None, subscription_type.consent_type}:
        raise ImmutableField(
            "The consent type cannot be changed once a subscription type is saved. Create a new one instead.",
            field="consent_type",
        )
    before = described(subscription_type)
    name = subscription_type.name if change.name is None else _name(change.name)
    description = subscription_type.description if change.description is None else _description(change.description)
    if change.translations is not None:
        new = _translations(change.translations, subscription_type.locale)
        current = {translation.locale: translation for translation in subscription_type.translations}
        subscription_type.translations = [_updated(current.get(each.locale), each) for each in new]
    subscription_type.name, subscription_type.description = name, description
    subscription_type.updated_at = at
    details = audit.changes(before, described(subscription_type))
    audit.record(session, actor, EDITED, f"subscription_type:{subscription_type.id}", details, at=at)
    session.flush()


def put_live(session: Session, subscription_type: SubscriptionType, *, actor: str, at: datetime) -> None:
    """Make a draft live. :raises InvalidState: it is not a draft"""
    _change_state(session, subscription_type, TypeState.LIVE, "put_live", actor=actor, at=at)
    subscription_type.live_at = at
    session.flush()


def archive(session: Session, subscription_type: SubscriptionType, *, actor: str, at: datetime) -> None:
    """Stop offering a type; its consents and history stay. :raises InvalidState: it is archived already"""
    _change_state(session, subscription_type, TypeState.ARCHIVED, "archived", actor=actor, at=at)
    subscription_type.archived_at = at
    session.flush()


def unarchive(session: Session, subscription_type: SubscriptionType, *, actor: str, at: datetime) -> None:
    """Make an archived type live again, or a draft if it never was live. :raises InvalidState: it is not archived"""
    previous = TypeState.LIVE if subscription_type.live_at else TypeState.DRAFT
    _change_state(session, subscription_type, previous, "brought_back", actor=actor, at=at)
    subscription_type.archived_at = None
    session.flush()


def find(session: Session, subscription_type_id: int) -> SubscriptionType:
    """:raises NotFound: there is no type with this id"""
    subscription_type = session.get(SubscriptionType, subscription_type_id)
    if subscription_type is None:
        raise NotFound("There is no such subscription type.")
    return subscription_type


@dataclass(frozen=True)
class TypeText:
    """A type's name and description in one language."""

    locale: str
    name: str
    description: str


@dataclass(frozen=True)
class SubscriptionTypeView:
    """A type with its translations, read by one compiled statement for frequent API calls."""

    id: int
    name: str
    description: str
    locale: str
    channel: str
    consent_type: str
    state: str
    preference_form_id: int | None
    welcome: bool
    welcome_text: str
    translations: tuple[TypeText, ...]


def text_in(subscription_type: SubscriptionType, locale: str) -> TypeText:
    """Name and description in this language, else in the type's own."""
    own = TypeText(subscription_type.locale, subscription_type.name, subscription_type.description)
    texts = (TypeText(each.locale, each.name, each.description) for each in subscription_type.translations)
    return next((each for each in texts if each.locale == locale), own)


def view(session: Session, subscription_type_id: int) -> SubscriptionTypeView:
    """:raises NotFound: there is no type with this id"""
    rows = _VIEW.all(session, subscription_type_id=subscription_type_id)
    if not rows:
        raise NotFound("There is no such subscription type.")
    end = len(_VIEWED)
    values: list[Any] = [*rows[0][:end], tuple(TypeText(*row[end:]) for row in rows if row[end] is not None)]
    return SubscriptionTypeView(*values)


def find_all(session: Session) -> list[SubscriptionType]:
    """All types: first the live ones, then drafts, then archived ones, each by name."""
    order = case({TypeState.LIVE.value: 0, TypeState.DRAFT.value: 1}, value=SubscriptionType.state, else_=2)
    return list(session.scalars(select(SubscriptionType).order_by(order, SubscriptionType.name, SubscriptionType.id)))


def find_live(session: Session) -> list[SubscriptionType]:
    """The types that may be offered, by name."""
    return [each for each in find_all(session) if each.state == TypeState.LIVE]


def has_namesake(session: Session, subscription_type: SubscriptionType) -> bool:
    """Whether another type of its channel that is not archived has its name, so that people cannot tell them apart."""
    name = subscription_type.name.casefold()
    return any(
        each.id != subscription_type.id and each.channel == subscription_type.channel and each.name.casefold() == name
        for each in find_all(session)
        if each.state != TypeState.ARCHIVED
    )


def opted_in_counts(session: Session) -> dict[int, int]:
    """How many contacts are opted in, by type id. An index-only count."""
    query = (
        select(Consent.subscription_type_id, func.count())
        .where(Consent.state == ConsentState.OPTED_IN.value)
        .group_by(Consent.subscription_type_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _change_state(
    session: Session, subscription_type: SubscriptionType, state: TypeState, event: str, *, actor: str, at: datetime
) -> None:
    session.refresh(subscription_type, with_for_update=True)
    step = event, TypeState(subscription_type.state)
    if step in _REFUSED_STEPS:
        raise InvalidState(_REFUSED_STEPS[step], name=subscription_type.name)
    details = audit.changes({"state": subscription_type.state}, {"state": state.value})
    subscription_type.state = state.value
    subscription_type.updated_at = at
    subject = f"subscription_type:{subscription_type.id}"
    audit.record(session, actor, f"subscription_type.{event}", subject, details, at=at)


def described(subscription_type: SubscriptionType) -> dict[str, Any]:
    """What can be edited, by field. The name in another language is ``name-es``."""
    described = {"name": subscription_type.name, "description": subscription_type.description}
    for each in subscription_type.translations:
        described |= {f"name-{each.locale}": each.name, f"description-{each.locale}": each.description}
    return described


def _updated(
    current: SubscriptionTypeTranslation | None, new: SubscriptionTypeTranslation
) -> SubscriptionTypeTranslation:
    if current is None:
        return new
    current.name, current.description = new.name, new.description
    return current


def _translations(translations: Translations, own_locale: str) -> list[SubscriptionTypeTranslation]:
    rows = []
    for locale, (name, description) in sorted(translations.items()):
        if _locale(locale) == own_locale:
            continue
        if name.strip() or description.strip():
            rows.append(
                SubscriptionTypeTranslation(locale=locale, name=_name(name), description=_description(description))
            )
    return rows


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise InvalidInput("Give the subscription type a name.", field="name")
    if len(name) > NAME_MAX:
        raise InvalidInput("The name is longer than %(most)s characters.", field="name", most=NAME_MAX)
    return name


def _description(text: str) -> str:
    description = text.strip()
    if len(description) > DESCRIPTION_MAX:
        raise InvalidInput(
            "The description is longer than %(most)s characters.", field="description", most=str(DESCRIPTION_MAX)
        )
    return description


def _locale(locale: str) -> str:
    if locale not in LOCALES:
        raise InvalidInput("Choose one of these languages: %(locales)s.", field="locale", locales=", ".join(LOCALES))
    return locale
