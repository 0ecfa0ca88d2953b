"""The evidence of an act on a form's page: what the page showed, and who sent it, as far as the request tells."""

from flask import g, request

from app.core.forms.form_view import INSERTED_BY_PAGE, FormView, evidence_details
from app.core.ledger.evidence import Evidence
from app.core.wording import FrozenWording
from app.models import EvidenceLevel, Source
from app.web.form_page.page import FormPage


def evidence_of_page(
    page: FormPage, view: FormView, words: FrozenWording, source: Source, level: EvidenceLevel
) -> Evidence:
    """The evidence of this request.

    :param words: what the page showed
    :param level: how sure we are who acts
    """
    return Evidence(
        source=source,
        actor="contact",
        level=level,
        ip_address=g.client_address,
        user_agent=request.headers.get("User-Agent"),
        locale=page.context.locale,
        words=words,
        form_version_id=page.context.version_id,
        details={**evidence_details(view.form.type_name, view.form.channel), **_form_details(view)},
    )


def _form_details(view: FormView) -> dict[str, str | int]:
    """Which form it was; of an inserted one, who inserted it and in which conversation."""
    details: dict[str, str | int] = {"form": view.form.name, "form_version": view.form.number}
    insertion = view.insertion
    if insertion is not None and insertion.inserted_by != INSERTED_BY_PAGE:
        details["inserted_by"] = insertion.inserted_by
    if insertion is not None and insertion.conversation_id is not None:
        details["conversation"] = insertion.conversation_id
    return details
