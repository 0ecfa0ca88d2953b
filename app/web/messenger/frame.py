"""The panel's page: the same for every visitor in one language; showing it writes nothing."""

import base64
import hashlib
import json

from flask import Blueprint, Response, current_app, render_template, request

from app.core import wording
from app.core.conversations import messages as conversations
from app.core.errors import NotFound
from app.core.workspace import settings
from app.models import Workspace
from app.web import compression
from app.web.form_page import colors as colour
from app.web.form_page import page as optin_page
from app.web.i18n import gettext, speaking
from app.web.services import read_only

blueprint = Blueprint("messenger", __name__, url_prefix="/messenger")
blueprint.after_request(compression.compress)
_KEPT_PAGES = 64


@blueprint.get("/frame")
def frame() -> Response:
    with read_only() as session:
        workspace = settings.get(session)
    locale = _locale()
    if request.args.get("key") != workspace.messenger_key:
        raise NotFound("There is no such messenger.")
    theme = request.args.get("theme", "")
    return _page(workspace, locale, theme if theme in {"light", "dark"} else "")


@blueprint.errorhandler(NotFound)
def not_found(_error: NotFound) -> Response:
    locale = _locale()
    with speaking(locale):
        sentence = gettext("There is no chat at this address.")
    return optin_page.answered(optin_page.error_page(sentence, locale), 404, optin_page.NOBODY)


def _locale() -> str:
    return wording.negotiate(request.args.get("lang"), request.headers.get("Accept-Language", ""))


def _page(workspace: Workspace, locale: str, theme: str) -> Response:
    """The page, made once for each look, with the headers that let exactly the allowed origins frame it."""
    pages: dict[tuple[int, str, str], str] = current_app.extensions.setdefault("assent.messenger_pages", {})
    style = colour.stylesheet(workspace.messenger_accent_color)
    kept = (workspace.revision, locale, theme)
    if kept not in pages:
        if len(pages) >= _KEPT_PAGES:
            pages.clear()
        pages[kept] = _rendered(workspace, style, locale, theme)
    return optin_page.answered(pages[kept], 200, _policy(workspace.allowed_origins, style))


def _rendered(workspace: Workspace, style: str, locale: str, theme: str) -> str:
    greeting_locale = wording.first_known([locale], workspace.messenger_greeting)
    with speaking(locale):
        greeting = gettext("Hello! How can we help you?")
        return render_template(
            "messenger/frame.html",
            lang=wording.language_tag(locale),
            dir=wording.direction(locale),
            theme=theme,
            style=style,
            key=workspace.messenger_key,
            origins=json.dumps(workspace.allowed_origins),
            accent=workspace.messenger_accent_color,
            on_accent=colour.on(workspace.messenger_accent_color),
            office=workspace.messenger_office_name or workspace.name,
            greeting=workspace.messenger_greeting[greeting_locale] if greeting_locale else greeting,
            greeting_lang=wording.language_tag(greeting_locale or locale),
            greeting_dir=wording.direction(greeting_locale or locale),
            longest=conversations.BODY_MAX,
        )


def _policy(origins: list[str], style: str) -> str:
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{hashed}'; img-src 'self'; "
        "connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors " + " ".join(["'self'", *origins])
    )
