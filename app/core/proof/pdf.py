"""A receipt as PDF, where the extra ``pdf`` is installed (the package ``typst``)."""

import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from app.core.errors import NotAvailable

_TEMPLATE = Path(__file__).with_name("receipt.typ")


@dataclass(frozen=True)
class Section:
    """``text``: lines in a box; ``rows``: pairs of a label and a value."""

    heading: str
    rows: list[tuple[str, str]]
    text: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """The words of a document, in the language ``lang`` (such as ``en`` or ``pt``)."""

    title: str
    subtitle: str
    sections: list[Section]
    lang: str
    rtl: bool


def is_available() -> bool:
    """Whether PDF files can be made here."""
    return importlib.util.find_spec("typst") is not None


def make(document: Document) -> bytes:
    """The document as PDF, which takes a fraction of a second.

    :raises NotAvailable: the package is not installed
    """
    if not is_available():
        raise NotAvailable("PDF files need the extra “pdf”: pip install 'assent-sms[pdf]'.")
    import typst

    data = json.dumps(asdict(document), ensure_ascii=False)
    made = typst.compile(str(_TEMPLATE), root=str(_TEMPLATE.parent), format="pdf", sys_inputs={"data": data})
    return bytes(made)
