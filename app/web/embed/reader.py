"""The reader of a form's page: how sure we are who it is, which number they may see, and the evidence of their acts."""

from dataclasses import replace
from urllib.parse import urlsplit

from flask import request

from app.core import destinations, origins
from app.core.destinations import Destination
from app.core.forms import render_token
from app.core.forms import views as form_views
from app.core.forms import wording as form_wording
from app.core.forms.form_view import FormView
from app.core.forms.render_token import RenderToken
from app.core.ledger.evidence import Evidence
from app.core.messenger import identity
from app.models import Channel, EvidenceLevel, Source
from app.web.embed.forms import AnswerForm
from app.web.form_page.evidence import evidence_of_page
from app.web.form_page.page import FormPage
from app.web.security import public_url
from app.web.services import keys


def evidence_of(form: AnswerForm, view: FormView, page: FormPage, shown: RenderToken | None) -> Evidence:
    """The evidence of this request."""
    is_saved = bool(shown and shown.destination_hash)
    evidence = evidence_of_page(page, view, page.wording(is_saved=is_saved), Source.FORM, level_of(view))
    return replace(
        evidence,
        origin=shown.origin if shown else None,
        page=_claimed_page(form.page.data or "", page.context.origins),
        details={**evidence.details, **(_shown_number(view) if is_saved else _typed_number(form, view))},
    )


def undo_evidence(view: FormView, page: FormPage) -> Evidence:
    """The evidence of an undo."""
    words = form_wording.undo_wording(page.context, page.texts)
    return evidence_of_page(page, view, words, Source.FORM, level_of(view))


def withdraw_evidence(view: FormView, page: FormPage) -> Evidence:
    """The evidence of a withdrawal."""
    words = form_wording.withdraw_wording(page.context, page.texts)
    return evidence_of_page(page, view, words, Source.FORM, level_of(view))


def level_of(view: FormView) -> EvidenceLevel:
    """How sure we are who answers."""
    if view.is_unverified:
        return EvidenceLevel.WEB_UNVERIFIED
    if view.user_id is not None:
        return EvidenceLevel.SIGNED_IDENTITY
    return EvidenceLevel.SIGNED_IDENTITY if may_show_full_number(view) else EvidenceLevel.PERSONAL_LINK


def is_suppressed(view: FormView) -> bool:
    """Whether texts to the saved number are stopped, as far as this reader may know it: only the person themselves."""
    if level_of(view) == EvidenceLevel.WEB_UNVERIFIED or view.respondent is None or view.form.channel != Channel.SMS:
        return False
    return view.respondent.is_suppressed


def framing_origin(allowed_origins: tuple[str, ...]) -> str | None:
    """The origin of the page that frames the form, as the browser reports it; null unless it is allowed or our own.

    The built-in messenger frames the form from our own origin and passes on its parent's with ``?from=``.
    """
    origin = origins.of(request.headers.get("Referer", ""))
    if request.headers.get("Sec-Fetch-Site") == "same-origin" and origin not in allowed_origins:
        is_framed = request.headers.get("Sec-Fetch-Dest") == "iframe"
        origin = request.args.get("from") or (origin if is_framed else "")
    return origin if origin in _framing_origins(allowed_origins) else None


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


def _claimed_page(claimed: str, allowed_origins: tuple[str, ...]) -> str | None:
    """The address of the framing page as its script reports it; null unless its origin is allowed."""
    if not claimed or origins.of(claimed) not in _framing_origins(allowed_origins):
        return None
    parts = urlsplit(claimed)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _framing_origins(allowed_origins: tuple[str, ...]) -> tuple[str, ...]:
    """The origins that may frame the form: the allowed ones, and our own."""
    own = origins.of(public_url())
    return (*allowed_origins, own) if own else allowed_origins


def _shown_number(view: FormView) -> dict[str, str]:
    """The saved number or address as it was on the screen: masked or in full."""
    saved = form_views.saved_destination(keys(), view)
    return {"shown_as": saved_number(view, saved, is_full=may_show_full_number(view))}


def _typed_number(form: AnswerForm, view: FormView) -> dict[str, str]:
    """What the person typed, and the country that they chose."""
    chosen = {"country": form.country.data} if view.form.channel == Channel.SMS and form.country.data else {}
    return {"typed_as": form.typed_text(view.form.channel), **chosen}


def _displayed(destination: Destination, channel: str, *, is_full: bool) -> str:
    if not is_full:
        return destinations.masked(destination.value, channel)
    return destination.formatted if channel == Channel.SMS else destination.value
