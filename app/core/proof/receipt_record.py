"""The record inside of a receipt, in two published formats, from plain values.

``consent_record``: the fields of ISO/IEC TS 27560 in the W3C Data Privacy Vocabulary, as JSON-LD. ``kantara``: the
Kantara Consent Receipt 1.1.
Sources: https://w3id.org/dpv/guides/consent-27560, https://kantarainitiative.org/download/7902/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core import wording
from app.core.proof.rules import ShownText
from app.models import Action, Channel, ConsentEvent, ConsentEvidence, SubscriptionType, Workspace

# Whose values name things, and whose are times: else they would be plain texts for programs that read linked data.
_REFERENCES = (
    "skos:broader",
    "dct:conformsTo",
    "dpv:hasDataController",
    "dpv:hasLegalBasis",
    "dpv:hasProcessing",
)
_TIMES = ("dct:issued", "dpv:isIndicatedAtTime")
CONTEXT: Mapping[str, Any] = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "pd": "https://w3id.org/dpv/pd#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    **{name: {"@id": name, "@type": "@id"} for name in _REFERENCES},
    **{name: {"@id": name, "@type": "xsd:dateTime"} for name in _TIMES},
    # what follows is no linked data
    **dict.fromkeys(
        ("type", "kantara", "event", "evidence", "words", "proof", "status", "explanation", "signed_by"), None
    ),
    "signature": None,
}
RECORD_SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#record"
RECEIPT_SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#receipt"
KANTARA_VERSION = "KI-CR-v1.1.0"
NOT_STATED = "not stated"
_UNKNOWN_LANGUAGE = "und"
# Events that are no consent have the state that they leave a consent in.
_STATES = {
    Action.OPT_IN: "dpv:ConsentGiven",
    Action.OPT_OUT: "dpv:ConsentWithdrawn",
    Action.GDPR_OFF: "dpv:ConsentWithdrawn",
    Action.SUPPRESS: "dpv:ConsentTerminated",
    Action.ERASE: "dpv:ConsentTerminated",
}
_UNKNOWN_STATE = "dpv:ConsentUnknown"
_PERSONAL_DATA = {Channel.SMS: "pd:TelephoneNumber", Channel.EMAIL: "pd:EmailAddress"}
_UNTIL_WITHDRAWN = "Until the person withdraws it"


@dataclass(frozen=True)
class RecordedConsent:
    """What a record is made of.

    :param evidence: null after an erasure
    :param principal: the public id of the person; for an event about a number alone, its keyed hash
    :param issuer: the public address of this installation
    """

    record_id: str
    receipt_id: str
    event: ConsentEvent
    evidence: ConsentEvidence | None
    shown: ShownText | None
    subscription_type: SubscriptionType | None
    principal: str
    workspace: Workspace
    issuer: str

    @property
    def language(self) -> str:
        return (
            wording.language_tag(self.evidence.locale) if self.evidence and self.evidence.locale else _UNKNOWN_LANGUAGE
        )

    @property
    def controller(self) -> str:
        return self.workspace.controller_name or self.workspace.name

    @property
    def contact(self) -> str:
        return self.workspace.controller_contact or self.workspace.help_contact or NOT_STATED

    @property
    def jurisdiction(self) -> str:
        return self.workspace.jurisdiction or NOT_STATED

    @property
    def method(self) -> str:
        """How it was collected: source, level of evidence and page."""
        page = self.evidence.page or self.evidence.origin if self.evidence else None
        return ", ".join(filter(None, (self.event.source, self.event.evidence_level, page)))

    @property
    def channels(self) -> list[Channel]:
        return [Channel(self.subscription_type.channel)] if self.subscription_type else list(Channel)

    @property
    def withdrawal(self) -> str:
        return f"With the personal link to the preference center, or by asking: {self.contact}"

    @property
    def purpose(self) -> tuple[str, str]:
        """Name and description of the subscription type in the language of the page, and the workspace's purpose."""
        name, description = _texts_of(self.subscription_type, self.evidence.locale if self.evidence else None)
        own = self.workspace.purpose
        return name or own or "Messages of every type", ". ".join(
            filter(None, (description.rstrip("."), own.rstrip(".")))
        )

    @property
    def consent_type(self) -> str:
        """Expressed: by a button. Explicitly expressed: by a box for it. Else it is not known what the person did."""
        if self.shown is None:
            return "dpv:Consent"
        return "dpv:ExplicitlyExpressedConsent" if self.shown.box else "dpv:ExpressedConsent"


def consent_record(about: RecordedConsent) -> dict[str, Any]:
    """The record as JSON-LD. Each mandatory field is there; one without a value says ``not stated``."""
    return {
        "@id": f"urn:uuid:{about.record_id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": RECORD_SCHEMA,
        "dct:identifier": about.record_id,
        "dpv:hasIdentifier": about.record_id,
        "dct:language": about.language,
        "dpv:hasDataSubject": {
            "@type": "dpv:DataSubject",
            "dct:identifier": about.principal,
            "dpv:hasIdentifier": about.principal,
        },
        "dpv:hasNotice": _notice(about),
        "dpv:hasProcess": [_process(about)],
        "dpv:hasEntity": [_controller(about)],
        "dpv:hasConsentStatus": {
            "@type": [_STATES.get(Action(about.event.action), _UNKNOWN_STATE), about.consent_type],
            "dpv:isIndicatedAtTime": iso(about.event.occurred_at),
            "dpv:hasDuration": {"@type": "dpv:UntilEventDuration", "rdf:value": _UNTIL_WITHDRAWN},
            "dpv:isIndicatedBy": about.principal if about.event.actor == "contact" else about.event.actor,
            "dpv:hasIndicationMethod": about.method,
        },
    }


