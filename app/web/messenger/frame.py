"""The page of the panel: the same for every visitor in one language. Showing it writes nothing."""

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, Response, render_template, request

from app.core import wording
from app.core.bots import working_rules
from app.core.conversations import appending
from app.core.errors import NotFound
from app.core.workspace import settings
from app.models import Workspace
from app.web.compression import compress
from app.web.form_page import colors
from app.web.form_page import page as form_page
from app.web.form_page.page import ErrorPage
from app.web.i18n import gettext, use_locale
from app.web.services import read_only

blueprint = Blueprint("messenger", __name__, url_prefix="/messenger")
blueprint.after_request(compress)
_CACHED_PAGES_MAX = 64


@dataclass(frozen=True)
class _FrameContext:
    """Everything that the page depends on. It identifies a cached page.

    :param greeting: the workspace's own in ``greeting_locale``; empty: the standard greeting
    :param triggers: for which there are rules of bots
    """

    key: str
    office: str
    accent_color: str
    greeting: str
    greeting_locale: str
    origins: tuple[str, ...]
    locale: str
    theme: str
    triggers: str


@blueprint.get("/frame")
def frame() -> Response:
    with read_only() as session:
        workspace = settings.get(session)
        triggers = working_rules.triggers(session)
    if request.args.get("key") != workspace.messenger_key:
        raise NotFound("There is no such messenger.")
    context = _context(workspace, _locale(), " ".join(triggers))
    style = colors.stylesheet(context.accent_color)
    return form_page.respond(_render(context), 200, _policy(context.origins, style))


@blueprint.errorhandler(NotFound)
def not_found(_error: NotFound) -> Response:
    locale = _locale()
    with use_locale(locale):
        sentence = gettext("There is no chat at this address.")
    return form_page.respond_with_error(ErrorPage(sentence, "not_found"), locale, 404)


def _locale() -> str:
    return wording.negotiate(request.args.get("lang"), request.headers.get("Accept-Language", ""))


def _context(workspace: Workspace, locale: str, triggers: str) -> _FrameContext:
    theme = request.args.get("theme", "")
    greeting_locale = wording.first_known([locale], workspace.messenger_greeting)
    return _FrameContext(
        key=workspace.messenger_key,
        office=workspace.messenger_office_name or workspace.name,
        accent_color=workspace.messenger_accent_color or workspace.accent_color,
        greeting=workspace.messenger_greeting[greeting_locale] if greeting_locale else "",
        greeting_locale=greeting_locale or locale,
        origins=tuple(workspace.allowed_origins),
        locale=locale,
        theme=theme if theme in {"light", "dark"} else "",
        triggers=triggers,
    )


@lru_cache(maxsize=_CACHED_PAGES_MAX)
def _render(context: _FrameContext) -> str:
    with use_locale(context.locale):
        return render_template(
            "messenger/frame.html",
            lang=wording.language_tag(context.locale),
            dir=wording.direction(context.locale),
            theme=context.theme,
            style=colors.stylesheet(context.accent_color),
            key=context.key,
            origins=json.dumps(context.origins),
            accent=context.accent_color,
            on_accent=colors.on(context.accent_color),
            office=context.office,
            greeting=context.greeting or gettext("Hello! How can we help you?"),
            greeting_lang=wording.language_tag(context.greeting_locale),
            greeting_dir=wording.direction(context.greeting_locale),
            triggers=context.triggers,
            longest=appending.BODY_MAX,
        )


def _policy(origins: tuple[str, ...], style: str) -> str:
    """Only the allowed origins may frame the page."""
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{hashed}'; img-src 'self'; "
        "connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors " + " ".join(["'self'", *origins])
    )
