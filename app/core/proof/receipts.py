"""The receipt of one event: a signed document that proves it without this server."""

import base64
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core import phone
from app.core.errors import InvalidState, NotFound
from app.core.ledger import canonical, merkle, seals, signing_keys
from app.core.ledger import events as ledger
from app.core.ledger import evidence as ledger_evidence
from app.core.ledger.canonical import canonical_json
from app.core.ledger.events import LedgerLine
from app.core.ledger.proofs import inclusion_proof
from app.core.proof import receipt_check, receipt_record, rules
from app.core.proof.element_checks import ConsentFacts
from app.core.proof.receipt_check import Verdict
from app.core.proof.receipt_record import RecordedConsent
from app.core.proof.rules import Assessment
from app.core.subscriptions.earlier_texts import EarlierTypes
from app.core.workspace import settings
from app.models import Action, Channel, ConsentEvidence, SubscriptionType, Workspace

SEALED, PENDING = "sealed", "pending"
_EXPLANATIONS = {
    SEALED: "This event is in a signed seal of the ledger. Check it with “assent receipt verify” or "
    "verify_receipt.mjs, and with the public keys from /ledger/keys.json that you saved yourself.",
    PENDING: "This event is not sealed yet. Seals follow within seconds: get a new receipt for the whole proof.",
}
_ERASED = " The evidence was erased; its hash in the event still fixes what it was."


def line_of(session: Session, event_id: int, *, contact_id: int | None = None) -> LedgerLine:
    """One event of the ledger.

    :param contact_id: it must be of this contact, or of a contact merged into it; null: it may be any event
    :raises NotFound: there is no such event
    """
    if contact_id is None:
        line = ledger.find(session, event_id)
    else:
        line = ledger.find_of_contact(session, contact_id, event_id)
    if line is None:
        raise NotFound("There is no such consent event.")
    return line


def receipt(session: Session, line: LedgerLine, *, issuer: str, at: datetime) -> dict[str, Any]:
    """The receipt of an event, signed by the key that is active now. It holds the evidence in full, with its salt.

    ``status`` is ``pending``, and ``proof`` null, while the event is not sealed. Without any seal there is no key
    yet either: then ``signed_by`` and ``signature`` are null.

    :param issuer: the public address of this installation
    :raises InvalidState: the key was lost, so that nothing can be signed
    """
    return receipts_of(session, [line], issuer=issuer, at=at)[line.event.id]


def receipts_of(
    session: Session, lines: Iterable[LedgerLine], *, issuer: str, at: datetime
) -> dict[int, dict[str, Any]]:
    """The receipts of many events, by the id of the event."""
    workspace, types = settings.get(session), EarlierTypes(session)
    return {
        line.event.id: _receipt(session, line, _Issue(types.of(line.event), workspace, issuer, at)) for line in lines
    }


def assessments(session: Session, lines: Iterable[LedgerLine]) -> dict[int, list[Assessment]]:
    """The rules with what each event fulfills, by the id of the event; empty for events that give no consent."""
    workspace, types = settings.get(session), EarlierTypes(session)
    found = {line.event.id: _facts(line, types.of(line.event), workspace) for line in lines}
    return {event_id: rules.assess(facts) if facts else [] for event_id, facts in found.items()}


def is_intact(session: Session, made: Mapping[str, Any]) -> bool:
    """Whether a receipt of this installation verifies. An event or evidence that was altered later does not."""
    if made["signed_by"] is None:
        return True  # nothing was sealed yet
    ours = {each.id: each.public_key for each in signing_keys.all_keys(session) if signing_keys.is_ours(session, each)}
    return receipt_check.check(json.dumps(made), ours).verdict != Verdict.REFUSED


@dataclass(frozen=True)
class _Issue:
    """For what, by whom and when a receipt is made. The type is as it was at the time of the event."""

    subscription_type: SubscriptionType | None
    workspace: Workspace
    issuer: str
    at: datetime


