"""Templates of forms by country and channel, from ``templates.toml``: a starting point for the texts of a form."""

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from app.models import Workspace

_FILE = Path(__file__).with_suffix(".toml")
# A place to fill in, and no Markdown link.
_UNFINISHED = re.compile(r"\[[^\]\n]+\](?!\()")


@dataclass(frozen=True)
class FormTemplate:
    """The texts of a form for one country (ISO code), channel and language.

    :param law: the rules that it was written for
    :param checkbox_text: empty: these rules ask for no box beside the button
    """

    key: str
    country: str
    channel: str
    locale: str
    law: str
    title: str
    legal_text: str
    checkbox_text: str


@cache
def all_templates() -> tuple[FormTemplate, ...]:
    """Every template, in the order of the file. ``{brand}`` and ``{contact}`` are not filled in yet."""
    with _FILE.open("rb") as file:
        tables = tomllib.load(file)
    return tuple(
        FormTemplate(key, **table | {"legal_text": " ".join(table["legal_text"].split())})
        for key, table in tables.items()
    )


def filled(template: FormTemplate, workspace: Workspace) -> FormTemplate:
    """The template with the name and help contact of the workspace. Without a contact ``[contact]`` is left."""
    contact = workspace.help_contact or "[contact]"

    def fill(text: str) -> str:
        return text.replace("{contact}", contact).replace("{brand}", workspace.name)

    return replace(
        template,
        title=fill(template.title),
        legal_text=fill(template.legal_text),
        checkbox_text=fill(template.checkbox_text),
    )


def is_unfinished(text: str) -> bool:
    """Whether a text still has a place in square brackets to fill in."""
    return _UNFINISHED.search(text) is not None
