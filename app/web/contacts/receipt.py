"""The receipt of one event: a page that prints well, and the signed document as a file."""

import json
from typing import Any

from flask import Response, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock, phone
from app.core.contacts import records as contacts
from app.core.errors import InvalidState
from app.core.ledger.events import LedgerLine
from app.core.proof import pdf, receipts, rule_words
from app.core.subscriptions.earlier_texts import EarlierTypes
from app.core.workspace import settings
from app.models import Contact
from app.web import formatting, shown_words
from app.web.contacts import labels, receipt_document
from app.web.contacts.blueprint import blueprint
from app.web.security import public_url
from app.web.services import read_only
from app.web.sign_in.setup import agent_required


@blueprint.get("/receipts/<int:event_id>")
@agent_required
def receipt_page(event_id: int) -> ResponseReturnValue:
    """The event as the person saw it, what proves it, and which elements of which rule the record shows."""
    with read_only() as session:
        line = receipts.line_of(session, event_id)
        made = receipts.receipt(session, line, issuer=public_url(), at=clock.now())
        return render_template(
            "contacts/receipt.html",
            line=line,
            contact=_contact_of(session, line),
            receipt=made,
            is_intact=receipts.is_intact(session, made),
            assessments=receipts.assessments(session, [line])[event_id],
            elements=rule_words.ELEMENTS,
            has_pdf=pdf.is_available(),
            type_of=EarlierTypes(session).of,
            agents=formatting.actor_names(session),
            workspace=settings.get(session),
            time_zone=settings.get(session).time_zone,
            labels=labels,
            evidence=shown_words,
            formatted=phone.formatted,
        )


@blueprint.get("/receipts/<int:event_id>.json")
@agent_required
def receipt_file(event_id: int) -> ResponseReturnValue:
    """The signed receipt, to save."""
    with read_only() as session:
        line = receipts.line_of(session, event_id)
        made = receipts.receipt(session, line, issuer=public_url(), at=clock.now())
    return attachment(as_text(made), "application/json", f"receipt-{event_id}.json")


@blueprint.get("/receipts/<int:event_id>.pdf")
@agent_required
def receipt_pdf(event_id: int) -> ResponseReturnValue:
    """The page as PDF.

    :raises NotAvailable: the extra ``pdf`` is not installed
    :raises InvalidState: the event or its evidence was altered
    """
    with read_only() as session:
        line = receipts.line_of(session, event_id)
        made = receipts.receipt(session, line, issuer=public_url(), at=clock.now())
        if not receipts.is_intact(session, made):
            raise InvalidState("This record was changed after it was sealed. Do not rely on it.")
        about = EarlierTypes(session).of(line.event)
        document = receipt_document.document(
            line,
            made,
            receipts.assessments(session, [line])[event_id],
            about.name if about else "",
            settings.get(session),
            _contact_of(session, line),
        )
    return attachment(pdf.make(document), "application/pdf", f"receipt-{event_id}.pdf")


def _contact_of(session: Session, line: LedgerLine) -> Contact | None:
    """The contact that an event is about, or the one that it was merged into."""
    return contacts.find_surviving(session, line.contact) if line.contact else None


def as_text(receipt: dict[str, Any]) -> str:
    """A receipt as a file that people can read, too."""
    return json.dumps(receipt, ensure_ascii=False, indent=2) + "\n"


def attachment(content: str | bytes, media_type: str, name: str) -> Response:
    """A response that browsers save as a file with this name (ASCII)."""
    response = Response(content, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
