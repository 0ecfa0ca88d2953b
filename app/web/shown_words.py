"""The wording of a form as a person saw it, reproduced from the ledger."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nh3
from markupsafe import Markup

from app.core import phone
from app.models import ConsentEvidence

_REPRODUCED = ("form_title", "label", "saved_label", "hint", "legal_html", "button", "links", "notes", "brand")
_LEGAL_TAGS = {"p", "br", "em", "strong", "a"}


@dataclass(frozen=True)
class Reproduction:
    """The wording as it was shown.

    ``shown`` holds the fields that the page reproduces, ``rest`` all others as (key, value), so that nothing of the
    record is hidden.
    ``legal`` is safe HTML.
    """

    locale: str
    shown: Mapping[str, Any]
    legal: Markup
    rest: tuple[tuple[str, str], ...]


def reproduction(body: str) -> Reproduction:
    """A stored wording, ready to be displayed. A body that is not a JSON object is displayed as it is."""
    fields = _fields(body)
    shown = {name: fields.pop(name) for name in _REPRODUCED if _is_reproducible(name, fields.get(name))}
    legal = nh3.clean(str(shown.get("legal_html", "")), tags=_LEGAL_TAGS, attributes={"a": {"href"}})
    rest = tuple((name, _plain(value)) for name, value in sorted(fields.items()) if value)
    return Reproduction(str(fields.get("locale", "en")), shown, Markup(legal), rest)  # noqa: S704 - cleaned above


def number_on_page(evidence: ConsentEvidence | None, page: Reproduction) -> str:
    """The number or address as it was on the page: as typed, shortened or in full. Empty where the page had none."""
    if evidence is None or evidence.destination is None:
        return ""
    details = evidence.details or {}
    recorded = str(details.get("shown_as") or details.get("typed_as") or "")
    has_field = bool(page.shown.get("label") or page.shown.get("saved_label"))
    return recorded or (phone.formatted(evidence.destination) if has_field else "")


def _fields(body: str) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        return {"words": body}
    return fields if isinstance(fields, dict) else {"words": body}


def _is_reproducible(name: str, value: object) -> bool:
    if name == "links":
        return isinstance(value, list) and all(
            isinstance(link, dict) and {"text", "href"} <= link.keys() for link in value
        )
    if name == "notes":
        return isinstance(value, list) and all(isinstance(note, str) for note in value)
    return isinstance(value, str)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
