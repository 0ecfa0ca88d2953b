"""The evidence of an answer: who answered, where, and what the page showed, as far as the request tells."""

from flask import request

from app.core import origins
from app.core.forms import wording as form_wording
from app.core.forms.render_token import RenderToken
from app.core.forms.views import FormView
from app.core.ledger.evidence import Evidence
from app.core.submissions.answers import INSERTED_BY_PAGE
from app.models import ContactRole, EvidenceLevel, Source
from app.web.embed import masking
from app.web.embed.forms import AnswerForm
from app.web.form_page.page import FormPage
from app.web.security import client_address


def evidence_of(form: AnswerForm, view: FormView, page: FormPage, shown: RenderToken | None) -> Evidence:
    """The evidence of this request."""
    return Evidence(
        source=Source.FORM,
        actor="contact",
        level=_level(view),
        ip_address=client_address(request),
        user_agent=request.headers.get("User-Agent"),
        origin=shown.origin if shown else None,
        page=form.claimed_page(page.context.origins),
        locale=page.context.locale,
        words=page.wording(is_saved=bool(shown and shown.destination_hash)),
        form_version_id=view.form.version_id,
        details=form_wording.evidence_details(view.form.type_name, view.form.channel),
    )


def framing_origin(allowed_origins: tuple[str, ...]) -> str | None:
    """The origin of the page that frames the form, as the browser reports it; null unless it is allowed.

    The built-in messenger frames the form from our own origin and passes on its parent's with ``?from=``.
    """
    origin = origins.of(request.headers.get("Referer", ""))
    if request.headers.get("Sec-Fetch-Site") == "same-origin" and origin not in allowed_origins:
        origin = request.args.get("from", "")
    return origin if origin in allowed_origins else None


def _level(view: FormView) -> EvidenceLevel:
    """How sure we are who answers. A lead may be anyone who typed a number, has a link or wrote in an unsigned chat."""
    insertion, respondent = view.insertion, view.respondent
    if view.user_id is not None:
        return EvidenceLevel.SIGNED_IDENTITY
    if insertion is None or respondent is None:
        return EvidenceLevel.WEB_UNVERIFIED
    if respondent.role != ContactRole.USER or insertion.inserted_by == INSERTED_BY_PAGE:
        return EvidenceLevel.WEB_UNVERIFIED
    return EvidenceLevel.SIGNED_IDENTITY if masking.may_show_full_number(view) else EvidenceLevel.PERSONAL_LINK
