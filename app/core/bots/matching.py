"""Which rule applies to a visitor. Pure: reads no database.

Rules are tried in their order; the first that matches applies, once to a person. A rule that greets also waits until
the pause after the last greeting is over. A rule that answers words is a reply: it neither waits nor counts.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.core import origins
from app.models import BotHours, BotTrigger

# Scripts that are written without spaces between words.
_WITHOUT_SPACES = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ")


@dataclass(frozen=True)
class Rule:
    """A rule that is on and complete. The conditions are those of ``BotRule``."""

    id: int
    position: int
    trigger: BotTrigger
    body: str
    words: tuple[str, ...] = ()
    page: str = ""
    seconds: int = 0
    is_signed_in: bool | None = None
    not_asked_type_id: int | None = None
    segment_id: int | None = None
    hours: BotHours = BotHours.ALWAYS
    form_id: int | None = None


@dataclass(frozen=True)
class Visit:
    """What a visitor does.

    :param page: origin and path
    :param seconds: how long they have been on the page
    :param text: what they wrote, for rules that answer words
    """

    trigger: BotTrigger
    page: str = ""
    seconds: int = 0
    text: str = ""
    is_office_open: bool = True


@dataclass(frozen=True)
class Person:
    """What is known of a visitor. Of one without a contact, only what their browser says about greetings.

    :param greeted: the rules that applied to them
    :param greeted_at: when the last rule greeted them; null: none did
    :param asked_type_ids: the types that they were asked for
    """

    is_signed_in: bool = False
    greeted: frozenset[int] = frozenset()
    greeted_at: datetime | None = None
    asked_type_ids: frozenset[int] = field(default_factory=frozenset)
    segment_ids: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Match:
    """The rule that applies now; or in how many seconds on this page the next one would."""

    rule: Rule | None = None
    wait_s: int | None = None


def match(rules: Iterable[Rule], visit: Visit, person: Person, *, at: datetime, pause: timedelta) -> Match:
    """The first rule that applies to this visit.

    :param pause: how long no bot greets a person again; zero: no limit
    """
    found = [each for each in sorted(rules, key=lambda rule: (rule.position, rule.id)) if _may(each, visit, person)]
    is_reply = visit.trigger == BotTrigger.WORDS
    if not found or (not is_reply and is_paused(person, at=at, pause=pause)):
        return Match()
    due = next((each for each in found if is_reply or each.seconds <= visit.seconds), None)
    if due is not None:
        return Match(due)
    return Match(wait_s=min(each.seconds for each in found) - visit.seconds)


def is_paused(person: Person, *, at: datetime, pause: timedelta) -> bool:
    """Whether the person was greeted so recently that no rule greets them now."""
    return bool(pause) and person.greeted_at is not None and at - person.greeted_at < pause


def fits(rule: Rule, page: str, person: Person) -> bool:
    """Whether the lasting conditions of a rule are met: the page, and those about the person."""
    return is_page(rule.page, page) and fits_person(rule, person)


def fits_person(rule: Rule, person: Person) -> bool:
    """Whether the conditions about the person are met. ``preview.py`` has the same in SQL."""
    return (
        rule.is_signed_in in {None, person.is_signed_in}
        and rule.not_asked_type_id not in person.asked_type_ids
        and (rule.segment_id is None or rule.segment_id in person.segment_ids)
    )


def is_page(pattern: str, page: str) -> bool:
    """Whether a page has this path, in which ``*`` matches anything; with an origin, this whole address."""
    if not pattern:
        return True
    address = page if "://" in pattern else origins.parts_of(page).path or "/"
    return _is_like(pattern, address)


def has_word(words: Sequence[str], text: str) -> bool:
    """Whether the text contains one of these words or phrases as whole words, in any script and case."""
    searched = folded(text)
    return any(_contains(searched, folded(each)) for each in words)


def folded(text: str) -> str:
    """The text as it is compared: one form of each letter, one space between words."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("i\u0307", "i")
    return " ".join(plain.replace("’", "'").split())


def _may(rule: Rule, visit: Visit, person: Person) -> bool:
    """Whether the rule matches, now or after more time on the page."""
    return (
        rule.trigger == visit.trigger
        and rule.id not in person.greeted
        and rule.hours in {BotHours.ALWAYS, BotHours.INSIDE if visit.is_office_open else BotHours.OUTSIDE}
        and fits(rule, visit.page, person)
        and (rule.trigger != BotTrigger.WORDS or has_word(rule.words, visit.text))
    )


def _is_like(pattern: str, text: str) -> bool:
    """``*`` matches anything. In linear time, whatever an address contains."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    *middle, last = rest
    if not text.startswith(first) or not text[len(first) :].endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def _contains(text: str, word: str) -> bool:
    start = text.find(word) if word else -1
    while start >= 0:
        end = start + len(word)
        if _is_edge(text[start - 1 : start], word[0]) and _is_edge(text[end : end + 1], word[-1]):
            return True
        start = text.find(word, start + 1)
    return False


def _is_edge(neighbor: str, letter: str) -> bool:
    """Whether a word ends between this letter of it and what is beside it."""
    if not neighbor or not _is_of_word(neighbor) or not _is_of_word(letter):
        return True
    return any(unicodedata.name(each, "").startswith(_WITHOUT_SPACES) for each in (neighbor, letter))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