def kantara(about: RecordedConsent) -> dict[str, Any]:
    """The same as a Kantara Consent Receipt 1.1."""
    name, description = about.purpose
    controller = {
        "piiController": about.controller,
        "contact": about.contact,
        "address": {"streetAddress": about.workspace.controller_address or NOT_STATED},
        "email": about.contact if "@" in about.contact else NOT_STATED,
        "phone": about.contact if about.contact.startswith("+") else NOT_STATED,
    }
    purpose = {
        "purpose": f"{name}: {description}" if description else name,
        "purposeCategory": ["Marketing"] if about.subscription_type is None else [about.subscription_type.name],
        "consentType": "EXPLICIT" if about.shown is not None else "NOT STATED",
        "piiCategory": [each.removeprefix("pd:") for each in _personal_data(about)],
        "primaryPurpose": True,
        "termination": about.withdrawal,
        "thirdPartyDisclosure": bool(about.workspace.recipients),
        "thirdPartyName": ", ".join(about.workspace.recipients) or "none",
    }
    return {
        "version": KANTARA_VERSION,
        "jurisdiction": about.jurisdiction,
        "consentTimestamp": int(about.event.occurred_at.timestamp()),
        "collectionMethod": about.method,
        "consentReceiptID": about.receipt_id,
        "language": about.language,
        "piiPrincipalId": about.principal,
        "piiControllers": [controller],
        "policyUrl": about.workspace.privacy_url or NOT_STATED,
        "services": [{"service": about.workspace.name, "purposes": [purpose]}],
        "sensitive": False,
        "spiCat": [],
    }


def iso(at: datetime) -> str:
    """A time in UTC with microseconds, as ISO 8601."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def _texts_of(subscription_type: SubscriptionType | None, locale: str | None) -> tuple[str, str]:
    if subscription_type is None:
        return "", ""
    for each in subscription_type.translations:
        if each.locale == locale:
            return each.name, each.description
    return subscription_type.name, subscription_type.description


def _notice(about: RecordedConsent) -> dict[str, Any]:
    """The text that the person saw, by its hash: the receipt has the text itself in ``words``."""
    wording_hash = about.evidence.wording_hash if about.evidence else None
    return {
        "@type": "dpv:ConsentNotice",
        "dct:identifier": f"sha256:{wording_hash}" if wording_hash else NOT_STATED,
        "dct:language": about.language,
        "schema:url": about.workspace.privacy_url or NOT_STATED,
    }


def _process(about: RecordedConsent) -> dict[str, Any]:
    name, description = about.purpose
    years = about.workspace.evidence_retention_years
    gdpr = (("Right to withdraw consent", "A7-3"), ("Right of access", "A15"), ("Right to erasure", "A17"))
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": [
            {
                "@type": "dpv:Purpose",
                "skos:broader": "dpv:CommunicationManagement",
                "dct:title": name,
                "dct:description": description,
            }
        ],
        "dpv:hasPersonalData": [{"@type": "dpv:PersonalData", "skos:broader": each} for each in _personal_data(about)],
        "dpv:hasProcessing": ["dpv:Collect", "dpv:Store", "dpv:Use"],
        "dpv:hasDataSource": [{"@type": "dpv:DataSubjectDataSource", "dct:description": about.method}],
        "dpv:hasLegalBasis": about.consent_type,
        "dpv:hasDataController": [about.issuer],
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": about.workspace.storage_location or NOT_STATED},
            {
                "@type": "dpv:StorageDuration",
                "dpv:hasDuration": f"P{years}Y",
                "dct:description": f"{years} years after the last opt-out; opt-outs themselves never expire",
            },
        ],
        "dpv:hasRecipient": about.workspace.recipients or ["none"],
        "dpv:hasJurisdiction": [about.jurisdiction],
        "dpv:hasConsentControl": [
            {
                "@type": "dpv:WithdrawConsent",
                "dct:description": about.withdrawal,
                "dpv:isExercisedAt": about.workspace.privacy_url or about.issuer,
            }
        ],
        "dpv:hasRight": [
            {
                "@type": ["dpv:DataSubjectRight", f"eu-gdpr:{article}"],
                "dct:title": title,
                "dpv:isExercisedAt": about.contact,
            }
            for title, article in gdpr
        ],
    }


def _personal_data(about: RecordedConsent) -> list[str]:
    kinds = [_PERSONAL_DATA[each] for each in about.channels]
    return [*kinds, "pd:IPAddress"] if about.evidence and about.evidence.ip_address else kinds


def _controller(about: RecordedConsent) -> dict[str, Any]:
    contact = about.contact
    kind = "schema:email" if "@" in contact else "schema:telephone" if contact.startswith("+") else "schema:url"
    return {
        "@id": about.issuer,
        "@type": ["dpv:Organisation", "dpv:DataController"],
        "dpv:hasIdentifier": about.issuer,
        "dpv:hasName": about.controller,
        "schema:contactPoint": {"@type": "schema:ContactPoint", kind: contact},
        "schema:address": {
            "@type": "schema:PostalAddress",
            "schema:streetAddress": about.workspace.controller_address or NOT_STATED,
        },
    }
