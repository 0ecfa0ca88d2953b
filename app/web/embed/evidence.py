"""The evidence of an answer: who answered, where, and what the page showed, as far as the request tells."""

from dataclasses import replace

from flask import request

from app.core import origins
from app.core.forms import views as form_views
from app.core.forms import wording as form_wording
from app.core.forms.form_view import FormView
from app.core.forms.render_token import RenderToken
from app.core.ledger.evidence import Evidence
from app.models import Channel, EvidenceLevel, Source
from app.web.embed import masking
from app.web.embed.forms import AnswerForm
from app.web.form_page.evidence import evidence_of_page
from app.web.form_page.page import FormPage
from app.web.security import public_url
from app.web.services import keys


def evidence_of(form: AnswerForm, view: FormView, page: FormPage, shown: RenderToken | None) -> Evidence:
    """The evidence of this request."""
    is_saved = bool(shown and shown.destination_hash)
    evidence = replace(
        evidence_of_page(page, view, page.wording(is_saved=is_saved), Source.FORM, level_of(view)),
        origin=shown.origin if shown else None,
        page=form.claimed_page(_framing_origins(page.context.origins)),
    )
    return evidence.with_details(**(_shown_number(view) if is_saved else _typed_number(form, view)))


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
    return EvidenceLevel.SIGNED_IDENTITY if masking.may_show_full_number(view) else EvidenceLevel.PERSONAL_LINK


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


def _framing_origins(allowed_origins: tuple[str, ...]) -> tuple[str, ...]:
    """The origins that may frame the form: the allowed ones, and our own."""
    own = origins.of(public_url())
    return (*allowed_origins, own) if own else allowed_origins


def _shown_number(view: FormView) -> dict[str, str]:
    """The saved number or address as it was on the screen: masked or in full."""
    saved = form_views.saved_destination(keys(), view)
    return {"shown_as": masking.saved_number(view, saved, is_full=masking.may_show_full_number(view))}


def _typed_number(form: AnswerForm, view: FormView) -> dict[str, str]:
    """What the person typed, and the country that they chose."""
    chosen = {"country": form.country.data} if view.form.channel == Channel.SMS and form.country.data else {}
    return {"typed_as": form.typed_text(view.form.channel), **chosen}
