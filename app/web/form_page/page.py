"""The page of an opt-in form, in every state: its exact words, its HTML, its headers.

What is the same for everybody (a frozen version in one language for one workspace) is rendered once and kept; a
request only fills in what is its own. The embed and the live preview share it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, Response, current_app, g, render_template, request
from markupsafe import escape

from app.core import wording
from app.core.forms import wording as form_words
from app.core.forms.publishing import FormContent
from app.core.forms.views import FormView, State
from app.core.forms.wording import Reading
from app.core.signing import random_token
from app.core.wording import Words
from app.models import Channel
from app.web.form_page import colors as colour
from app.web.i18n import speaking
from app.web.security import HSTS, PERMISSIONS

_PAGES = "assent.form_pages"
_KEPT_PAGES = 512
_HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex"),
    ("Permissions-Policy", PERMISSIONS),
]
_HEADERS_WHEN_SECURE = [*_HEADERS, ("Strict-Transport-Security", HSTS)]
# Stand-ins in a kept page, random so that no text of a form can hold one.
_SHOWN, _ACTION, _NUMBER, _TOKEN = (f"{name}-{random_token()}" for name in ("shown", "action", "number", "token"))
# The states that people see every day; their pages are kept, the others are rendered when they are needed.
_KEPT_STATES = (State.ASK, State.SAVED, State.SIGNED_UP, State.DONE)


@dataclass(frozen=True)
class Look(Reading):
    """Everything that the words and the looks of a form depend on, and nothing of a person."""

    version_id: int
    theme: str
    is_public: bool
    form_key: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class FormPage:
    """A form's fixed part: its words where it asks and where it shows what is saved, and its kept HTML."""

    look: Look
    ask_words: Words
    saved_words: Words
    fields: dict[str, Any]
    style: str
    policy: str
    html: Mapping[State, str]

    def words(self, *, is_saved: bool) -> Words:
        return self.saved_words if is_saved else self.ask_words


@dataclass(frozen=True)
class Filling:
    """What a request fills in: the signed ``shown``, the action, the number (masked unless just typed), an error."""

    state: State
    action: str = ""
    shown: str = ""
    number: str = ""
    typed: str = ""
    error: str = ""
    error_code: str = ""
    token: str = ""


def look_of(view: FormView, *, locale: str, region: str | None, theme: str) -> Look:
    """The look of a form for one reader."""
    return Look(
        version_id=view.version_id,
        locale=locale,
        region=region,
        theme=theme,
        channel=view.channel,
        is_public=view.is_public,
        form_key=view.form_key,
        brand=view.workspace_name,
        privacy_url=view.privacy_url,
        terms_url=view.terms_url,
        help_contact=view.help_contact,
        origins=tuple(view.origins),
    )


Key = tuple[Any, ...]


def keep_pages(app: Flask) -> None:
    """Give the app a place for the pages that it keeps."""
    app.extensions[_PAGES] = {}


def key_of(view: FormView, *, locale: str, region: str | None, theme: str) -> Key:
    """What tells one kept page from another: everything of ``Look``, by what changes when it does."""
    fixed = (view.version_id, view.workspace_revision, view.is_public, *view.form_origins)
    return (locale, region, theme, fixed)


def kept(key: Key) -> FormPage | None:
    """The page, if it was made before."""
    pages: dict[Key, FormPage] = current_app.extensions[_PAGES]
    return pages.get(key)


def make(key: Key, look: Look, content: FormContent) -> FormPage:
    """Make the page and keep it."""
    pages: dict[Key, FormPage] = current_app.extensions[_PAGES]
    page = unkept(look, content)
    if len(pages) >= _KEPT_PAGES:
        pages.clear()
    pages[key] = page
    return page


def html_of(page: FormPage, filling: Filling) -> str:
    """The whole page in one state."""
    html = page.html.get(filling.state)
    if html is not None and not filling.error and not filling.typed:
        return (
            html.replace(_SHOWN, filling.shown)
            .replace(_ACTION, str(escape(filling.action)))
            .replace(_NUMBER, str(escape(filling.number)))
            .replace(_TOKEN, filling.token)
        )
    return _rendered(page, filling)


def headers(policy: str, *, is_secure: bool) -> list[tuple[str, str]]:
    """The embed's headers. It has no cookie, so all that is needed is who may frame it."""
    more = _HEADERS_WHEN_SECURE if is_secure else _HEADERS
    return [*more, ("Content-Security-Policy", policy), ("X-Request-Id", g.get("request_id", ""))]


def answered(html: str, status: int, policy: str) -> Response:
    """A page with the embed's headers, from a view of Flask's."""
    return Response(html, status, headers(policy, is_secure=request.is_secure))


def policy(ancestors: str, style: str = "") -> str:
    """The embed's content security policy. The accent colour is the one inline style, allowed by its hash."""
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed_style = f"'self' 'sha256-{hashed}'" if style else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {allowed_style}; img-src 'self'; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )


def error_page(sentence: str, locale: str) -> str:
    """A page for what cannot be shown at all. ``NOBODY`` may frame it, for nobody knows whose it would be."""
    with speaking(locale):
        return render_template(
            "embed/error.html", sentence=sentence, lang=wording.language_tag(locale), dir=wording.direction(locale)
        )


NOBODY = policy("'none'")


def unkept(look: Look, content: FormContent) -> FormPage:
    """The page, made for this once: for words that may still change."""
    style = colour.stylesheet(content.accent_color)
    fields = form_words.said(look, content)
    page = FormPage(
        look,
        form_words.shown(look, fields, is_saved=False),
        form_words.shown(look, fields, is_saved=True),
        fields,
        style,
        policy(" ".join(["'self'", *look.origins]), style),
        html={},
    )
    unfilled = Filling(State.ASK, _ACTION, _SHOWN, _NUMBER, token=_TOKEN)
    return replace(page, html={state: _rendered(page, replace(unfilled, state=state)) for state in _KEPT_STATES})


def _rendered(page: FormPage, filling: Filling) -> str:
    look = page.look
    with speaking(look.locale):
        return render_template(
            "embed/form.html",
            look=look,
            lang=wording.language_tag(look.locale),
            dir=wording.direction(look.locale),
            style=page.style,
            origins=json.dumps(list(look.origins)),
            is_sms=look.channel == Channel.SMS,
            words=page.fields,
            filling=filling,
            home=f"/f/form/{look.form_key}",
        )
