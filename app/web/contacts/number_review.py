"""An agent's decision about a contact's number that is under review."""

from flask import flash
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.consent import suppressions
from app.core.errors import InvalidState, NotFound
from app.core.wording import translatable
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import back_to, done_or_page
from app.web.contacts.profile_forms import KEEP, REVIEW_PREFIX, ProfileForms, ReviewForm
from app.web.i18n import gettext
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

_KEPT = translatable("Texts stay stopped. Only the holder of the number can change that.")
_RELEASED = translatable("Texts are allowed again.")
_DECIDED_BEFORE = translatable("A teammate or the number’s holder has decided about this number already.")


@blueprint.post("/contacts/<public_id>/number-review")
@agent_required
def decide_number(public_id: str) -> ResponseReturnValue:
    form = ReviewForm(prefix=REVIEW_PREFIX)
    return done_or_page(_decided, public_id, ProfileForms(review=form), form)


def decide(form: ReviewForm, phone_hash: str) -> str:
    """Carry the decision out. Returns the sentence that says what it did."""
    is_kept = form.decision.data == KEEP
    carry_out = suppressions.keep if is_kept else suppressions.release
    try:
        with unit_of_work() as session:
            carry_out(session, phone_hash, form.note.data or "", actor=current_actor(), at=clock.now())
    except (InvalidState, NotFound):
        return _DECIDED_BEFORE
    return _KEPT if is_kept else _RELEASED


def _decided(form: ReviewForm, public_id: str) -> ResponseReturnValue:
    flash(gettext(decide(form, form.suppression.data or "")))
    return back_to(public_id)
