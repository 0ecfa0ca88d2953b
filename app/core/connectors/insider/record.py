"""One user of an upsert as Insider's contract has it, and why one is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core import email, phone
from app.core.ledger.evidence import Evidence
from app.models import EvidenceLevel, Source

# What each identifier is in a contact.
COLUMNS = {"uuid": "external_id", "email": "email", "phone_number": "phone"}


class Refusal(Exception):
    """Nothing of this record is stored.

    :param path: the part at fault, with dots, and the rule as its end: ``identifiers.email.differs``
    """

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path, self.sentence = path, sentence


@dataclass(frozen=True)
class Identifiers:
    """Whom a record is about, as contacts store it. At least one is given; null: not given."""

    uuid: str | None = None
    email: str | None = None
    phone_number: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Identifiers":
        """From valid values. A number that no numbering plan has stays as it was given."""
        address, number = given.get("email"), given.get("phone_number")
        return cls(
            uuid=given.get("uuid"),
            email=email.normalize(address) if address else None,
            phone_number=phone.normalize(number)[0] if number else None,
        )

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value is not None}

    @property
    def columns(self) -> dict[str, str]:
        """The given ones by the column of a contact."""
        return {COLUMNS[name]: value for name, value in self.given.items()}


@dataclass(frozen=True)
class Record:
    """What a client says about one person. Null: not said.

    :param profile: fields of ``profile.change``
    :param custom: custom attributes; a list is added to the one that is stored, unless ``replaces_lists``
    :param has_events: it says what the person did
    """

    identifiers: Identifiers
    profile: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    replaces_lists: bool = False
    sms_optin: bool | None = None
    gdpr_optin: bool | None = None
    email_optin: bool | None = None
    has_events: bool = False

    @property
    def is_about_events_alone(self) -> bool:
        optins = (self.sms_optin, self.gdpr_optin, self.email_optin)
        return not self.profile and not self.custom and optins == (None, None, None)


def evidence_of(actor: str, partner: str) -> Evidence:
    """The evidence of everything that a client of this contract reports.

    :param actor: its token (``api:4``)
    :param partner: the name that it gives itself
    """
    details = {"connector": "insider", "partner": partner}
    return Evidence(Source.CONNECTOR, actor, EvidenceLevel.REPORTED, details=details)
