"""A form as one person sees it, read by one statement. Nothing here writes."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import and_, bindparam, case, exists, literal_column, select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.consent.current_destination import is_opted_in
from app.core.consent.reach import REFUSED, is_out_of_reach
from app.core.destinations import Destination
from app.core.errors import DestinationRefused, NotFound
from app.core.forms.form_view import Form, FormView, Insertion, Publisher, Respondent, State
from app.core.forms.render_token import RenderToken
from app.core.signing import Keys
from app.db import CompiledStatement, ReadConnection
from app.models import (
    Channel,
    Consent,
    Contact,
    InsertedForm,
    OptInForm,
    OptInFormText,
    OptInFormVersion,
    SubscriptionType,
    Suppression,
    Workspace,
)

_OPTIN_FORM = OptInForm.__table__
_VERSION = OptInFormVersion.__table__
_TYPE = SubscriptionType.__table__
_WORKSPACE = Workspace.__table__
_INSERTED_FORM = InsertedForm.__table__
_OWN_TEXT = OptInFormText.__table__
_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
# The columns of each value, in the order of its fields.
_FORM_COLUMNS = (
    _OPTIN_FORM.c.id,
    _OPTIN_FORM.c.key,
    _OPTIN_FORM.c.name,
    _VERSION.c.number,
    _OPTIN_FORM.c.allowed_origins,
    _OPTIN_FORM.c.archived_at,
    _VERSION.c.id,
    _VERSION.c.default_country,
    _OWN_TEXT.c.checkbox_text != "",
    _TYPE.c.id,
    _TYPE.c.name,
    _TYPE.c.state,
    _TYPE.c.channel,
    _VERSION.c.verify_number,
    _TYPE.c.welcome,
)
_PUBLISHER_COLUMNS = (
    _WORKSPACE.c.name,
    _WORKSPACE.c.privacy_url,
    _WORKSPACE.c.terms_url,
    _WORKSPACE.c.help_contact,
    _WORKSPACE.c.allowed_origins,
    _WORKSPACE.c.allowed_countries,
    _WORKSPACE.c.submissions_per_address,
    _WORKSPACE.c.submissions_per_number,
)
_INSERTION_COLUMNS = (
    _INSERTED_FORM.c.id,
    _INSERTED_FORM.c.token,
    _INSERTED_FORM.c.conversation_id,
    _INSERTED_FORM.c.inserted_by,
    _INSERTED_FORM.c.expires_at,
    _INSERTED_FORM.c.seen_at,
    _INSERTED_FORM.c.confirming_at,
    _INSERTED_FORM.c.answered_at,
    _INSERTED_FORM.c.withdrawn_at,
)
# After the contact's id.
RESPONDENT_COLUMNS = (
    _CONTACT.c.role,
    _CONTACT.c.phone,
    _CONTACT.c.email,
    _CONTACT.c.phone_country,
    exists().where(Suppression.phone_hash == _CONTACT.c.phone_hash).label("is_suppressed"),
    _CONTACT.c.locale,
    _CONTACT.c.gdpr_optin,
    _CONTACT.c.archived_at,
    _CONTACT.c.blocked_at,
    _CONSENT.c.state,
    _CONSENT.c.destination_hash,
)
_FORM_END = len(_FORM_COLUMNS)
_PUBLISHER_END = _FORM_END + len(_PUBLISHER_COLUMNS)
_INSERTION_END = _PUBLISHER_END + len(_INSERTION_COLUMNS)
_PUBLIC = (*_FORM_COLUMNS, *_PUBLISHER_COLUMNS)
_IS_OWN_TEXT = and_(_OWN_TEXT.c.version_id == _VERSION.c.id, _OWN_TEXT.c.locale == _VERSION.c.locale)
_OF_VERSION = _TYPE.c.id == _VERSION.c.subscription_type_id
_PUBLIC_VIEW = CompiledStatement(
    select(*_PUBLIC)
    .select_from(_OPTIN_FORM)
    .join(_VERSION, and_(_VERSION.c.form_id == _OPTIN_FORM.c.id, _VERSION.c.number == _OPTIN_FORM.c.version))
    .join(_OWN_TEXT, _IS_OWN_TEXT)
    .join(_TYPE, _OF_VERSION)
    .join(_WORKSPACE, _WORKSPACE.c.id == 1)
    .where(_OPTIN_FORM.c.key == bindparam("key"))
)
_IS_REFUSED = case(
    (
        _TYPE.c.channel == literal_column(f"'{Channel.SMS.value}'"),
        REFUSED.where(_CONTACT.c.phone_hash == bindparam("phone_hash")).exists(),
    ),
    else_=REFUSED.where(_CONTACT.c.email == bindparam("email")).exists(),
)
_ANSWERED_PUBLIC_VIEW = CompiledStatement(
    select(*_PUBLIC, _INSERTED_FORM.c.submitted_destination_hash, _IS_REFUSED)
    .select_from(_OPTIN_FORM)
    .join(_VERSION, and_(_VERSION.c.form_id == _OPTIN_FORM.c.id, _VERSION.c.id == bindparam("version_id")))
    .join(_OWN_TEXT, _IS_OWN_TEXT)
    .join(_TYPE, _OF_VERSION)
    .join(_WORKSPACE, _WORKSPACE.c.id == 1)
    .outerjoin(_INSERTED_FORM, _INSERTED_FORM.c.token == bindparam("nonce"))
    .where(_OPTIN_FORM.c.key == bindparam("key"))
)
_INSERTED_VIEW = CompiledStatement(
    select(*_PUBLIC, *_INSERTION_COLUMNS, _INSERTED_FORM.c.contact_id, *RESPONDENT_COLUMNS)
    .select_from(_INSERTED_FORM)
    .join(_OPTIN_FORM, _OPTIN_FORM.c.id == _INSERTED_FORM.c.form_id)
    .join(_VERSION, _VERSION.c.id == _INSERTED_FORM.c.version_id)
    .join(_OWN_TEXT, _IS_OWN_TEXT)
    .join(_TYPE, _OF_VERSION)
    .join(_WORKSPACE, _WORKSPACE.c.id == 1)
    .outerjoin(_CONTACT, _CONTACT.c.id == _INSERTED_FORM.c.contact_id)
    .outerjoin(_CONSENT, and_(_CONSENT.c.contact_id == _CONTACT.c.id, _CONSENT.c.subscription_type_id == _TYPE.c.id))
    .where(_INSERTED_FORM.c.token == bindparam("token"))
)


def public_view(
    session: Session | ReadConnection,
    form_key: str,
    *,
    shown: RenderToken | None = None,
    typed: Mapping[str, Destination | DestinationRefused] | None = None,
) -> FormView:
    """The newest version of a form.

    :param shown: of an answer: read the version that this render showed, and what it was answered with before
    :param typed: of an answer: by channel what was typed; read whether a contact with it refused everything
    :raises NotFound: no form has this key, or it has no such version
    """
    if shown is None:
        row = _PUBLIC_VIEW.one(session, key=form_key)
    else:
        number, address = (typed or {}).get(Channel.SMS), (typed or {}).get(Channel.EMAIL)
        row = _ANSWERED_PUBLIC_VIEW.one(
            session,
            key=form_key,
            version_id=shown.version_id,
            nonce=shown.nonce,
            phone_hash=number.hash if isinstance(number, Destination) else None,
            email=address.value if isinstance(address, Destination) else None,
        )
    if row is None:
        raise NotFound("There is no such form.")
    form, publisher = Form(*row[:_FORM_END]), Publisher(*row[_FORM_END:_PUBLISHER_END])
    if shown is None:
        return FormView(form, publisher)
    is_refused = None if typed is None else bool(row[-1])
    return FormView(form, publisher, submitted_destination_hash=row[-2], is_refused=is_refused)


def inserted_view(session: Session | ReadConnection, token: str) -> FormView:
    """One inserted form, with its contact's saved number or address and consent.

    :raises NotFound: no form has this token
    """
    row = _INSERTED_VIEW.one(session, token=token)
    if row is None:
        raise NotFound("There is no such form.")
    of_respondent = row[_INSERTION_END:]
    return FormView(
        Form(*row[:_FORM_END]),
        Publisher(*row[_FORM_END:_PUBLISHER_END]),
        Insertion(*row[_PUBLISHER_END:_INSERTION_END]),
        Respondent(*of_respondent) if of_respondent[0] is not None else None,
    )


def saved_destination(keys: Keys, view: FormView) -> Destination | None:
    """The saved number or address, if it can be signed up; null when there is none or it cannot be used."""
    if not view.saved:
        return None
    allowed = frozenset(view.publisher.allowed_countries)
    try:
        return destinations.read(keys, view.saved, view.form.channel, region=None, allowed_countries=allowed)
    except DestinationRefused:
        return None


def state_of(view: FormView, saved: Destination | None, *, at: datetime) -> State:
    """What this form shows before an answer: ask, saved, signed_up, unavailable or expired.

    A form that was answered does not expire while its sign-up counts, because the person can withdraw there.
    """
    respondent, insertion = view.respondent, view.insertion
    is_signed_up = _is_signed_up(respondent, saved)
    if insertion is not None and insertion.withdrawn_at is not None:
        return State.UNAVAILABLE
    if insertion is not None and insertion.expires_at <= at and not (insertion.answered_at and is_signed_up):
        return State.EXPIRED
    if not view.form.is_offered or (respondent is not None and is_out_of_reach(respondent)):
        return State.UNAVAILABLE
    if saved is None or respondent is None:
        return State.ASK
    return State.SIGNED_UP if is_signed_up else State.SAVED


def _is_signed_up(respondent: Respondent | None, saved: Destination | None) -> bool:
    if respondent is None or saved is None:
        return False
    return is_opted_in(respondent.consent_state, respondent.consent_hash, saved.hash)
