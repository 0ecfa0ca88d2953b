"""Every number that is held until a person decides, with what its holder wrote."""

from functools import partial

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core import phone
from app.core.inbound import reviews
from app.core.workspace import settings
from app.web.contacts.blueprint import blueprint
from app.web.contacts.number_review import decide
from app.web.contacts.profile_forms import ReviewForm
from app.web.formkit import accepted
from app.web.i18n import gettext
from app.web.services import read_only
from app.web.sign_in.setup import agent_required


@blueprint.get("/number-reviews")
@agent_required
def number_reviews() -> str:
    return _page()


@blueprint.post("/number-reviews/<phone_hash>")
@agent_required
def decide_review(phone_hash: str) -> ResponseReturnValue:
    form = ReviewForm(prefix=_prefix(phone_hash))
    return accepted(form, partial(_decided, phone_hash=phone_hash)) or (_page(phone_hash, form), 422)


@blueprint.app_template_global()
def number_review_count() -> int:
    """How many numbers the navigation announces; read once a request, however often it is shown."""
    if "number_review_count" not in g:
        with read_only() as session:
            g.number_review_count = reviews.count_waiting(session)
    return int(g.number_review_count)


def _decided(form: ReviewForm, phone_hash: str) -> ResponseReturnValue:
    flash(gettext(decide(form, phone_hash)))
    return redirect(url_for("contacts.number_reviews"), 303)


def _page(sent_hash: str | None = None, sent: ReviewForm | None = None) -> str:
    """The list; one of its forms may have been sent and have mistakes."""
    with read_only() as session:
        found = reviews.waiting(session)
        hashes = [each.suppression.phone_hash for each in found]
        forms = {each: ReviewForm(formdata=None, prefix=_prefix(each)) for each in hashes}
        if sent_hash in forms and sent is not None:
            forms[sent_hash] = sent
        return render_template(
            "contacts/number_reviews.html",
            found=found,
            forms=forms,
            most=reviews.COUNT_MAX,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )


def _prefix(phone_hash: str) -> str:
    return f"review-{phone_hash[:8]}-"
