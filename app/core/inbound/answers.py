"""What we answer to keywords, in the language of the person, from ``answers.toml``."""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy.orm import Session

from app.core import rate_limits
from app.core.inbound.received import Received
from app.core.signing import keys_of
from app.core.sms import queueing
from app.core.sms.queueing import NewText
from app.core.wording import DEFAULT_LOCALE
from app.core.workspace import settings
from app.models import Purpose, SmsMessage

# Later it would have to be justified. Source: 47 CFR 64.1200(a)(12)
CONFIRMED_WITHIN = timedelta(minutes=5)
_ANSWERED_WITHIN = timedelta(hours=1)
# Two machines that answer each other end here: so many answers to one number, to HELP in an hour, and all in a day.
HELP_AN_HOUR = 3
ANSWERS_A_DAY = 10
_HOUR_S, _DAY_S = 3600, 86400
_EXPIRY = {Purpose.STOPPED: CONFIRMED_WITHIN, Purpose.SCOPE: CONFIRMED_WITHIN}
_FILE = Path(__file__).with_suffix(".toml")
# A place of a text; names come from people and may have braces.
_PLACE = re.compile(r"\{(\w+)\}")


def answer(
    session: Session,
    received: Received,
    purpose: Purpose,
    name: str,
    *,
    at: datetime,
    **values: str,
) -> SmsMessage | None:
    """Queue the answer ``name`` to the sender; null where the carrier has answered, or the number gets too many.

    :param values: of the places in the text, beside ``brand`` and ``contact``
    """
    if received.is_answered or _is_too_much(session, received.phone_hash, purpose, at=at):
        return None
    workspace = settings.get(session)
    places = {"brand": workspace.name, "contact": workspace.help_contact, **values}
    text = NewText(
        purpose,
        received.phone,
        text_of(name, received.locale, places),
        "system",
        phone_country=received.message.phone_country,
        contact_id=received.contact_id,
        expires_at=at + _EXPIRY.get(purpose, _ANSWERED_WITHIN),
        details={"answer_to": received.message.id},
    )
    return queueing.queue(session, text, at=at)


def answer_help(session: Session, received: Received, *, at: datetime) -> None:
    """Who we are, where to ask, and how to end the texts. Changes no consent."""
    name = "help" if settings.get(session).help_contact else "help_without_contact"
    answer(session, received, Purpose.HELP, name, at=at)


def text_of(name: str, locale: str, places: Mapping[str, str]) -> str:
    """The answer in a language, with its places filled in; in English where we do not have the language."""
    texts = _tables().get(locale, _tables()[DEFAULT_LOCALE])
    return _PLACE.sub(lambda place: places.get(place[1], place[0]), texts[name]).strip()


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _is_too_much(session: Session, phone_hash: str, purpose: Purpose, *, at: datetime) -> bool:
    keys = keys_of(session)
    a_day = {keys.bucket("answers", phone_hash): ANSWERS_A_DAY}
    an_hour = {keys.bucket("help", phone_hash): HELP_AN_HOUR}
    if purpose == Purpose.HELP and rate_limits.hit(session, an_hour, window_s=_HOUR_S, at=at) is not None:
        return True
    return rate_limits.hit(session, a_day, window_s=_DAY_S, at=at) is not None
