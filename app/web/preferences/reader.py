"""The reader of this request: their language, the addresses of their pages, and the evidence of what they do."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import request, url_for

from app.core import wording
from app.core.ledger.evidence import Evidence
from app.core.preferences.links import Link
from app.core.wording import FrozenWording
from app.models import Source
from app.web.preference_page.page import Publisher, View
from app.web.security import client_address


def locale_of(link: Link | None) -> str:
    """The reader's language: as the address asks, else the contact's, else the browser's."""
    preferred = request.args.get("lang") or (link.locale if link else None)
    return wording.negotiate(preferred, request.headers.get("Accept-Language", ""))


def addresses(token: str) -> Callable[..., str]:
    """The addresses of the parts of this link's preference center, in the language that the address asks for."""
    return partial(_address, token)


def view_of(publisher: Publisher, token: str, locale: str, notice: str = "") -> View:
    """How the holder of this link sees a page."""
    return View(publisher, locale, addresses(token), notice)


def evidence_of(link: Link, locale: str, words: FrozenWording | None, **details: Any) -> Evidence:
    """The evidence of what the holder of a link does.

    :param words: what stood beside the button; null when there was none, as for the one click of a mail program
    """
    return Evidence(
        source=Source.PREFERENCE_CENTER,
        actor="contact",
        level=link.level,
        ip_address=client_address(request),
        user_agent=request.headers.get("User-Agent"),
        locale=locale,
        words=words,
        details=details,
    )


def _address(token: str, part: str, **values: Any) -> str:
    """:param part: the name of a view: ``page``, ``stop``, …"""
    asked = values.pop("lang", None) or request.args.get("lang")
    lang = wording.language_tag(wording.negotiate(asked, "")) if asked else None
    return url_for(f"preferences.{part}", token=token, lang=lang, **values)
