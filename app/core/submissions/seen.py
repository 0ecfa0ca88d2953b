"""The person has a form on their screen."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import rate_limits as limits
from app.core.conversations import messages as conversations
from app.core.errors import NotFound
from app.core.forms import publishing as optin_forms
from app.core.forms.views import Shown
from app.core.signing import keys_of
from app.core.submissions.submit import WINDOW_S
from app.models import InsertedForm, OptInForm, Workspace


def public_form_seen(session: Session, form_key: str, shown: Shown, *, address: str | None, at: datetime) -> None:
    """Count one render of a public form that came onto a screen; beyond the address's limit it is passed over."""
    form = session.execute(
        select(OptInForm.id, Workspace.submissions_per_address)
        .join(Workspace, Workspace.id == 1)
        .where(OptInForm.key == form_key)
    ).one_or_none()
    if form is None:
        raise NotFound("There is no such form.")
    keys = keys_of(session)
    buckets = {keys.bucket("seen", shown.nonce): 1}
    if address:
        buckets[keys.bucket("seen-from", limits.address_bucket(address))] = form.submissions_per_address
    if limits.hit(session, buckets, window_s=WINDOW_S, at=at) is None:
        optin_forms.tally(session, form.id, "seen", at=at)


def inserted_form_seen(session: Session, token: str, *, at: datetime) -> None:
    """The person has the form on their screen. Only the first time counts; an unknown token is passed over."""
    seen = session.execute(
        update(InsertedForm)
        .where(InsertedForm.token == token, InsertedForm.seen_at.is_(None))
        .values(seen_at=at)
        .returning(InsertedForm.id, InsertedForm.form_id, InsertedForm.conversation_id)
    ).one_or_none()
    if seen is None:
        return
    optin_forms.tally(session, seen.form_id, "seen", at=at)
    if seen.conversation_id is not None:
        conversations.mark_form_changed(session, seen.conversation_id, seen.id, is_answered=False, at=at)
