"""The saved number: masked for everybody, in full for a signed user inside the built-in messenger."""

from app.core import phone
from app.core.destinations import Destination
from app.core.forms.views import SHOWN_MAX_AGE_S, FormView
from app.core.messenger import identity as messenger_identity
from app.models import Channel
from app.web.embed import request_data as reader
from app.web.exchange import Asked
from app.web.services import keys


def is_allowed(asked: Asked, view: FormView) -> bool:
    """Whether this reader sees the number in full.

    ``?full=`` is what the messenger's API gave a signed user for this one form a moment ago; with an answer, what stood
    in the page that showed it to them.
    """
    proof = asked.args.get("full", "") if asked.query_string else ""
    if asked.method == "POST":
        shown = asked.form.get("shown", "")
        return messenger_identity.was_shown_in_full(keys(), proof, shown, max_age_s=SHOWN_MAX_AGE_S)
    return messenger_identity.may_show_full_number(keys(), proof, view.token, view.contact_id)


def number(view: FormView, saved: Destination | None, *, is_full: bool) -> str:
    """The saved number or address as this reader may see it; empty when there is none."""
    if saved is None:
        return ""
    if not is_full:
        return reader.masked(view, saved)
    return phone.formatted(saved.value) if view.channel == Channel.SMS else saved.value


def proof_for_answer(shown: str) -> str:
    """What stands in the address that a page with the full number is sent to."""
    return messenger_identity.full_answer_proof(keys(), shown)
