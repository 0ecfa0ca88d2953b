"""The pages of the preference center: their HTML and headers. Its surface, the preview and short links share them.

They need no script and no cookie, no other page may frame them, and the only inline style is the accent color.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response, render_template

from app.core import public_urls
from app.core.forms import wording as form_wording
from app.core.preferences import wording as preference_wording
from app.core.preferences.center import PreferenceCenter
from app.core.wording import LOCALES, translatable
from app.models import Channel, SuppressionCause, Workspace
from app.web import formatting
from app.web.form_page import colors
from app.web.i18n import gettext, use_locale
from app.web.security import PERMISSIONS

_UNAVAILABLE = translatable("This link does not work.")
_NEXT_STEP = translatable("Check the address, or ask for a new link where you got this one.")
# The person's own stops, which *stop all texts* cannot make any stronger.
_OWN_STOPS = {SuppressionCause.KEYWORD, SuppressionCause.PREFERENCE_CENTER}


@dataclass(frozen=True)
class Publisher:
    """What the pages take from the workspace. ``style`` is the accent color as CSS."""

    brand: str
    logo: str
    style: str
    privacy_url: str
    terms_url: str
    help_contact: str
    time_zone: str


# Of pages that are shown while the database cannot be asked.
NO_PUBLISHER = Publisher("", "", "", "", "", "", "UTC")


@dataclass(frozen=True)
class View:
    """How one reader sees a page.

    :param address: the address of a part of the preference center by the name of its view: ``page``, ``stop``, …
    :param notice: what has just happened
    :param is_preview: the page is shown to staff: its buttons do nothing
    """

    publisher: Publisher
    locale: str
    address: Callable[..., str]
    notice: str = ""
    is_preview: bool = False


def publisher_of(workspace: Workspace) -> Publisher:
    """The publisher of the pages."""
    return Publisher(
        workspace.name,
        public_urls.logo(workspace.logo_hash) if workspace.logo_hash else "",
        colors.stylesheet(workspace.accent_color),
        workspace.privacy_url,
        workspace.terms_url,
        workspace.help_contact,
        workspace.time_zone,
    )


def center_html(view: View, center: PreferenceCenter) -> str:
    """The page that lists the subscriptions."""
    by_channel = {
        channel: [each for each in center.subscriptions if each.channel == channel]
        for channel in (Channel.SMS, Channel.EMAIL)
    }
    return _render(
        view,
        "preferences/center.html",
        state="expired" if center.is_expired else "preferences",
        center=center,
        texts=by_channel[Channel.SMS],
        emails=by_channel[Channel.EMAIL],
        may_stop=center.has_texts and center.suppressed_by not in _OWN_STOPS,
        words=preference_wording,
        languages=LOCALES,
    )


def form_html(view: View, **values: Any) -> str:
    """The page with the form by which one type is subscribed to."""
    return _render(view, "preferences/form.html", state="subscribe", **values)


def record_html(view: View, **values: Any) -> str:
    """The page with the consent record."""
    return _render(view, "preferences/record.html", state="record", **values)


def message_html(view: View, state: str, title: str, sentences: tuple[str, ...] = (), *, leads_back: bool) -> str:
    """A page that says why something did not happen.

    :param leads_back: whether it links to the page with the subscriptions
    """
    return _render(
        view, "preferences/message.html", state=state, title=title, sentences=sentences, leads_back=leads_back
    )


def unavailable(view: View) -> Response:
    """The page of a link that does not work, with what to do now."""
    with use_locale(view.locale):
        title, sentences = gettext(_UNAVAILABLE), (gettext(_NEXT_STEP),)
    html = message_html(view, "unavailable", title, sentences, leads_back=False)
    return respond(html, HTTPStatus.NOT_FOUND, view.publisher)


def respond(html: str, status: int, publisher: Publisher) -> Response:
    """The response, with the headers of these pages."""
    hashed = base64.b64encode(hashlib.sha256(publisher.style.encode()).digest()).decode()
    response = Response(html, status)
    response.headers.update(
        {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'self' 'sha256-{hashed}'; img-src 'self'; form-action 'self'; "
                "base-uri 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex",
            "X-Frame-Options": "DENY",
            "Permissions-Policy": PERMISSIONS,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
    )
    return response


def respond_in_own_frame(html: str, publisher: Publisher) -> Response:
    """The response for a preview, which our own pages may frame."""
    response = respond(html, 200, publisher)
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _render(view: View, template: str, **values: Any) -> str:
    publisher = view.publisher
    with use_locale(view.locale):
        return render_template(
            template,
            view=view,
            publisher=publisher,
            address=view.address,
            help_html=form_wording.help_html(publisher.help_contact, view.locale),
            day=lambda at: formatting.local_day(at, publisher.time_zone),
            moment=lambda at: formatting.local_time(at, publisher.time_zone),
            **values,
        )
