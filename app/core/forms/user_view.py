"""A public form as a known person sees it: a signed user of the page around it, or the holder of a preference link.

Nothing here writes.
"""

from dataclasses import replace

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.core.forms import views
from app.core.forms.form_view import FormView, Respondent
from app.core.forms.render_token import RenderToken
from app.db import CompiledStatement, ReadConnection
from app.models import Consent, Contact, EvidenceLevel

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
_RESPONDENT = (
    select(_CONTACT.c.id, *views.RESPONDENT_COLUMNS)
    .select_from(_CONTACT)
    .outerjoin(
        _CONSENT,
        and_(_CONSENT.c.contact_id == _CONTACT.c.id, _CONSENT.c.subscription_type_id == bindparam("type_id")),
    )
)
_USER = CompiledStatement(_RESPONDENT.where(_CONTACT.c.external_id == bindparam("user_id")))


def user_view(
    session: Session | ReadConnection, form_key: str, user_id: str, *, shown: RenderToken | None = None
) -> FormView:
    """The form, with the saved number or address of the user's contact, if they have one.

    :param shown: as for ``views.public_view``
    :raises NotFound: no form has this key, or it has no such version
    """
    view = views.public_view(session, form_key, shown=shown)
    row = _USER.one(session, user_id=user_id, type_id=view.form.subscription_type_id)
    return replace(view, user_id=user_id, respondent=Respondent(*row) if row else None)


def contact_view(
    session: Session, form_key: str, contact_id: int, level: EvidenceLevel, *, shown: RenderToken | None
) -> FormView:
    """The form, with the saved number or address of this contact.

    :param level: how sure it is that the reader is this contact
    :param shown: as for ``views.public_view``
    :raises NotFound: no form has this key, it has no such version, or there is no such contact
    """
    view = views.public_view(session, form_key, shown=shown)
    of_contact = _RESPONDENT.where(_CONTACT.c.id == contact_id)
    row = session.execute(of_contact, {"type_id": view.form.subscription_type_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such contact.")
    return replace(view, respondent=Respondent(*row), link_level=level)
