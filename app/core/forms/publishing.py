"""Opt-in forms: configured, frozen into versions, inserted for a contact, counted."""

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from app.core import audit, origins, outbox
from app.core.consent import reach
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.signing import random_token
from app.core.wording import DEFAULT_LOCALE, LOCALES
from app.core.workspace import settings
from app.db import dialect_insert
from app.models import (
    Contact,
    FormDailyCount,
    InsertedForm,
    OptInForm,
    OptInFormText,
    OptInFormVersion,
    SubscriptionType,
    TypeState,
)

DEFAULT_ACCENT_COLOR = "#0b6e4f"
EXPIRES_IN = timedelta(days=30)
TITLE_MAX, BUTTON_MAX, LEGAL_MAX, SUCCESS_MAX, NAME_MAX = 200, 60, 5000, 500, 120
_COLOR = re.compile(r"#[0-9a-f]{6}")
_TALLY_SHARDS = 16


@dataclass(frozen=True)
class FormText:
    """The words in one language. Empty: button "Sign Up Now", no legal text, the standard success text."""

    title: str
    button_text: str = ""
    legal_text: str = ""
    success_text: str = ""


@dataclass(frozen=True)
class FormContent:
    """Everything that a version freezes. ``texts`` by locale; the one of ``locale`` must be among them."""

    subscription_type_id: int
    texts: Mapping[str, FormText]
    locale: str = DEFAULT_LOCALE
    accent_color: str = DEFAULT_ACCENT_COLOR
    default_country: str | None = None


@dataclass(frozen=True)
class FormNumbers:
    """How often a form was inserted, seen and answered."""

    inserted: int = 0
    seen: int = 0
    submitted: int = 0


@dataclass(frozen=True)
class PublishedForm:
    """A form with its newest version and that version's type, for lists."""

    form: OptInForm
    version: OptInFormVersion
    subscription_type: SubscriptionType
    numbers: FormNumbers = field(default_factory=FormNumbers)

    @property
    def is_offered(self) -> bool:
        """Whether it can be inserted: it is not archived, and its type is live."""
        return self.form.archived_at is None and self.subscription_type.state == TypeState.LIVE


def create(
    session: Session,
    content: FormContent,
    *,
    name: str,
    allowed_origins: Sequence[str],
    actor: str,
    at: datetime,
    is_inline: bool = False,
) -> OptInForm:
    """A new form with its first version.

    :param is_inline: configured in a conversation, for that one place; no list offers it
    :raises InvalidInput: a text, the colour, the country, an origin; the type is not live
    """
    checked = checked_content(session, content)
    form = OptInForm(
        key=secrets.token_urlsafe(12),
        name=_form_name(name) or checked.texts[checked.locale].title[:NAME_MAX],
        version=1,
        allowed_origins=_origins(allowed_origins),
        is_inline=is_inline,
        created_by=actor,
        created_at=at,
        updated_at=at,
    )
    session.add(form)
    session.flush()
    _freeze(session, form, checked, actor=actor, at=at)
    audit.record(session, actor, "form.created", f"form:{form.id}", {"version": 1}, at=at)
    return form


def publish(
    session: Session,
    form: OptInForm,
    content: FormContent,
    *,
    name: str,
    allowed_origins: Sequence[str],
    actor: str,
    at: datetime,
) -> None:
    """Save a changed form: changed words become a new version; what was inserted earlier keeps the words it had.

    Nothing is frozen anew when only the name or the origins changed.

    :raises InvalidState: the form is archived
    :raises InvalidInput: as ``create``
    """
    session.refresh(form, with_for_update=True)
    if form.archived_at is not None:
        raise InvalidState("This form is archived. Bring it back before you change it.")
    checked = checked_content(session, content)
    form.allowed_origins = _origins(allowed_origins)
    form.name = _form_name(name) or form.name
    form.updated_at = at
    if checked != content_of(newest_version(session, form)):
        form.version += 1
        _freeze(session, form, checked, actor=actor, at=at)
    audit.record(session, actor, "form.saved", f"form:{form.id}", {"version": form.version}, at=at)
    session.flush()


def archive(session: Session, form: OptInForm, *, actor: str, at: datetime) -> None:
    """Offer it nowhere any more; what was inserted says so and records nothing."""
    if form.archived_at is None:
        form.archived_at = form.updated_at = at
        audit.record(session, actor, "form.archived", f"form:{form.id}", {}, at=at)
        session.flush()


def unarchive(session: Session, form: OptInForm, *, actor: str, at: datetime) -> None:
    if form.archived_at is not None:
        form.archived_at, form.updated_at = None, at
        audit.record(session, actor, "form.unarchived", f"form:{form.id}", {}, at=at)
        session.flush()


