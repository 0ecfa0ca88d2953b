"""The number on the page: masked, or in full for a signed user of the built-in messenger."""

from flask import request

from app.core import destinations, phone
from app.core.destinations import Destination
from app.core.forms import render_token
from app.core.forms.form_view import FormView
from app.core.forms.render_token import RenderToken
from app.core.messenger import identity
from app.models import Channel
from app.web.services import keys


def may_show_full_number(view: FormView) -> bool:
    """Whether this reader sees the saved number in full.

    ``?full=`` is a proof. For a GET, the messenger's API made it for a signed user and one form. For an answer, the
    page that was answered made it.
    """
    if view.insertion is None or view.respondent is None:
        return False
    proof = request.args.get("full", "") if request.query_string else ""
    if request.method == "POST":
        shown = request.form.get("shown", "")
        return identity.was_shown_in_full(keys(), proof, shown, max_age_s=render_token.MAX_AGE_S)
    return identity.may_show_full_number(keys(), proof, view.insertion.token, view.respondent.contact_id)


def saved_number(view: FormView, saved: Destination | None, *, is_full: bool) -> str:
    """The saved number or address as this reader may see it; empty when there is none."""
    return _displayed(saved, view.form.channel, is_full=is_full) if saved else ""


def signed_up_number(
    view: FormView, destination: Destination | None, shown: RenderToken | None, *, is_full: bool
) -> str:
    """The number that was signed up: in full if the reader typed it or saw it in full before."""
    if destination is None:
        return ""
    is_known = shown is not None and (is_full or shown.destination_hash is None)
    return _displayed(destination, view.form.channel, is_full=is_known)


def proof_for_answer(signed_token: str) -> str:
    """The proof in the address that a page with the full number sends its answer to."""
    return identity.full_answer_proof(keys(), signed_token)


def _displayed(destination: Destination, channel: str, *, is_full: bool) -> str:
    if not is_full:
        return destinations.masked(destination.value, channel)
    return phone.formatted(destination.value) if channel == Channel.SMS else destination.value
