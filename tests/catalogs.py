"""``make translations``: updates the catalogs of ``app/translations`` from the code and the templates.

A new sentence is added without a translation, one that is no longer used is removed, and the catalogs are compiled. The
tests name what is still untranslated.
"""

import io
import sys
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from app import http_client
from app.core import errors
from app.core.wording import LOCALES

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "app" / "translations"
TRANSLATED = tuple(locale for locale in LOCALES if locale != "en")
_CALLS = {"gettext": None, "_": None, "lazy_gettext": None, "translatable": None, "ngettext": (1, 2)}
# Staff pages show the sentences of errors. Those that only programs get, in the API and in commands, stay English.
# A webhook's page shows what is wrong with an address: ``http_client.Refused``.
ERRORS = (*(name for name, each in vars(errors).items() if isinstance(each, type)), http_client.Refused.__name__)
_FOR_PROGRAMS = (
    "cli/",
    "jobs/",
    "web/api/",
    "web/server.py",
    "core/backup/",
    "core/connectors/",
    "core/contacts/filters.py",
    "core/conversations/backdating.py",
    "core/contacts/merge.py",
    "core/contacts/search_plans.py",
    "core/inbox/conversation_search.py",
    "core/workspace/bootstrap.py",
    "core/idempotency.py",
    "core/site/page_call.py",
    "web/site/collect.py",
)
_JINJA = {"trimmed": "true"}
_TEMPLATES = [("**.html", "jinja2"), ("**.txt", "jinja2")]

Sentence = str | tuple[str, ...]


@cache
def sentences() -> frozenset[Sentence]:
    """Every sentence that is translated; a pair where there is a plural."""
    options = {pattern: _JINJA for pattern, _ in _TEMPLATES}
    templates = extract_from_dir(ROOT / "templates", _TEMPLATES, options, _CALLS, directory_filter=_has_texts)
    found = [sentence for _, _, sentence, _, _ in templates]
    for file in (ROOT / "app").rglob("*.py"):
        keywords = _CALLS if is_for_programs(file) else _CALLS | dict.fromkeys(ERRORS)
        found += [sentence for _, sentence, _, _ in extract_from_file("python", file, keywords)]
    return frozenset(sentence for sentence in found if sentence)


def is_for_programs(file: Path) -> bool:
    """Whether the errors of this file are seen by programs and on the command line only, and so are in English."""
    return str(file.relative_to(ROOT / "app")).startswith(_FOR_PROGRAMS)


def read(locale: str) -> Catalog:
    """The catalog of a locale as its source says."""
    with _source(locale).open("rb") as file:
        return read_po(file, locale=locale)


def compiled(catalog: Catalog) -> bytes:
    """The content of the ``.mo`` file of a catalog."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update(locale: str) -> int:
    """Write source and compiled file of a locale. Returns how many sentences have no translation."""
    old, new = read(locale), Catalog(locale=locale, header_comment="", fuzzy=False)
    new.mime_headers = old.mime_headers
    for sentence in sentences():
        known = old.get(sentence[0] if isinstance(sentence, tuple) else sentence)
        new.add(sentence, known.string if known else None)
    with _source(locale).open("wb") as file:
        write_po(file, new, width=120, omit_header=False, sort_output=True)
    _source(locale).with_suffix(".mo").write_bytes(compiled(read(locale)))
    return sum(not all(entry.string if entry.pluralizable else [entry.string]) for entry in new if entry.id)


def _source(locale: str) -> Path:
    return TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po"


def _has_texts(folder: str) -> bool:
    return not Path(folder).name.startswith((".", "__"))


if __name__ == "__main__":
    for each in TRANSLATED:
        sys.stdout.write(f"{each}: {update(each)} sentences without a translation\n")