def find(session: Session, form_id: int) -> OptInForm:
    """:raises NotFound: there is no form with this id"""
    form = session.get(OptInForm, form_id)
    if form is None:
        raise NotFound("There is no such form.")
    return form


def find_all(session: Session) -> list[PublishedForm]:
    """Every form that can be offered, with its newest version and its numbers: in use first, newest first."""
    rows = session.execute(
        select(OptInForm, OptInFormVersion, SubscriptionType)
        .join(
            OptInFormVersion,
            (OptInFormVersion.form_id == OptInForm.id) & (OptInFormVersion.number == OptInForm.version),
        )
        .join(SubscriptionType, SubscriptionType.id == OptInFormVersion.subscription_type_id)
        .where(~OptInForm.is_inline)
        .order_by(OptInForm.archived_at.is_not(None), OptInForm.id.desc())
    ).all()
    counted = numbers(session)
    return [PublishedForm(form, version, kind, counted.get(form.id, FormNumbers())) for form, version, kind in rows]


def find_offered(session: Session) -> list[PublishedForm]:
    """The forms that can be inserted, newest first."""
    return [each for each in find_all(session) if each.is_offered]


def newest_version(session: Session, form: OptInForm) -> OptInFormVersion:
    return session.scalars(
        select(OptInFormVersion).where(OptInFormVersion.form_id == form.id, OptInFormVersion.number == form.version)
    ).one()


def versions(session: Session, form: OptInForm) -> list[OptInFormVersion]:
    """Every version of a form, newest first."""
    query = select(OptInFormVersion).where(OptInFormVersion.form_id == form.id)
    return list(session.scalars(query.order_by(OptInFormVersion.number.desc())))


def content_of(version: OptInFormVersion) -> FormContent:
    """A version as plain values."""
    return FormContent(
        subscription_type_id=version.subscription_type_id,
        texts={
            text.locale: FormText(text.title, text.button_text, text.legal_text, text.success_text)
            for text in version.texts
        },
        locale=version.locale,
        accent_color=version.accent_color,
        default_country=version.default_country,
    )


def insert_for(
    session: Session,
    form: OptInForm,
    contact: Contact | None,
    *,
    inserted_by: str,
    at: datetime,
    origin: str | None = None,
    expires_in: timedelta = EXPIRES_IN,
) -> InsertedForm:
    """Place the newest version for one contact; its ``token`` is the last part of the embed's address.

    Writes one ``form.inserted`` outbox event.

    :param contact: null places it for whoever opens it first and types a number: they become a lead
    :raises InvalidState: the contact is blocked; the form is archived or its type is not live
    :raises NotFound: the contact was erased, or merged into another one (``Merged``)
    :raises InvalidInput: ``expires_in`` or the origin
    """
    if contact is not None:
        reach.refuse_gone(session, contact)
        reach.refuse_blocked(contact)
    version = newest_version(session, form)
    subscription_type = session.get_one(SubscriptionType, version.subscription_type_id)
    if form.archived_at is not None or subscription_type.state != TypeState.LIVE:
        raise InvalidState("This form cannot be inserted: it or its subscription type is no longer offered.")
    if not timedelta(minutes=1) <= expires_in <= timedelta(days=366):
        raise InvalidInput("A form can be open for one minute up to a year.", field="expires_in")
    inserted = InsertedForm(
        token=random_token(),
        form_id=form.id,
        version_id=version.id,
        contact_id=contact.id if contact else None,
        inserted_by=inserted_by,
        origin=origins.read(origin) if origin else None,
        created_at=at,
        expires_at=at + expires_in,
    )
    session.add(inserted)
    session.flush()
    outbox.add(
        session,
        ["form.inserted"],
        contact_id=inserted.contact_id,
        payload={"inserted_form_id": inserted.id, "form_id": form.id},
        at=at,
    )
    return inserted


def tally(session: Session, form_id: int, what: str, *, at: datetime, count: int = 1) -> None:
    """Add to one form's numbers of the day.

    :param what: ``inserted``, ``seen`` or ``submitted``
    """
    row = {"form_id": form_id, "day": at.date(), "shard": secrets.randbelow(_TALLY_SHARDS)}
    statement = dialect_insert(session, FormDailyCount).values(
        **row, **{name: count if name == what else 0 for name in ("inserted", "seen", "submitted")}
    )
    table = cast(Table, FormDailyCount.__table__)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.form_id, table.c.day, table.c.shard], set_={what: table.c[what] + count}
        )
    )


