"""A public form as a signed user of the page around it sees it. Nothing here writes."""

from dataclasses import replace
from typing import cast

from sqlalchemy import Table, and_, bindparam, select
from sqlalchemy.orm import Session

from app.core.forms import views
from app.core.forms.form_view import FormView, Respondent
from app.core.forms.render_token import RenderToken
from app.db import CompiledStatement, ReadConnection
from app.models import Consent, Contact

_CONTACT = cast(Table, Contact.__table__)
_CONSENT = cast(Table, Consent.__table__)
_RESPONDENT = CompiledStatement(
    select(_CONTACT.c.id, *views.RESPONDENT_COLUMNS)
    .select_from(_CONTACT)
    .outerjoin(
        _CONSENT,
        and_(_CONSENT.c.contact_id == _CONTACT.c.id, _CONSENT.c.subscription_type_id == bindparam("type_id")),
    )
    .where(_CONTACT.c.external_id == bindparam("user_id"))
)


def user_view(
    session: Session | ReadConnection, form_key: str, user_id: str, *, shown: RenderToken | None = None
) -> FormView:
    """The form, with the saved number or address of the user's contact, if they have one.

    :param shown: as for ``views.public_view``
    :raises NotFound: no form has this key, or it has no such version
    """
    view = views.public_view(session, form_key, shown=shown)
    row = _RESPONDENT.one(session, user_id=user_id, type_id=view.form.subscription_type_id)
    return replace(view, user_id=user_id, respondent=Respondent(*row) if row else None)
