"""The page of an opt-in form in every state: its wording, its HTML and its headers.

The part that is the same for everyone (one version in one language for one workspace) is rendered once and cached; a
request only fills in its own values. The embed and the live preview share it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, render_template
from markupsafe import escape

from app.core import public_urls, wording
from app.core.forms import wording as form_wording
from app.core.forms.content import FormContent, find_content
from app.core.forms.form_view import FormView, State
from app.core.forms.wording import WordingContext
from app.core.signing import random_token
from app.core.wording import FrozenWording
from app.models import Channel
from app.web.form_page import colors, countries
from app.web.form_page.confirm_link import ConfirmPart
from app.web.i18n import use_locale
from app.web.security import PERMISSIONS
from app.web.services import read_only

_CACHED_PAGES_MAX = 512
# Placeholders in a cached page, random so that no text of a form can contain one.
_SHOWN, _ACTION, _NUMBER, _TOKEN, _DONE, _OPTIONS, _REGION, _ZONES = (
    f"{name}-{random_token()}" for name in ("shown", "action", "number", "token", "done", "options", "region", "zones")
)
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Permissions-Policy": PERMISSIONS,
    # pages that are isolated from other origins may frame only pages that load nothing from other origins
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
# The most frequent states are cached; the others are rendered when they are needed.
_CACHED_STATES = (State.ASK, State.SAVED, State.SIGNED_UP, State.DONE)


@dataclass(frozen=True)
class PageContext(WordingContext):
    """Everything that the wording and the look of a form depend on, and nothing about a person.

    With ``form_key``, which is random, it identifies a cached page.
    """

    version_id: int
    theme: str
    is_transparent: bool
    is_public: bool
    is_unverified: bool
    form_key: str
    origins: tuple[str, ...]
    allowed_countries: frozenset[str]


@dataclass(frozen=True)
class FormPage:
    """The fixed part of a form's page: its wording where it asks and where it shows a saved number, and its HTML."""

    context: PageContext
    ask_wording: FrozenWording
    saved_wording: FrozenWording
    texts: dict[str, Any]
    style: str
    policy: str
    html: Mapping[State, str]

    def wording(self, *, is_saved: bool) -> FrozenWording:
        return self.saved_wording if is_saved else self.ask_wording


@dataclass(frozen=True)
class PageData:
    """The values that a request fills in.

    :param action: where the form is sent
    :param shown: the signed render token
    :param number: masked, unless the reader may see it in full
    :param typed: the text that was typed, when the page asks again
    :param country: the country that is selected; null: none, the first option says so
    :param browser_region: the country that a script selects if the time zone agrees; empty: none
    :param is_agreed: the box stays ticked when the page asks again
    :param agree_error: what is wrong with the box
    :param is_suppressed: texts to the number are stopped, and the reader may know that
    :param token: of a page in the state "done": the inserted form's token
    :param done: the signed value with which the answer can be undone; empty: it cannot
    :param preferences: where the button is sent that leads to the preference center; empty: this reader has none
    :param notice: what has just happened, above the form; ``is_undone``: it is an undo or a withdrawal
    :param is_confirmed: the holder of the number has confirmed the sign-up
    :param confirm: of a page in the state "confirm"
    :param back: the address of the preference center that the person came from
    """

    state: State
    action: str = ""
    shown: str = ""
    number: str = ""
    typed: str = ""
    country: str | None = None
    browser_region: str = ""
    is_agreed: bool = False
    error: str = ""
    error_code: str = ""
    agree_error: str = ""
    is_suppressed: bool = False
    token: str = ""
    done: str = ""
    preferences: str = ""
    notice: str = ""
    is_undone: bool = False
    is_confirmed: bool = False
    confirm: ConfirmPart | None = None
    back: str = ""

    @property
    def is_first(self) -> bool:
        """Whether there is nothing of this person beside the number, so that the cached page can be used."""
        is_final = self.state == State.DONE and not self.done
        own = (
            self.error,
            self.agree_error,
            self.typed,
            self.is_agreed,
            self.is_suppressed,
            self.notice,
            self.is_confirmed,
            self.preferences,
            self.back,
            is_final,
        )
        return not any(own)


_cache: dict[PageContext, FormPage] = {}


def context_of(view: FormView, *, locale: str, region: str | None, theme: str, is_transparent: bool) -> PageContext:
    """The context of a form for one reader.

    :param locale: the reader's; the page is in the form's own language where it is not translated into this one
    """
    form, publisher = view.form, view.publisher
    return PageContext(
        version_id=form.version_id,
        locale=locale,
        region=region,
        theme=theme,
        is_transparent=is_transparent,
        channel=form.channel,
        is_public=view.is_public,
        is_unverified=view.is_unverified,
        form_key=form.key,
        brand=publisher.name,
        privacy_url=publisher.privacy_url,
        terms_url=publisher.terms_url,
        help_contact=publisher.help_contact,
        origins=tuple(view.origins),
        allowed_countries=frozenset(publisher.allowed_countries),
    )


