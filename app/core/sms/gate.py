"""The gate at the moment of sending: may this text be sent now? By the purpose of the text, decided again each time.

A text that was queued while it was allowed is refused here when something is against it since. Nothing is sent to a
suppressed number but the one confirmation of its STOP, and answers to HELP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from app.core import countries, quiet_hours
from app.core.consent.rules import Reason
from app.core.sms import gate_facts
from app.core.sms.claiming import ClaimedText
from app.core.sms.gate_facts import ATTEMPTED, CONFIRM_STOP_WITHIN, GateFacts, Person
from app.core.sms.purposes import AGAINST_TESTS, ASKS_TO_CONFIRM, CONFIRMS_STOP, MARKETING
from app.models import CampaignState, Purpose, SmsState

TOO_LATE, REPEATED = "too_late", "repeated"
QUIET_HOURS, FREQUENCY_CAP = "quiet_hours", "frequency_cap"
# A welcome within this time answers what the person has just done: quiet hours are not for it.
_ANSWERS_WITHIN = timedelta(minutes=10)
# A text of a campaign that is paused is asked about again after this time.
_HELD_FOR = timedelta(minutes=1)


class Verdict(StrEnum):
    """``defer``: later, for a reason that the sender sees; ``hold``: as soon as sending goes on."""

    SEND = "send"
    SKIP = "skip"
    DEFER = "defer"
    HOLD = "hold"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Decision:
    """:param reason: of ``skip`` and ``defer``; :param until: of ``defer`` and ``hold``"""

    verdict: Verdict
    reason: str | None = None
    until: datetime | None = None


_SEND = Decision(Verdict.SEND)


def decide(session: Session, texts: Sequence[ClaimedText], *, at: datetime) -> dict[int, Decision]:
    """What to do with each of these claimed texts now, by its id. Writes nothing.

    A suppression or an opt-out that was committed before this call began is respected. Of several texts to one number
    in a batch, the earlier ones count for the frequency cap of the later ones.
    """
    facts = gate_facts.read(session, texts, at=at)
    deciding = _Deciding(facts, at, {each.id for each in texts})
    return {each.id: deciding.decide(each) for each in sorted(texts, key=lambda each: each.id)}


class _Deciding:
    def __init__(self, facts: GateFacts, at: datetime, batch: set[int]) -> None:
        self._facts = facts
        self._at = at
        self._batch = batch
        self._passed: dict[str, int] = {}

    def decide(self, text: ClaimedText) -> Decision:
        if text.expires_at is not None and text.expires_at <= self._at:
            return _skip(TOO_LATE)
        if text.purpose in MARKETING:
            decision = self._marketing(text)
        elif text.purpose == Purpose.HELP:
            decision = _SEND
        elif text.purpose in CONFIRMS_STOP:
            decision = self._confirmation_of_stop(text)
        else:
            decision = _skip(reason) if (reason := self._against_answer(text)) else _SEND
        if decision.until is not None and text.expires_at is not None and decision.until >= text.expires_at:
            return _skip(TOO_LATE)
        return decision

    def _marketing(self, text: ClaimedText) -> Decision:
        campaign = self._facts.campaigns.get(text.campaign_id or 0)
        if campaign == CampaignState.CANCELED:
            return Decision(Verdict.CANCEL)
        if reason := self._against_marketing(text):
            return _skip(reason)
        is_paused = campaign in {CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.PAUSED}
        if self._facts.policy.is_stopped or is_paused:
            return Decision(Verdict.HOLD, until=self._at + _HELD_FOR)
        return self._deferred(text) or _SEND

    def _against_marketing(self, text: ClaimedText) -> str | None:
        if text.phone_hash in self._facts.suppressed:
            return Reason.SUPPRESSED
        if text.subscription_type_id not in self._facts.live_types:
            return Reason.TYPE_NOT_LIVE
        person = self._person(text)
        if text.purpose == Purpose.TEST:
            objection = person.reason if person is not None and person.reason in AGAINST_TESTS else None
            return objection or self._against_number(text)
        if person is None:
            return Reason.ARCHIVED
        return person.reason or (Reason.NUMBER_CHANGED if person.phone_hash != text.phone_hash else None)

    def _against_number(self, text: ClaimedText) -> str | None:
        """What is against a text to this number, for every contact that has it."""
        if text.phone_hash in self._facts.undeliverable:
            return Reason.NUMBER_UNDELIVERABLE
        allowed, country = self._facts.policy.allowed_countries, text.phone_country
        is_refused = bool(allowed and country) and country not in countries.with_territories(allowed)
        return Reason.COUNTRY_NOT_ALLOWED if is_refused else None

    def _against_answer(self, text: ClaimedText) -> str | None:
        """What is against an answer to a person: an agent's reply, a code, or the confirmation of a START."""
        person = self._person(text)
        if text.phone_hash in self._facts.suppressed:
            return Reason.SUPPRESSED
        if person is not None and person.is_blocked:
            return Reason.BLOCKED
        if person is not None and person.is_gdpr_out:
            return Reason.GDPR_OPTOUT
        if text.purpose == Purpose.REPLY and text.phone_hash in self._facts.undeliverable:
            return Reason.NUMBER_UNDELIVERABLE
        if text.purpose in ASKS_TO_CONFIRM and self._against_number(text) == Reason.COUNTRY_NOT_ALLOWED:
            return Reason.COUNTRY_NOT_ALLOWED
        return None

    def _confirmation_of_stop(self, text: ClaimedText) -> Decision:
        """One for each suppression, and never late. Of two, the first that was written is sent, or none."""
        if self._at > text.created_at + CONFIRM_STOP_WITHIN:
            return _skip(TOO_LATE)
        since = self._facts.suppressed.get(text.phone_hash, text.created_at - CONFIRM_STOP_WITHIN)
        for other in self._facts.earlier.get(text.phone_hash, ()):
            is_taken = other.state in ATTEMPTED or other.state == SmsState.SENDING or other.id < text.id
            if other.purpose in CONFIRMS_STOP and other.id != text.id and is_taken and other.created_at >= since:
                return _skip(REPEATED)
        return _SEND

    def _deferred(self, text: ClaimedText) -> Decision | None:
        """When a marketing text has to wait: for the end of quiet hours, or until the number may get another one."""
        is_answer = text.purpose == Purpose.WELCOME and self._at <= text.created_at + _ANSWERS_WITHIN
        if text.purpose == Purpose.TEST or is_answer:
            return None
        person, policy = self._person(text), self._facts.policy
        if policy.quiet_hours is not None:
            zone = person.time_zone if person else None
            until, rule = quiet_hours.next_allowed(policy.quiet_hours, text.phone, zone, self._at)
            if rule is not None and until > self._at:
                return Decision(Verdict.DEFER, QUIET_HOURS, until)
        return self._capped(text)

    def _capped(self, text: ClaimedText) -> Decision | None:
        if self._facts.policy.frequency_cap is None or text.purpose == Purpose.WELCOME:
            return None
        most, window = self._facts.policy.frequency_cap
        counted = sorted(each.at for each in self._facts.earlier.get(text.phone_hash, ()) if self._counts(each, text))
        before = [*counted, *[self._at] * self._passed.get(text.phone_hash, 0)]
        if len(before) >= most:
            return Decision(Verdict.DEFER, FREQUENCY_CAP, before[len(before) - most] + window)
        self._passed[text.phone_hash] = self._passed.get(text.phone_hash, 0) + 1
        return None

    def _counts(self, other: gate_facts.Earlier, text: ClaimedText) -> bool:
        """Whether another text counts for the cap: it was sent, or another sender claimed it before this one."""
        if other.purpose not in MARKETING or other.id in self._batch:
            return False
        if other.state == SmsState.SENDING and other.claimed_at is not None:
            return (other.claimed_at, other.id) < (text.claimed_at, text.id)
        return other.state in ATTEMPTED

    def _person(self, text: ClaimedText) -> Person | None:
        key = text.subscription_type_id if text.purpose in MARKETING else None
        return self._facts.people.get((text.contact_id or 0, key))


def _skip(reason: str) -> Decision:
    return Decision(Verdict.SKIP, reason)
