"""Record that a person saw a form."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.core import rate_limits
from app.core.consent.reach import IS_WITHIN_REACH
from app.core.conversations import forms as conversation_forms
from app.core.errors import NotFound
from app.core.forms import daily_counts
from app.core.forms.form_view import INSERTED_BY_PAGE
from app.core.forms.render_token import RenderToken
from app.core.signing import keys_of
from app.core.submissions.submit import WINDOW_S
from app.models import Contact, InsertedForm, OptInForm, RateCounter, Workspace

_IS_CONTACT_WITHIN_REACH = select(Contact.id).where(Contact.id == InsertedForm.contact_id, IS_WITHIN_REACH).exists()


def public_form_seen(session: Session, form_key: str, shown: RenderToken, *, address: str | None, at: datetime) -> None:
    """Count one render of a public form as seen, once. Renders over the IP address's limit are not counted.

    :raises NotFound: no form has this key
    """
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
        buckets[keys.bucket("seen-from", rate_limits.address_bucket(address))] = form.submissions_per_address
    if rate_limits.hit(session, buckets, window_s=WINDOW_S, at=at) is None:
        daily_counts.add(session, form.id, "seen", locale=shown.locale, at=at)


def inserted_form_seen(session: Session, token: str, *, locale: str = "", at: datetime) -> None:
    """Record that an inserted form was seen. Only the first time counts; an unknown token is ignored.

    Nothing is recorded about a contact that is out of reach: its form is not offered.

    :param locale: the language that it was shown in; empty when it is unknown
    """
    seen = session.execute(
        update(InsertedForm)
        .where(InsertedForm.token == token, InsertedForm.seen_at.is_(None))
        .where(or_(InsertedForm.contact_id.is_(None), _IS_CONTACT_WITHIN_REACH))
        .values(seen_at=at)
        .returning(InsertedForm.id, InsertedForm.form_id, InsertedForm.conversation_id)
    ).one_or_none()
    if seen is None:
        return
    daily_counts.add(session, seen.form_id, "seen", locale=locale, at=at)
    if seen.conversation_id is not None:
        conversation_forms.mark_changed(session, seen.conversation_id, seen.id, is_answered=False, at=at)


def only_by_answer(session: Session, inserted_form_ids: Collection[int]) -> set[int]:
    """Of these answered forms, those that were seen without scripts: their answer is the first that is known of them.

    Whether a page of a public form was counted is known while its rate counter is kept. A page that was open for longer
    is taken as counted, because nearly all are.
    """
    columns = ("id", "token", "inserted_by", "created_at", "seen_at", "answered_at")
    found = select(*(getattr(InsertedForm, name) for name in columns)).where(InsertedForm.id.in_(inserted_form_ids))
    answered = [row for row in session.execute(found) if row.answered_at is not None]
    recent = timedelta(seconds=WINDOW_S)
    public = {
        keys_of(session).bucket("seen", row.token): row.id
        for row in answered
        if row.inserted_by == INSERTED_BY_PAGE and row.answered_at - row.created_at < recent
    }
    counted = set(session.scalars(select(RateCounter.bucket).where(RateCounter.bucket.in_(public))))
    sent = {row.id for row in answered if row.inserted_by != INSERTED_BY_PAGE and row.seen_at == row.answered_at}
    return sent | {inserted_form_id for bucket, inserted_form_id in public.items() if bucket not in counted}
