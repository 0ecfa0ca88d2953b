"""Opting in on the preference page, by the form that the type names for it."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.core.forms import user_view
from app.core.forms.form_view import FormView
from app.core.forms.render_token import RenderToken
from app.core.ledger.evidence import Evidence
from app.core.preferences import center
from app.core.preferences.acts import refuse_expired
from app.core.preferences.links import Link
from app.core.submissions import submit as submissions
from app.core.submissions.outcome import Outcome, Typed
from app.core.wording import DEFAULT_LOCALE


def form_of(
    session: Session, link: Link, subscription_type_id: int, *, shown: RenderToken | None = None, at: datetime
) -> FormView | None:
    """The form as the holder of the link sees it; null when the contact is subscribed already.

    :param shown: of an answer: read the version that this render showed
    :raises InvalidState: ``link_expired``
    :raises NotFound: the contact cannot have this type, or cannot opt in to it here
    """
    refuse_expired(link, at=at)
    found = center.find(session, link, subscription_type_id, DEFAULT_LOCALE, at=at)
    if found.is_subscribed:
        return None
    if found.form_key is None:
        raise NotFound("There is no form for this subscription type.")
    return user_view.contact_view(session, found.form_key, link.contact_id, link.level, shown=shown)


def answer(
    session: Session, view: FormView, shown: RenderToken | None, evidence: Evidence, *, has_agreed: bool, at: datetime
) -> Outcome:
    """Record an opt-in for the saved number or address. The caller commits after refusals, too.

    :param view: from ``form_of``
    :param shown: null when the page was not made here, is too old, or its wording changed since
    """
    return submissions.submit(session, view, shown, typed=Typed({}, has_agreed), evidence=evidence, at=at)
