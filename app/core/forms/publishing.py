"""Publish opt-in forms: each change of the content is frozen as a new version."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.core import audit, origins
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.forms import daily_counts
from app.core.forms.content import FormContent, checked_content, content_of
from app.core.forms.daily_counts import FormTotals
from app.core.forms.form_view import is_offered
from app.models import InsertedForm, OptInForm, OptInFormText, OptInFormVersion, SubscriptionType

NAME_MAX = 120


@dataclass(frozen=True)
class FormSettings:
    """What belongs to a form but to no version.

    :param name: for the staff; empty: the title, or on a change the name it has
    :param allowed_origins: the sites that may show it, beside those of the workspace
    :param is_inline: configured in one conversation, for that place only; no list offers it
    """

    name: str = ""
    allowed_origins: Sequence[str] = ()
    is_inline: bool = False


@dataclass(frozen=True)
class PublishedForm:
    """A form with its newest version and that version's type, for lists."""

    form: OptInForm
    version: OptInFormVersion
    subscription_type: SubscriptionType
    totals: FormTotals = field(default_factory=FormTotals)

    @property
    def is_offered(self) -> bool:
        """Whether it can be inserted: it is not archived, and its type is live."""
        return is_offered(archived_at=self.form.archived_at, type_state=self.subscription_type.state)


def create(
    session: Session, content: FormContent, form_settings: FormSettings, *, actor: str, at: datetime
) -> OptInForm:
    """Create a form with its first version.

    :raises InvalidInput: a text, the color, the country or an origin is refused; the type is not live
    """
    checked = checked_content(session, content)
    form = OptInForm(
        key=secrets.token_urlsafe(12),
        name=_form_name(form_settings.name) or checked.texts[checked.locale].title[:NAME_MAX],
        version=1,
        allowed_origins=_origins(form_settings.allowed_origins),
        is_inline=form_settings.is_inline,
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
    form_settings: FormSettings,
    *,
    actor: str,
    at: datetime,
) -> None:
    """Save a changed form. Changed content becomes a new version; forms inserted earlier keep their version.

    A change of the name or the origins alone makes no new version.

    :raises InvalidState: the form is archived
    :raises InvalidInput: as ``create``
    """
    session.refresh(form, with_for_update=True)
    if form.archived_at is not None:
        raise InvalidState("This form is archived. Restore it before you change it.")
    checked, current = checked_content(session, content), content_of(newest_version(session, form))
    before = _described(form, current)
    form.allowed_origins = _origins(form_settings.allowed_origins)
    form.name = _form_name(form_settings.name) or form.name
    form.updated_at = at
    if checked != current:
        form.version += 1
        _freeze(session, form, checked, actor=actor, at=at)
    details = {"version": form.version, **audit.changes(before, _described(form, checked))}
    audit.record(session, actor, "form.saved", f"form:{form.id}", details, at=at)
    session.flush()


def archive(session: Session, form: OptInForm, *, actor: str, at: datetime) -> None:
    """Offer the form nowhere any more. Inserted forms show that it is closed and record nothing."""
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


def names(session: Session, form_ids: Collection[int]) -> dict[int, str]:
    """The names of these forms, by id."""
    query = select(OptInForm.id, OptInForm.name).where(OptInForm.id.in_(form_ids))
    return {row.id: row.name for row in session.execute(query)} if form_ids else {}


def find_all(session: Session) -> list[PublishedForm]:
    """Every form but inline ones, with its newest version and its totals: forms in use first, newest first."""
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
    totals = daily_counts.totals(session)
    return [
        PublishedForm(form, version, subscription_type, totals.get(form.id, FormTotals()))
        for form, version, subscription_type in rows
    ]


def last_answers(session: Session) -> dict[int, datetime]:
    """When each form was answered last, by its id. Forms without an answer are left out."""
    newest = select(func.max(InsertedForm.answered_at)).where(
        InsertedForm.form_id == OptInForm.id, InsertedForm.answered_at.is_not(None)
    )
    query = select(OptInForm.id, newest.scalar_subquery().label("at"))
    return {row.id: row.at for row in session.execute(query) if row.at is not None}


def find_offered(session: Session) -> list[PublishedForm]:
    """The forms of ``find_all`` that can be inserted now."""
    return [each for each in find_all(session) if each.is_offered]


def newest_version(session: Session, form: OptInForm) -> OptInFormVersion:
    return session.scalars(
        select(OptInFormVersion).where(OptInFormVersion.form_id == form.id, OptInFormVersion.number == form.version)
    ).one()


def versions(session: Session, form: OptInForm) -> list[OptInFormVersion]:
    """Every version of a form, newest first."""
    query = select(OptInFormVersion).where(OptInFormVersion.form_id == form.id)
    return list(session.scalars(query.order_by(OptInFormVersion.number.desc())))


def _described(form: OptInForm, content: FormContent) -> dict[str, Any]:
    """The form by field, as forms name them: the title in another language is ``title-es``."""
    described = {"name": form.name, "allowed_origins": list(form.allowed_origins)}
    described |= {name: value for name, value in vars(content).items() if name != "texts"}
    for locale, text in content.texts.items():
        suffix = "" if locale == content.locale else f"-{locale}"
        described |= {f"{name}{suffix}": value for name, value in vars(text).items()}
    return described


def _form_name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > NAME_MAX:
        raise InvalidInput("The name is longer than %(most)s characters.", field="name", most=NAME_MAX)
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
        verify_number=content.verify_number,
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
                "checkbox_text": text.checkbox_text,
            }
            for locale, text in content.texts.items()
        ],
    )
