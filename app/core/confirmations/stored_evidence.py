"""The evidence of an answer while it waits to be confirmed, as JSON."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from app.core.ledger.evidence import Evidence
from app.core.wording import FrozenWording
from app.models import EvidenceLevel, Source

# ``occurred_at`` and ``has_persons_word`` belong to reports about the past, which are not confirmed.
_PLAIN = tuple(
    each.name for each in fields(Evidence) if each.name not in {"words", "details", "occurred_at", "has_persons_word"}
)


def dump(evidence: Evidence) -> dict[str, Any]:
    """The evidence as JSON values."""
    words = evidence.words
    return {
        **{name: getattr(evidence, name) for name in _PLAIN},
        "words": [words.locale, words.body, words.hash] if words else None,
        "details": dict(evidence.details),
    }


def load(stored: dict[str, Any]) -> Evidence:
    """The evidence that ``dump`` stored."""
    values = {name: stored[name] for name in _PLAIN}
    values["source"], values["level"] = Source(values["source"]), EvidenceLevel(values["level"])
    words = FrozenWording(*stored["words"]) if stored["words"] else None
    return Evidence(**values, words=words, details=stored["details"])


def confirmed(answer: Evidence, act: Evidence, level: EvidenceLevel, *, method: str, answered_at: datetime) -> Evidence:
    """The evidence of a confirmed opt-in: what the answer proved, and how the holder of the number confirmed it.

    :param answer: that of the form, with the texts that were shown
    :param act: of the confirmation: who entered the code, or the text that was received
    """
    details: dict[str, Any] = {
        "confirmed_by": method,
        "answered_at": answered_at.isoformat(timespec="seconds"),
        "answered_level": answer.level.value,
    }
    if act.ip_address and act.ip_address != answer.ip_address:
        details["confirmed_from"] = act.ip_address
    details |= {f"confirmed_{name}": value for name, value in act.details.items()}
    return replace(answer, source=Source.VERIFICATION, level=level).with_details(**details)