def find(context: PageContext) -> FormPage:
    """The page; rendered and cached, unless this process has rendered it before."""
    if page := _cache.get(context):
        return page
    with read_only() as session:
        content = find_content(session, context.version_id)
    if len(_cache) >= _CACHED_PAGES_MAX:
        _cache.clear()
    page = _cache[context] = render(context, content)
    _cache[page.context] = page  # in the language that the page has
    return page


def render(context: PageContext, content: FormContent) -> FormPage:
    """Render the page without caching it: for content that may still change."""
    context = replace(context, locale=form_wording.page_locale(content, context.locale))
    style = colors.stylesheet(content.accent_color)
    texts = form_wording.page_texts(context, content)
    page = FormPage(
        context,
        form_wording.evidence_wording(context, texts, is_saved=False),
        form_wording.evidence_wording(context, texts, is_saved=True),
        texts,
        style,
        content_policy(" ".join(["'self'", *context.origins]), style),
        html={},
    )
    unfilled = PageData(State.ASK, _ACTION, _SHOWN, _NUMBER, token=_TOKEN, done=_DONE)
    select = _Select(_OPTIONS, _REGION, _ZONES)
    html = {state: _render_state(page, replace(unfilled, state=state), select) for state in _CACHED_STATES}
    return replace(page, html=html)


def html_of(page: FormPage, data: PageData) -> str:
    """The whole page in one state."""
    html = page.html.get(data.state)
    select = _select(page.context, data)
    if html is None or not data.is_first:
        return _render_state(page, data, select)
    return (
        html.replace(_SHOWN, data.shown)
        .replace(_ACTION, str(escape(data.action)))
        .replace(_NUMBER, str(escape(data.number)))
        .replace(_TOKEN, data.token)
        .replace(_DONE, data.done)
        .replace(_OPTIONS, select.options)
        .replace(_REGION, select.region)
        .replace(_ZONES, select.zones)
    )


def respond(html: str, status: int, policy: str) -> Response:
    """A page that other sites may frame as ``policy`` says. The application adds the headers common to all pages."""
    return Response(html, status, {"Content-Security-Policy": policy, **_HEADERS})


def content_policy(ancestors: str, style: str = "") -> str:
    """The content security policy of the embed. The accent color is the only inline style, allowed by its hash."""
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed_style = f"'self' 'sha256-{hashed}'" if style else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {allowed_style}; img-src 'self'; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )


@dataclass(frozen=True)
class ErrorPage:
    """What an error page says: the sentence, its stable code, what to do next, and whom to ask (safe HTML).

    :param brand: name of the workspace; empty where the database is not asked
    :param back: the address of the form; empty where there is none
    """

    sentence: str
    code: str
    next_step: str = ""
    brand: str = ""
    help_html: str = ""
    back: str = ""


def respond_with_error(error: ErrorPage, locale: str, status: int) -> Response:
    """An error page. Any site may frame it, so that people read it there: it holds nothing about a person."""
    with use_locale(locale):
        html = render_template(
            "embed/error.html", error=error, lang=wording.language_tag(locale), dir=wording.direction(locale)
        )
    return respond(html, status, _FRAMED_ANYWHERE)


_FRAMED_ANYWHERE = content_policy("*")


@dataclass(frozen=True)
class _Select:
    """What the country select needs: its options as HTML, and which one a script selects in which time zones."""

    options: str = ""
    region: str = ""
    zones: str = ""


def _select(context: PageContext, data: PageData) -> _Select:
    if data.state != State.ASK or context.channel != Channel.SMS:
        return _Select()
    return _Select(
        countries.options_html(context.locale, context.allowed_countries, data.country),
        data.browser_region,
        countries.time_zones(data.browser_region) if data.browser_region else "",
    )


def _render_state(page: FormPage, data: PageData, select: _Select) -> str:
    context = page.context
    with use_locale(context.locale):
        return render_template(
            "embed/form.html",
            context=context,
            lang=wording.language_tag(context.locale),
            dir=wording.direction(context.locale),
            style=page.style,
            origins=json.dumps(list(context.origins)),
            is_sms=context.channel == Channel.SMS,
            texts=page.texts,
            data=data,
            select=select,
            own_page=public_urls.inserted_form(data.token),
            home=public_urls.public_form(context.form_key),
        )
