"""The check of each element of ``rules.toml``: is it in what was recorded of one consent? Pure."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from app.core import wording
from app.core.proof import rule_words
from app.models import EvidenceLevel, Source

_PHRASES = Path(__file__).with_name("phrases.toml")
_CONTACT = re.compile(r"[^\s@<>]+@[^\s@<>]+\.\w+|https?://[^\s<>\"]+|\+?\d[\d ()./-]{6,}\d")
_BY_THE_PERSON = {Source.FORM, Source.MESSENGER, Source.CONNECTOR, Source.VERIFICATION}
_LONGEST = 160


class Verdict(StrEnum):
    """``check``: a person has to look. ``not_recorded``: the evidence does not have what the check needs."""

    FULFILLED = "fulfilled"
    MISSING = "missing"
    CHECK = "check"
    NOT_RECORDED = "not_recorded"


@dataclass(frozen=True)
class Finding:
    """What was found about one element: the sentence (a constant of ``rule_words``) and its values."""

    verdict: Verdict
    sentence: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_english(self) -> str:
        return self.sentence % self.values if self.values else self.sentence


@dataclass(frozen=True)
class ConsentFacts:
    """What is known of one opt-in.

    :param text: what the person agreed to, as plain text: title, legal text and box; null: no text was recorded
    :param brand: the sender as the page named it
    :param notes: the other sentences of the page
    :param links: the addresses that the page linked
    :param names: the names of the controller: that of the workspace, and the legal one
    :param country: of the number, ISO code
    """

    channel: str
    source: str
    level: str
    is_erased: bool
    text: str | None
    brand: str = ""
    button: str = ""
    box: str = ""
    notes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    locale: str = ""
    destination: str | None = None
    country: str | None = None
    note: str | None = None
    names: tuple[str, ...] = ()
    type_name: str = ""
    address: str = ""

    @property
    def language(self) -> str:
        return self.locale.partition("_")[0]


def check(element: str, facts: ConsentFacts) -> Finding:
    """What the record says about one element. :raises KeyError: there is no such element"""
    if facts.is_erased:
        return Finding(Verdict.NOT_RECORDED, rule_words.ERASED)
    return CHECKS[element](facts)


@cache
def _patterns() -> Mapping[str, Mapping[str, re.Pattern[str]]]:
    with _PHRASES.open("rb") as file:
        tables = tomllib.load(file)
    return {
        element: {language: re.compile(pattern, re.IGNORECASE) for language, pattern in table.items()}
        for element, table in tables.items()
    }


def _act(facts: ConsentFacts) -> Finding:
    """What the person did. Sources: GDPR article 4(11), recital 32 (no box that is ticked in advance)."""
    if facts.level == EvidenceLevel.MO_REPLY or facts.source == Source.KEYWORD:
        return Finding(Verdict.FULFILLED, rule_words.SENT_KEYWORD)
    if facts.source == Source.PREFERENCE_CENTER:
        return Finding(Verdict.FULFILLED, rule_words.CHOSE)
    if facts.source in _BY_THE_PERSON and facts.text is not None:
        if facts.box:
            return Finding(Verdict.FULFILLED, rule_words.TICKED, {"box": _short(facts.box)})
        return Finding(Verdict.FULFILLED, rule_words.SENT_FORM, {"button": facts.button})
    if facts.note:
        return Finding(Verdict.CHECK, rule_words.REPORTED, {"note": _short(facts.note)})
    return Finding(Verdict.NOT_RECORDED, rule_words.REPORTED_WITHOUT_NOTE)


def _agreement(facts: ConsentFacts) -> Finding:
    """An agreement in writing, with an electronic signature where it is a form. Source: 47 CFR 64.1200(f)(9)(ii)"""
    if facts.text is None and facts.level != EvidenceLevel.MO_REPLY and not facts.note:
        return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
    return _act(facts)


def _number(facts: ConsentFacts) -> Finding:
    if facts.destination is None:
        return Finding(Verdict.NOT_RECORDED, rule_words.NO_NUMBER)
    return Finding(Verdict.FULFILLED, rule_words.NUMBER, {"destination": facts.destination})


def _named(facts: ConsentFacts) -> Finding:
    if facts.text is None:
        return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
    page = f"{facts.text}\n{facts.brand}".casefold()
    for name in facts.names:
        if name and name.casefold() in page:
            return Finding(Verdict.FULFILLED, rule_words.NAMED, {"name": name})
    if facts.brand:
        return Finding(Verdict.FULFILLED, rule_words.NAMED, {"name": facts.brand})
    return Finding(Verdict.MISSING, rule_words.NOT_NAMED, {"name": next(iter(facts.names), "")})


def _phrase(element: str) -> Callable[[ConsentFacts], Finding]:
    """A check for the usual words of an element in the text."""

    def check_text(facts: ConsentFacts) -> Finding:
        if facts.text is None:
            return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
        if (pattern := _patterns()[element].get(facts.language)) is None:
            return Finding(Verdict.CHECK, rule_words.UNKNOWN_LANGUAGE)
        if found := pattern.search(facts.text):
            return Finding(Verdict.FULFILLED, rule_words.FOUND, {"words": found[0]})
        return Finding(Verdict.MISSING, rule_words.NOT_FOUND)

    return check_text


def _purpose(facts: ConsentFacts) -> Finding:
    if facts.text is not None and facts.type_name and facts.type_name.casefold() in facts.text.casefold():
        return Finding(Verdict.FULFILLED, rule_words.FOUND, {"words": facts.type_name})
    return _phrase("marketing_named")(facts)


def _withdrawal(facts: ConsentFacts) -> Finding:
    """Source: GDPR article 7(3), before they consent. The page of a form has a sentence about it below the text."""
    own = wording.translator(facts.locale or wording.DEFAULT_LOCALE)("You can withdraw your consent at any time.")
    if own in facts.notes:
        return Finding(Verdict.FULFILLED, rule_words.FOUND, {"words": own})
    return _phrase("withdrawal_explained")(facts)


def _one_channel(facts: ConsentFacts) -> Finding:
    if facts.text is None:
        return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
    if (pattern := _patterns()[f"other_channel_{facts.channel}"].get(facts.language)) is None:
        return Finding(Verdict.CHECK, rule_words.UNKNOWN_LANGUAGE)
    if found := pattern.search(_CONTACT.sub(" ", facts.text)):
        return Finding(Verdict.CHECK, rule_words.OTHER_CHANNEL, {"words": found[0]})
    return Finding(Verdict.FULFILLED, rule_words.ONE_CHANNEL)


def _links(wanted: int) -> Callable[[ConsentFacts], Finding]:
    def check_links(facts: ConsentFacts) -> Finding:
        if facts.text is None:
            return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
        values = {"links": ", ".join(facts.links)}
        if len(facts.links) >= wanted:
            return Finding(Verdict.FULFILLED, rule_words.LINKED, values)
        return (
            Finding(Verdict.CHECK, rule_words.ONE_LINK, values)
            if facts.links
            else Finding(Verdict.MISSING, rule_words.NOT_LINKED)
        )

    return check_links


def _language(facts: ConsentFacts) -> Finding:
    if not facts.locale:
        return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
    return Finding(Verdict.FULFILLED, rule_words.LANGUAGE, {"language": wording.language_tag(facts.locale)})


def _demonstrable(facts: ConsentFacts) -> Finding:
    if facts.level == EvidenceLevel.WEB_UNVERIFIED:
        return Finding(Verdict.CHECK, rule_words.UNVERIFIED)
    if facts.text is not None or facts.level == EvidenceLevel.MO_REPLY:
        return Finding(Verdict.FULFILLED, rule_words.KEPT)
    return _act(facts)


def _address(facts: ConsentFacts) -> Finding:
    """Source: SOR/2012-36 section 4(1)(d) with section 2(1)(c): the mailing address."""
    if facts.text is None:
        return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
    if not facts.address:
        return Finding(Verdict.CHECK, rule_words.ADDRESS_UNSET)
    page = _one_line(" ".join((facts.text, *facts.notes)))
    for line in facts.address.splitlines():
        if len(line) > len("12 Bay") and _one_line(line) in page:
            return Finding(Verdict.FULFILLED, rule_words.ADDRESS, {"line": line})
    return Finding(Verdict.MISSING, rule_words.NO_ADDRESS)


def _contact(facts: ConsentFacts) -> Finding:
    if facts.text is None:
        return Finding(Verdict.NOT_RECORDED, rule_words.NO_TEXT)
    if found := _CONTACT.search(" ".join((facts.text, *facts.notes, *facts.links))):
        return Finding(Verdict.FULFILLED, rule_words.CONTACT, {"contact": found[0].rstrip(".,;)")})
    return Finding(Verdict.MISSING, rule_words.NOT_FOUND)


def _one_line(text: str) -> str:
    return " ".join(text.replace(",", " ").split()).casefold()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


CHECKS: Mapping[str, Callable[[ConsentFacts], Finding]] = {
    "agreement": _agreement,
    "number_listed": _number,
    "sender_named": _named,
    "controller_named": _named,
    "marketing_named": _phrase("marketing_named"),
    "automated_texts": _phrase("automated_texts"),
    "not_a_condition": _phrase("not_a_condition"),
    "affirmative_act": _act,
    "texts_named": _phrase("texts_named"),
    "frequency": _phrase("frequency"),
    "rates": _phrase("rates"),
    "help": _phrase("help"),
    "stop": _phrase("stop"),
    "way_out_named": _phrase("way_out_named"),
    "one_channel": _one_channel,
    "privacy_and_terms": _links(2),
    "privacy_linked": _links(1),
    "demonstrable": _demonstrable,
    "purpose_named": _purpose,
    "readable_language": _language,
    "withdrawal_explained": _withdrawal,
    "mailing_address": _address,
    "contact_named": _contact,
}
