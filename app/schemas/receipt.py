"""The schema of a consent receipt. Every field is signed, so it is dumped as it was made."""

from typing import Any

from marshmallow import fields, validate

from app.schemas.fields import Constant, Output


def _field(kind: type[fields.Field[Any]], key: str, description: str, **options: Any) -> Any:
    """A required field whose name is no identifier."""
    return kind(required=True, data_key=key, attribute=key, metadata={"description": description}, **options)


def _part(description: str) -> Any:
    return fields.Dict(required=True, allow_none=True, metadata={"description": description})


class ConsentReceiptSchema(Output):
    """A signed receipt as ``core/proof/receipts.py`` makes it."""

    type = Constant("consent_receipt")
    context = _field(fields.Dict, "@context", "the namespaces of JSON-LD")
    iri = _field(fields.String, "@id", "urn:uuid: and the receipt id")
    linked_type = _field(fields.String, "@type", "dpv:ConsentReceipt")
    conforms_to = _field(fields.String, "dct:conformsTo", "the profile of ISO/IEC TS 27560")
    identifier = _field(fields.String, "dct:identifier", "the receipt id, a UUID")
    issued = _field(fields.String, "dct:issued", "when this receipt was made, UTC")
    publisher = _field(fields.String, "dct:publisher", "the address of this installation")
    record = _field(fields.Dict, "dct:hasPart", "the consent record: the fields of ISO/IEC TS 27560 in W3C DPV")
    kantara = _part("the same as a Kantara Consent Receipt 1.1")
    status = fields.String(required=True, validate=validate.OneOf(["sealed", "pending"]))
    explanation = fields.String(required=True)
    event = _part("the event as it is hashed (RFC 8785)")
    evidence = _part("the evidence and the salt of its hash; null once it was erased")
    words = fields.String(required=True, allow_none=True, metadata={"description": "the text that was on the screen"})
    proof = _part("the path from the event to a signed seal; null while the event is not sealed")
    signed_by = _part("the public key; null before the first seal of the installation")
    signature = fields.String(
        required=True, allow_none=True, metadata={"description": "Ed25519, over all other fields"}
    )