def _receipt(session: Session, line: LedgerLine, issue: _Issue) -> dict[str, Any]:
    proof, at, issuer = inclusion_proof(session, line.event.id), issue.at, issue.issuer
    leaf = merkle.leaf_hash(canonical.event_bytes(line.event))
    record_id = uuid.uuid5(uuid.NAMESPACE_OID, leaf.hex())
    receipt_id = uuid.uuid5(record_id, receipt_record.iso(at))
    about = RecordedConsent(
        record_id=str(record_id),
        receipt_id=str(receipt_id),
        event=line.event,
        evidence=line.evidence,
        shown=rules.shown_text(line.words),
        subscription_type=issue.subscription_type,
        principal=line.contact or line.event.destination_hash or receipt_record.NOT_STATED,
        workspace=issue.workspace,
        issuer=issuer,
    )
    status = SEALED if proof else PENDING
    made = {
        "type": "consent_receipt",
        "@context": dict(receipt_record.CONTEXT),
        "@id": f"urn:uuid:{receipt_id}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": receipt_record.RECEIPT_SCHEMA,
        "dct:identifier": str(receipt_id),
        "dct:issued": receipt_record.iso(at),
        "dct:publisher": issuer,
        "dct:hasPart": receipt_record.consent_record(about),
        "kantara": receipt_record.kantara(about),
        "status": status,
        "explanation": _EXPLANATIONS[status] + ("" if line.evidence else _ERASED),
        "event": canonical.event_record(line.event),
        "evidence": _evidence(line.evidence) if line.evidence else None,
        "words": line.words,
        "proof": None
        if proof is None
        else {
            "leaf": proof.leaf.hex(),
            "index": proof.index,
            "path": [each.hex() for each in proof.path],
            "seal": seals.record(proof.seal),
            "seal_signature": _base64url(proof.seal.signature),
        },
    }
    return _signed(session, made)


def _facts(line: LedgerLine, subscription_type: SubscriptionType | None, workspace: Workspace) -> ConsentFacts | None:
    """What the rules are compared with; null for events that give no consent."""
    if line.event.action not in {Action.OPT_IN, Action.CLAIM} or subscription_type is None:
        return None
    evidence, shown = line.evidence, rules.shown_text(line.words)
    destination = evidence.destination if evidence else None
    is_number = destination is not None and subscription_type.channel == Channel.SMS
    return ConsentFacts(
        channel=subscription_type.channel,
        source=line.event.source,
        level=line.event.evidence_level,
        is_erased=evidence is None,
        text=shown.text if shown else None,
        brand=shown.brand if shown else "",
        button=shown.button if shown else "",
        box=shown.box if shown else "",
        notes=shown.notes if shown else (),
        links=shown.links if shown else (),
        locale=evidence.locale or "" if evidence else "",
        destination=destination,
        country=phone.normalize(destination)[1] if is_number and destination else None,
        note=evidence.note if evidence else None,
        names=(workspace.name, workspace.controller_name),
        type_name=subscription_type.name,
        address=workspace.controller_address,
    )


def _evidence(evidence: ConsentEvidence) -> dict[str, Any]:
    return {"values": ledger_evidence.values_of(evidence), "salt": (evidence.salt or b"").hex()}


def _signed(session: Session, made: Mapping[str, Any]) -> dict[str, Any]:
    key = signing_keys.active(session)
    if key is None and seals.newest(session) is None:
        return {**made, "signed_by": None, "signature": None}
    if key is None or not signing_keys.can_sign(session, key):
        raise InvalidState(
            "The key that signs receipts was lost. An admin can create a new one: run “assent keys rotate”.",
            code="signing_key_lost",
        )
    named = {name: signing_keys.jwk(key)[name] for name in ("kty", "crv", "x", "kid")}
    content = {**made, "signed_by": named}
    return {**content, "signature": _base64url(signing_keys.sign(session, key, canonical_json(content)))}


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
