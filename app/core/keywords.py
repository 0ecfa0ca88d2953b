"""Reads a text that a person sent: a keyword (STOP, START, HELP, YES), an opt-out in other words, or conversation.

The words and phrases of six languages are in ``keywords.toml``, with their sources. All of them apply to every text,
because the language of a sender is not known. Pure: reads no database.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from app.core import typed_text

# Longer texts are read up to here. A text of ten segments has at most 1530 characters.
_READ_MAX = 1600
_FILE = Path(__file__).with_suffix(".toml")
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ`´", "'"))
# Letters of Arabic that people write for each other, and one that only stretches a word.
_ARABIC = str.maketrans({"ة": "ه", "ى": "ي", "ٱ": "ا", "ـ": None, "گ": "ك", "ک": "ك", "ی": "ي"})
_NOT_A_WORD = re.compile(r"[^\w' ]+|_")
_LONG_RUN = re.compile(r"(\w)\1{2,}")
_SPELLED_OUT = re.compile(r"\b(?:\w )+\w\b")
_DIGITS_IN_WORDS = str.maketrans("0134579", "oieastg")
_FUZZY_MIN, _TWO_MISTAKES_MIN = 4, 9
_WORD_OF_PHRASE_MIN = 5
# So many words of a text are compared with those that are often misspelled.
_COMPARED_MAX = 60


class Kind(StrEnum):
    """``review``: probably an opt-out; a person decides, and until then the number is held. ``only``: the answer to our
    question whether STOP meant one subscription. ``machine``: an automatic reply, which is never answered.
    """

    STOP = "stop"
    START = "start"
    HELP = "help"
    YES = "yes"
    ONLY = "only"
    REVIEW = "review"
    WRONG_NUMBER = "wrong_number"
    MACHINE = "machine"
    CONVERSATION = "conversation"


HELD = frozenset({Kind.REVIEW, Kind.WRONG_NUMBER})
"""Kinds that hold a number until a person decides."""


@dataclass(frozen=True)
class Reading:
    """What a text says. ``type_name``: the one subscription type that STOP names; null: all."""

    kind: Kind
    type_name: str | None = None


def classify(
    text: str,
    *,
    has_pending: bool = False,
    has_question: bool = False,
    type_names: Sequence[str] = (),
    brand: str = "",
) -> Reading:
    """What a text from a person says. An opt-out wins over everything else that the text says.

    :param has_pending: whether the number has an opt-in to confirm: only then YES is an answer
    :param has_question: whether the number was asked if STOP meant one subscription: only then ONLY is an answer
    :param type_names: the names of the subscription types that STOP may name
    :param brand: our name, which says nothing: "STOP Acme" is STOP, and the texts of Stop & Shop are no opt-outs
    Source: 47 CFR 64.1200(a)(10); ``keywords.toml``
    """
    folded = _without_brand(fold(text), fold(brand))
    found = _keyword(folded, has_pending=has_pending, has_question=has_question)
    found = found or _stop(folded, type_names)
    return found or Reading(_kind_of_phrases(text, folded))


def fold(text: str) -> str:
    """A text as the tables spell it: lower case, without accents, punctuation, emoji and invisible characters."""
    plain = typed_text.without_marks(typed_text.visible(text[:_READ_MAX])).translate(_APOSTROPHES).translate(_ARABIC)
    words = " ".join(_NOT_A_WORD.sub(" ", plain).split())
    words = _LONG_RUN.sub(r"\1", words)
    return _SPELLED_OUT.sub(lambda found: found[0].replace(" ", ""), words).strip("' ")


def language_of(text: str) -> str | None:
    """The language of a keyword that only one language has: ``fr`` of ARRET; null for STOP and for other texts."""
    joined = _joined(fold(text))
    found = {language for kind in _tables().words.values() for language, words in kind.items() if joined in words}
    return found.pop() if len(found) == 1 and found != {"en"} else None


def words_of(kind: Kind) -> Mapping[str, Sequence[str]]:
    """The keywords of a kind, by language, without spaces and hyphens."""
    return _tables().words[kind.value]


@dataclass(frozen=True)
class _Tables:
    words: Mapping[str, Mapping[str, Sequence[str]]]
    keywords: Mapping[str, Kind]
    leading: frozenset[str]
    fillers: frozenset[str]
    misspelled: frozenset[str]
    others: frozenset[str]
    of_phrases: frozenset[str]
    emoji: frozenset[str]
    machines: re.Pattern[str]
    busy: re.Pattern[str]
    innocent: re.Pattern[str]
    opt_out: re.Pattern[str]
    names: re.Pattern[str]
    wrong_number: re.Pattern[str]


@cache
def _tables() -> _Tables:
    stored: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    words, spelling = stored["words"], stored["spelling"]
    keywords = {word: Kind(kind) for kind in words for word in chain(*words[kind].values())}
    leading, fillers = stored["leading"]["words"], stored["leading"]["fillers"]
    return _Tables(
        words=words,
        keywords=keywords,
        leading=frozenset(leading),
        fillers=frozenset(fillers),
        misspelled=frozenset(spelling["words"]),
        others=frozenset((*spelling["others"], *keywords)),
        of_phrases=frozenset(spelling["phrases"]),
        emoji=frozenset(stored["emoji"]["opt_out"]),
        machines=_any_of(stored["machines"]["phrases"]),
        busy=_any_of(stored["machines"]["busy"]),
        innocent=_any_of(chain(*stored["innocent"].values())),
        opt_out=_any_of(chain(*stored["opt_out"].values())),
        names=_any_of(stored["wrong_number"].pop("names")),
        wrong_number=_any_of(chain(*stored["wrong_number"].values())),
    )


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in phrases))


def _keyword(folded: str, *, has_pending: bool, has_question: bool) -> Reading | None:
    """The keyword that the whole text is."""
    kind = _tables().keywords.get(_joined(folded))
    applies = {Kind.YES: has_pending, Kind.ONLY: has_question}
    return Reading(kind) if kind is not None and applies.get(kind, True) else None


def _stop(folded: str, type_names: Sequence[str]) -> Reading | None:
    """A text that begins with STOP, and then names a subscription type or says nothing else."""
    tables = _tables()
    first, _, rest = folded.partition(" ")
    if first not in tables.leading and first not in tables.words["stop"]["en"]:
        return None
    named = [name for name in type_names if rest and rest in _names_of(name)]
    if named:
        return Reading(Kind.STOP, named[0] if len(named) == 1 else None)
    says_no_more = first in tables.leading and all(word in tables.fillers for word in rest.split())
    return Reading(Kind.STOP) if says_no_more else None


def _without_brand(folded: str, brand: str) -> str:
    """A folded text without our name, unless the text is nothing else, or our name is a keyword itself."""
    if not brand or _joined(brand) in _tables().keywords:
        return folded
    rest = " ".join(re.sub(rf"\b{re.escape(brand)}\b", " ", folded).split())
    return rest or folded


def _names_of(type_name: str) -> set[str]:
    """How people name a type after STOP: by its name, or by the first word of it."""
    folded = fold(type_name)
    return {folded, folded.partition(" ")[0]}


def _kind_of_phrases(text: str, folded: str) -> Kind:
    tables = _tables()
    if tables.machines.search(folded):
        return Kind.MACHINE
    rest = tables.innocent.sub(" ~ ", folded)
    corrected = tables.innocent.sub(" ~ ", " ".join(_corrected(word) for word in folded.split()[:_COMPARED_MAX]))
    if tables.names.search(text) or any(tables.wrong_number.search(each) for each in (rest, corrected)):
        return Kind.WRONG_NUMBER
    is_opt_out = any(tables.opt_out.search(each) for each in (rest, corrected))
    if is_opt_out or _is_misspelled(rest) or any(each in text for each in tables.emoji):
        return Kind.REVIEW
    return Kind.MACHINE if tables.busy.search(folded) else Kind.CONVERSATION


def _is_misspelled(folded: str) -> bool:
    """Whether the text is, or contains, a misspelled keyword. A short one has to be the whole text but for fillers."""
    tables = _tables()
    said = [word for word in folded.split()[:_COMPARED_MAX] if word not in tables.fillers]
    if len(said) == 1 and _near(said[0].translate(_DIGITS_IN_WORDS), tables.misspelled, _FUZZY_MIN):
        return True
    return any(_near(word, tables.misspelled, _TWO_MISTAKES_MIN - 1) for word in said)


def _near(word: str, keywords: Iterable[str], length: int) -> bool:
    """Whether a word is a keyword of this length with one mistake, or a long one with two."""
    if word in keywords:
        return True
    if word in _tables().others or len(word) < length - 1:
        return False
    return any(
        len(each) >= length and _is_within(word, each, 2 if len(each) >= _TWO_MISTAKES_MIN else 1) for each in keywords
    )


def _corrected(word: str) -> str:
    """A word of the phrases for a word that is one mistake away from it; else the word."""
    of_phrases = _tables().of_phrases
    if len(word) < _WORD_OF_PHRASE_MIN or word in of_phrases:
        return word
    near = (each for each in sorted(of_phrases) if _is_within(word, each, 1))
    return next(near, word)


def _is_within(word: str, other: str, most: int) -> bool:
    """Whether two words differ by at most so many letters, where two that changed places count as one."""
    if abs(len(word) - len(other)) > most:
        return False
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        two_before, before, row = before, row, [i]
        for j, other_letter in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other_letter))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == other_letter:
                best = min(best, two_before[j - 2] + 1)
            row.append(best)
    return row[-1] <= most


def _joined(folded: str) -> str:
    return folded.replace(" ", "").replace("'", "")
