"""The page of a form for the reader of this request: its language and look, and its address."""

from collections.abc import Mapping
from typing import Any

from flask import request, url_for

from app.core import public_urls, wording
from app.core.forms.form_view import FormView
from app.core.forms.render_token import RenderToken
from app.web.form_page import countries
from app.web.form_page import page as form_page
from app.web.form_page.page import FormPage

_RADIUS_MAX = 24


def page_of(
    view: FormView, shown: RenderToken | None = None, *, locale: str | None = None, region: str | None = None
) -> FormPage:
    """The page: in the given language, or that of the render, else of the framing page, the contact or the browser.

    :param region: the country that the page preselects; null: that of the render, else as the form says
    """
    if shown is None:
        locale = locale or negotiated(view)
        region = countries.preselected(view)
    else:
        locale, region = shown.locale, region or shown.region
    context = form_page.context_of(
        view, locale=locale, region=region, theme=_theme(), is_transparent=_option("background") == "transparent"
    )
    return form_page.find(context)


def negotiated(view: FormView | None = None) -> str:
    """The reader's language: as the framing page asks, else the contact's, else the browser's."""
    respondent = view.respondent if view else None
    preferred = _option("lang") or (respondent.locale if respondent else None)
    return wording.negotiate(preferred, request.headers.get("Accept-Language", ""))


def address(endpoint: str | None = None, *, place: Mapping[str, str] | None = None, **more: str) -> str:
    """The address of this page with these values, and with the look that the framing page asks for.

    :param endpoint: of another page; null: of this request
    :param place: the variables of that page's path; null: those of this request, for the same form
    """
    path = dict(request.view_args or {} if place is None else place)
    look = _look() if request.query_string else {}
    values: dict[str, Any] = path | {name: value for name, value in (look | more).items() if value}
    return url_for(endpoint or request.endpoint or "", **values)


def way_back(token: str) -> str:
    """The address of the preference center that the person came from; empty: they came from elsewhere."""
    return public_urls.preferences(token) if token else ""


def _look() -> dict[str, str]:
    """The look that the framing page asks for; empty values where it asks for none."""
    radius = _option("radius")
    return {
        "theme": _theme(),
        "place": "banner" if _option("place") == "banner" else "",
        "background": "transparent" if _option("background") == "transparent" else "",
        "radius": radius if radius.isdecimal() and radius.isascii() and int(radius[:3]) <= _RADIUS_MAX else "",
        "lang": wording.language_tag(negotiated()) if _option("lang") else "",
    }


def _theme() -> str:
    """``light`` or ``dark`` when the framing page asks for it; empty: the reader's own setting."""
    theme = _option("theme")
    return theme if theme in {"light", "dark"} else ""


def _option(name: str) -> str:
    return request.args.get(name, "") if request.query_string else ""
