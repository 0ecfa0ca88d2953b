"""Finds opt-ins that older rules may have recorded for a wrong number, and holds their numbers.

Older rules read ``00`` by the numbering plan of one country, where it can be ``00`` and a digit for a carrier: that
digit was the first one of the country code. And they took the country of a number without ``+`` from the browser's
language, which en-US browsers of the whole world get wrong. What was typed is not kept; the texts on the page name the
country. No other number is ever chosen for the person: the one that was recorded is not texted until an agent decides.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app.core import clock, phone
from app.core.consent import suppressions
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Channel,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentState,
    Contact,
    OptInFormVersion,
    Source,
    SubscriptionType,
    Wording,
)

# The first reading rules that take the country only from the person, and refuse two readings.
_FIRST_SAFE_RULES = 2
_CODE = re.compile("\\(\u2066(\\+[0-9]+)\u2069\\)")
_NOTES = {
    "misread_prefix": "May be misread: the text may have begun with 00 and a country code ({others}).",
    "guessed_country": "The country of this number was guessed from the language of a browser ({code}).",
}


@dataclass(frozen=True)
class Held:
    """One opt-in whose number is held: public id of the contact, its event, and ``misread_prefix`` or
    ``guessed_country``."""

    contact: str
    event_id: int
    reason: str


def hold(database: Database, rules_before: str | None, *, chunk: int) -> tuple[Held, ...]:
    """Hold the numbers of opt-ins that may have been misread, unless the rules that recorded them were safe.

    :param rules_before: the version of the rules that the workspace had; null: not known
    """
    if _number_of(rules_before) >= _FIRST_SAFE_RULES:
        return ()
    held: list[Held] = []
    after = (0, 0)
    while True:
        with database.read_only() as session:
            only_country = len(settings.get(session).allowed_countries) == 1
            rows = _opt_ins_after(session, after, limit=chunk)
        doubtful = [(row, doubt) for row in rows if (doubt := _doubt(row, only_country=only_country))]
        if doubtful:
            with database.unit_of_work() as session:
                held += [found for row, doubt in doubtful if (found := _hold(session, row, *doubt))]
        if len(rows) < chunk:
            return tuple(held)
        after = (rows[-1].contact_id, rows[-1].subscription_type_id)


def _number_of(rules: str | None) -> int:
    number = (rules or "").partition(";")[0]
    return int(number) if number.isdigit() else 0


def _opt_ins_after(session: Session, after: tuple[int, int], *, limit: int) -> Sequence[Any]:
    """The next opt-ins with a number: who gave them, and what the page showed."""
    position = (Consent.contact_id, Consent.subscription_type_id)
    query = (
        select(
            *position,
            Consent.destination,
            Consent.event_id,
            Contact.public_id,
            ConsentEvent.source,
            OptInFormVersion.default_country,
            Wording.body,
        )
        .join(Contact, Contact.id == Consent.contact_id)
        .join(SubscriptionType, SubscriptionType.id == Consent.subscription_type_id)
        .join(ConsentEvent, ConsentEvent.id == Consent.event_id)
        .outerjoin(ConsentEvidence, ConsentEvidence.event_id == Consent.event_id)
        .outerjoin(OptInFormVersion, OptInFormVersion.id == ConsentEvent.form_version_id)
        .outerjoin(Wording, Wording.hash == ConsentEvidence.wording_hash)
        .where(
            SubscriptionType.channel == Channel.SMS.value,
            Consent.state == ConsentState.OPTED_IN.value,
            tuple_(*position) > tuple_(*after),
        )
        .order_by(*position)
    )
    return session.execute(query.limit(limit)).all()


def _doubt(row: Any, *, only_country: bool) -> tuple[str, str] | None:
    """The reason to doubt an opt-in's number, and the note that explains it; null where there is none."""
    code = _calling_code_shown(row.body) if row.source == Source.FORM and row.destination else None
    if code is None:
        return None
    if not row.destination.startswith(code):
        others = ", ".join(phone.meant_with_00(row.destination, code))
        return ("misread_prefix", _NOTES["misread_prefix"].format(others=others)) if others else None
    if row.default_country is None and not only_country:
        return "guessed_country", _NOTES["guessed_country"].format(code=code)
    return None


def _calling_code_shown(body: str | None) -> str | None:
    """The code of the country that the page said it assumes, such as ``+65``; null where it said none."""
    hint = json.loads(body).get("hint", "") if body else ""
    found = _CODE.search(hint) if isinstance(hint, str) else None
    return found[1] if found else None


def _hold(session: Session, row: Any, reason: str, note: str) -> Held | None:
    """Hold the number of one opt-in. Null where it is suppressed already."""
    if not suppressions.hold_for_review(session, row.destination, note, at=clock.now()):
        return None
    return Held(row.public_id, row.event_id, reason)
