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

from app.core import phone, wording
from app.core.form_views import FormView, State
from app.core.optin_forms import FormContent, FormText
from app.core.signing import random_token
from app.core.wording import Words
from app.models import Channel
from app.web import colour
from app.web.languages import country_name, gettext, speaking
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
class Look:
    """Everything that the words and the looks of a form depend on, and nothing of a person."""

    version_id: int
    locale: str
    region: str | None
    theme: str
    channel: str
    is_public: bool
    form_key: str
    type_name: str
    brand: str
    privacy_url: str
    terms_url: str
    help_contact: str
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
        type_name=view.type_name,
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
    fixed = (view.version_id, view.workspace_revision, view.type_name, view.is_public, *view.form_origins)
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


def text_for(content: FormContent, locale: str) -> tuple[FormText, str]:
    """The form's text in the reader's language, else in its own; and which language that is."""
    known = wording.first_known([locale], content.texts) or content.locale
    return content.texts[known], known


def unkept(look: Look, content: FormContent) -> FormPage:
    """The page, made for this once: for words that may still change."""
    text, text_locale = text_for(content, look.locale)
    style = colour.stylesheet(content.accent_color)
    with speaking(look.locale):
        fields = _fields(look, text, text_locale)
        ask_words = wording.exact(look.locale, _worded(fields, is_saved=False))
        saved_words = wording.exact(look.locale, _worded(fields, is_saved=True))
    page = FormPage(
        look,
        ask_words,
        saved_words,
        fields,
        style,
        policy(" ".join(["'self'", *look.origins]), style),
        html={},
    )
    unfilled = Filling(State.ASK, _ACTION, _SHOWN, _NUMBER, token=_TOKEN)
    return replace(page, html={state: _rendered(page, replace(unfilled, state=state)) for state in _KEPT_STATES})


def _fields(look: Look, text: FormText, text_locale: str) -> dict[str, Any]:
    """Every word of the form in the language spoken now."""
    is_sms = look.channel == Channel.SMS
    return {
        "brand": look.brand,
        "type": look.type_name,
        "title": text.title,
        "button": text.button_text or gettext("Sign Up Now"),
        "legal_html": wording.legal_html(text.legal_text),
        "success": text.success_text,
        "text_lang": wording.language_tag(text_locale),
        "text_dir": wording.direction(text_locale),
        "button_lang": wording.language_tag(text_locale if text.button_text else look.locale),
        "label": gettext("Phone number") if is_sms else gettext("E-mail address"),
        "hint": _hint(look) if is_sms else "",
        "saved_label": gettext("Your saved number") if is_sms else gettext("Your saved address"),
        "not_mine": _not_mine(look, is_sms=is_sms),
        "withdraw": gettext("You can withdraw your consent at any time."),
        "links": _links(look),
    }


def _worded(fields: dict[str, Any], *, is_saved: bool) -> dict[str, Any]:
    """What goes into the evidence: what this reader had on the screen, but for the number, which stands beside it."""
    own = (
        {"saved_label": fields["saved_label"], "notes": [fields["not_mine"], fields["withdraw"]]}
        if is_saved
        else {"label": fields["label"], "hint": fields["hint"], "notes": [fields["withdraw"]]}
    )
    shared = {name: fields[name] for name in ("brand", "type", "legal_html", "button", "links")}
    return shared | own | {"form_title": fields["title"], "mode": "saved" if is_saved else "ask"}


def _hint(look: Look) -> str:
    if look.region:
        return gettext(
            "For example %(example)s. Without +, the country is %(country)s (%(code)s).",
            example=_isolated(phone.example(look.region)),
            country=country_name(look.region, look.locale),
            code=_isolated(phone.calling_code(look.region)),
        )
    return gettext("Start with + and the country code, for example %(example)s.", example=_isolated("+44 7400 123456"))


def _not_mine(look: Look, *, is_sms: bool) -> str:
    if look.help_contact:
        asked = gettext("Not your number? Write to %(contact)s before you sign up.", contact=look.help_contact)
        return asked if is_sms else gettext("Not your address? Write to %(contact)s.", contact=look.help_contact)
    if is_sms:
        return gettext("Not your number? Tell us before you sign up, and we will change it.")
    return gettext("Not your address? Tell us before you sign up, and we will change it.")


def _links(look: Look) -> list[dict[str, str]]:
    links = ((gettext("Privacy policy"), look.privacy_url), (gettext("Terms"), look.terms_url))
    return [{"text": text, "href": href} for text, href in links if href]


def _isolated(number: str) -> str:
    """A number as it reads from left to right inside a sentence of either direction."""
    return f"\u2066{number}\u2069"


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
