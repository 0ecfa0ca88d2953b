"""Which elements of a rule does one consent meet? A pure comparison of what was recorded with ``rules.toml``.

It states facts, and gives no legal advice: a lawyer decides which rule applies and whether a text is good enough.
"""

import html
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from app.core.proof import element_checks
from app.core.proof.element_checks import ConsentFacts, Finding, Verdict

_FILE = Path(__file__).with_suffix(".toml")
_LINE_END = re.compile(r"</p>|<br\s*/?>")
_TAG = re.compile(r"<[^>]+>")
_HREF = re.compile(r'href="([^"]*)"')


@dataclass(frozen=True)
class Rule:
    """One rule as it was on the day ``as_of``. ``countries``: ISO codes of those that it is usually about."""

    key: str
    name: str
    source: str
    url: str
    as_of: date
    channels: tuple[str, ...]
    countries: frozenset[str]
    elements: tuple[str, ...]


@dataclass(frozen=True)
class Assessment:
    """What the record of one consent says about each element of a rule.

    :param is_usual: the rule is usually about numbers of this country
    """

    rule: Rule
    findings: Mapping[str, Finding]
    is_usual: bool

    @property
    def fulfilled(self) -> int:
        return sum(each.verdict == Verdict.FULFILLED for each in self.findings.values())


@dataclass(frozen=True)
class ShownText:
    """The parts of a stored wording that the checks read: see ``forms/wording.py`` for its keys."""

    text: str
    brand: str
    button: str
    box: str
    notes: tuple[str, ...]
    links: tuple[str, ...]


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the file."""
    with _FILE.open("rb") as file:
        tables = tomllib.load(file)
    return tuple(
        Rule(
            key,
            table["name"],
            table["source"],
            table["url"],
            table["as_of"],
            tuple(table["channels"]),
            frozenset(table["countries"]),
            tuple(table["elements"]),
        )
        for key, table in tables.items()
    )


def assess(facts: ConsentFacts) -> list[Assessment]:
    """The rules for the channel, those that are usually about the number's country first."""
    assessed = [
        Assessment(
            rule,
            {element: element_checks.check(element, facts) for element in rule.elements},
            facts.country in rule.countries,
        )
        for rule in all_rules()
        if facts.channel in rule.channels
    ]
    return sorted(assessed, key=lambda each: not each.is_usual)


def shown_text(body: str | None) -> ShownText | None:
    """What a person saw, from the stored wording; null when none was stored. A body that is no object is the text."""
    if body is None:
        return None
    fields = _fields(body)
    legal = str(fields.get("legal_html", ""))
    box = str(fields.get("checkbox", ""))
    parts = (fields.get("form_title", ""), plain_text(legal), box, fields.get("words", ""))
    links = [str(link.get("href", "")) for link in _objects(fields.get("links"))]
    notes = fields.get("notes")
    return ShownText(
        text="\n".join(str(part) for part in parts if part),
        brand=str(fields.get("brand", "")),
        button=str(fields.get("button", "")),
        box=box,
        notes=tuple(str(note) for note in notes) if isinstance(notes, list) else (),
        links=tuple(dict.fromkeys([*links, *map(html.unescape, _HREF.findall(legal))])),
    )


def _fields(body: str) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        return {"words": body}
    return fields if isinstance(fields, dict) else {"words": body}


def _objects(value: object) -> Iterable[dict[str, Any]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def plain_text(legal_html: str) -> str:
    """The HTML of a legal text as plain text in one line."""
    return " ".join(html.unescape(_TAG.sub("", _LINE_END.sub(" ", legal_html))).split())
