"""What a page claims about a person, as the rules need it."""

import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.core import phone
from app.core.destinations import Destination
from app.core.ledger.evidence import Evidence
from app.core.messenger.identity import SignedUser
from app.core.signing import Keys
from app.core.site.user_object import UserObject
from app.models import EvidenceLevel, Source


class Doubt(StrEnum):
    """What is valid and probably a mistake of the page. Only the integration check shows it, never a response."""

    SEQUENTIAL_ID = "uuid:sequential"
    UNKNOWN_ID = "uuid:unknown"
    OTHER_ID = "uuid:mismatch"
    IMPOSSIBLE_NUMBER = "phone_number:impossible"
    NO_MOBILE_NUMBER = "phone_number:not_sms_capable"
    OTHER_NUMBER = "phone_number:differs"
    COUNTRY = "phone_number:country_not_allowed"
    NO_TYPE = "sms_optin:no_subscription_type"
    MISSING = "user:missing_when_signed_in"
    BOTH_SOURCES = "user:both_sources"


class Word(StrEnum):
    """What a page says that may change something. It says one thing: ``STOP`` before the others."""

    STOP = "stop"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


@dataclass(frozen=True)
class ClaimedNumber:
    """A number as a page said it.

    :param destination: as contacts store it
    :param block: why it cannot be texted (``phone.refusal_of_stored``); null: it can
    :param is_allowed: whether the workspace allows its country
    """

    destination: Destination
    block: str | None
    is_allowed: bool

    @property
    def is_usable(self) -> bool:
        """Whether an opt-in can be recorded for it."""
        return self.block is None and self.is_allowed

    @property
    def doubts(self) -> set[Doubt]:
        found = {
            Doubt.IMPOSSIBLE_NUMBER: self.block == "phone_invalid",
            Doubt.NO_MOBILE_NUMBER: self.block == "phone_not_sms_capable",
            Doubt.COUNTRY: not self.is_allowed,
        }
        return {doubt for doubt, applies in found.items() if applies}


@dataclass(frozen=True)
class Claim:
    """What one page says about one person.

    :param signed: the user whom the page proves; null: it proves no one
    :param evidence: of the request; its source and level are the claim's
    """

    user: UserObject
    evidence: Evidence
    signed: SignedUser | None = None

    @property
    def number(self) -> str | None:
        """The number that the opt-in is about: what the object says, else what was signed."""
        return self.user.phone_number or (self.signed.phone if self.signed else None)

    @property
    def word(self) -> Word | None:
        """``gdpr_optin`` false, else ``sms_optin``. An opt-in needs a number. ``gdpr_optin`` true changes nothing."""
        if self.user.gdpr_optin is False:
            return Word.STOP
        if self.user.sms_optin is False:
            return Word.OPT_OUT
        return Word.OPT_IN if self.user.sms_optin and self.number else None

    @property
    def asks_the_database(self) -> bool:
        """Whether it may change something, or something can be doubted that only the database knows."""
        if self.signed is None:
            return self.user.uuid is not None or (self.word is not None and self.number is not None)
        return self.word is not None or self.number is not None


def evidence_of(evidence: Evidence, user: UserObject, source: str, *, is_signed: bool) -> Evidence:
    """The evidence of a claim: the request's, with what the page said word for word."""
    level = EvidenceLevel.SIGNED_IDENTITY if is_signed else EvidenceLevel.WEB_UNVERIFIED
    said = {name: value for name, value in user.given.items() if name != "email"}
    return Evidence(
        Source.SITE,
        "contact",
        level,
        ip_address=evidence.ip_address,
        user_agent=evidence.user_agent,
        origin=evidence.origin,
        page=evidence.page,
        details={"claimed": said, "object": source},
    )


def read_number(keys: Keys, said: str, allowed_countries: Collection[str]) -> ClaimedNumber:
    """A number that has the form of E.164, as contacts store it. Reads no database."""
    value, country = phone.normalize(said)
    is_allowed = country is None or phone.is_allowed(country, frozenset(allowed_countries))
    return ClaimedNumber(
        Destination(value, keys.destination_hash(value), country), phone.refusal_of_stored(value), is_allowed
    )


def digest_of(keys: Keys, claim: Claim, *, subscription_type_id: int | None, is_theirs: bool) -> str:
    """Identifies what a claim does with its contact's consents. It reveals nothing: it is keyed.

    :param is_theirs: whether the number is the contact's own
    """
    content: list[Any] = [claim.word, claim.signed.user_id if claim.signed else None]
    if claim.word == Word.OPT_IN:
        content += [claim.number, subscription_type_id, is_theirs]
    return hmac.digest(keys.derive("site claim"), json.dumps(content).encode(), "sha256").hex()[:32]