def tally_many(session: Session, counted: Mapping[tuple[int, date], Mapping[str, int]]) -> None:
    """Add to the numbers of many forms, each on its day (UTC): one row each, always in the same order, no deadlocks."""
    table, shard = cast(Table, FormDailyCount.__table__), secrets.randbelow(_TALLY_SHARDS)
    rows = [
        {"form_id": form_id, "day": day, "shard": shard}
        | {name: counts.get(name, 0) for name in ("inserted", "seen", "submitted")}
        for (form_id, day), counts in sorted(counted.items())
    ]
    if not rows:
        return
    statement = dialect_insert(session, FormDailyCount)
    added = {name: table.c[name] + statement.excluded[name] for name in ("inserted", "seen", "submitted")}
    session.execute(
        statement.on_conflict_do_update(index_elements=[table.c.form_id, table.c.day, table.c.shard], set_=added), rows
    )


def forms_of(session: Session, inserted_form_ids: Collection[int]) -> dict[int, int]:
    """Of each inserted form, by its id, the form that it is one of."""
    query = select(InsertedForm.id, InsertedForm.form_id).where(InsertedForm.id.in_(inserted_form_ids))
    if not inserted_form_ids:
        return {}
    return {row.id: row.form_id for row in session.execute(query)}


def numbers(session: Session) -> dict[int, FormNumbers]:
    """The numbers of every form, by id; they follow within a second while a worker runs."""
    query = select(
        FormDailyCount.form_id,
        func.coalesce(func.sum(FormDailyCount.inserted), 0),
        func.coalesce(func.sum(FormDailyCount.seen), 0),
        func.coalesce(func.sum(FormDailyCount.submitted), 0),
    ).group_by(FormDailyCount.form_id)
    return {row[0]: FormNumbers(*(int(count) for count in row[1:])) for row in session.execute(query)}


def checked_content(session: Session, content: FormContent) -> FormContent:
    """The content as it would be frozen: trimmed, normalised, without empty translations.

    :raises InvalidInput: with the field at fault; of a translation ``title-es`` and so on
    """
    subscription_type = session.get(SubscriptionType, content.subscription_type_id)
    if subscription_type is None or subscription_type.state != TypeState.LIVE:
        raise InvalidInput("Choose a subscription type that is live.", field="subscription_type_id")
    if content.locale not in LOCALES:
        raise InvalidInput("Choose one of the languages offered.", field="locale")
    color = content.accent_color.strip().lower() or DEFAULT_ACCENT_COLOR
    if not _COLOR.fullmatch(color):
        raise InvalidInput("Write the colour as # and six digits, for example #0b6e4f.", field="accent_color")
    texts = {
        locale: _checked_text(text, "" if locale == content.locale else f"-{locale}")
        for locale, text in sorted(content.texts.items())
        if locale == content.locale or any((text.title, text.button_text, text.legal_text, text.success_text))
    }
    if unknown := set(texts) - set(LOCALES):
        raise InvalidInput(f"The language {min(unknown)[:8]} is not offered.", field="texts")
    if content.locale not in texts:
        raise InvalidInput("Give the form a title.", field="title")
    return FormContent(
        content.subscription_type_id, texts, content.locale, color, settings.country(content.default_country)
    )


def _checked_text(text: FormText, suffix: str) -> FormText:
    title = " ".join(text.title.split())
    button_text = " ".join(text.button_text.split())
    legal_text, success_text = (part.replace("\r\n", "\n").strip() for part in (text.legal_text, text.success_text))
    if not title:
        raise InvalidInput("Give the form a title.", field=f"title{suffix}")
    for name, value, most in (
        ("title", title, TITLE_MAX),
        ("button_text", button_text, BUTTON_MAX),
        ("legal_text", legal_text, LEGAL_MAX),
        ("success_text", success_text, SUCCESS_MAX),
    ):
        if len(value) > most:
            raise InvalidInput(f"This text is longer than {most} characters.", field=f"{name}{suffix}")
    return FormText(title, button_text, legal_text, success_text)


def _form_name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > NAME_MAX:
        raise InvalidInput(f"The name is longer than {NAME_MAX} characters.", field="name")
    return name


def _origins(allowed: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(origins.read(origin) for origin in allowed))


def _freeze(session: Session, form: OptInForm, content: FormContent, *, actor: str, at: datetime) -> None:
    version = OptInFormVersion(
        form_id=form.id,
        number=form.version,
        subscription_type_id=content.subscription_type_id,
        locale=content.locale,
        accent_color=content.accent_color,
        default_country=content.default_country,
        created_by=actor,
        created_at=at,
    )
    session.add(version)
    session.flush()
    session.execute(
        insert(OptInFormText),
        [
            {
                "version_id": version.id,
                "locale": locale,
                "title": text.title,
                "button_text": text.button_text,
                "legal_text": text.legal_text,
                "success_text": text.success_text,
            }
            for locale, text in content.texts.items()
        ],
    )
