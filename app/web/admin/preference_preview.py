"""How the preference center looks to customers, by message type and language. It records nothing."""

from dataclasses import replace
from typing import Any

from flask import Response, render_template, request, url_for

from app.core import clock, wording
from app.core.errors import InvalidInput, NotFound
from app.core.preferences import sample
from app.core.subscriptions import subscription_types
from app.core.wording import LOCALES
from app.core.workspace import settings
from app.models import Channel, SubscriptionType, TypeState, Workspace
from app.web import i18n, ids
from app.web.admin.blueprint import blueprint
from app.web.form_page import colors
from app.web.preference_page import page as preference_page
from app.web.preference_page.page import Publisher, View
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required

_BRANDING = ("name", "accent_color", "privacy_url", "terms_url", "help_contact")


@blueprint.get("/admin/subscription-types/preview")
@marketer_required
def preference_preview() -> str:
    """The page around the preview. Which types are missing, and why, is beside it."""
    with read_only() as session:
        chosen = _chosen_type(session)
        channel = Channel(chosen.channel) if chosen else _channel()
        locale = _locale(i18n.current_locale())
        return render_template(
            "admin/preference_preview.html",
            channel=channel,
            locale=locale,
            locales=LOCALES,
            chosen=chosen,
            hidden=[each for each in sample.of_channel(session, channel) if each.state != TypeState.LIVE],
            frame=url_for("admin.preference_preview_frame", channel=channel, lang=wording.language_tag(locale)),
        )


@blueprint.get("/admin/subscription-types/preview/frame")
@marketer_required
def preference_preview_frame() -> Response:
    """The preference center of a sample person, for a frame of our own pages.

    The query may have values of the branding that are not saved yet.
    """
    channel, locale = _channel(), _locale(i18n.current_locale())
    with read_only() as session:
        found = sample.read(session, channel, locale, at=clock.now())
        publisher = _publisher(settings.get(session))
    view = View(publisher, locale, lambda part, **query: _address(channel, part, **query), is_preview=True)
    return preference_page.respond_in_own_frame(preference_page.center_html(view, found), publisher)


def _publisher(workspace: Workspace) -> Publisher:
    """The saved publisher with the values of the query; invalid ones are as saved."""
    publisher = preference_page.publisher_of(workspace)
    values = {}
    for name in _BRANDING:
        try:
            values[name] = settings.check(name, request.args.get(name, getattr(workspace, name)))
        except InvalidInput:
            values[name] = getattr(workspace, name)
    return replace(
        publisher,
        brand=values.pop("name"),
        style=colors.stylesheet(values.pop("accent_color")),
        **values,
    )


def _address(channel: Channel, part: str, **query: Any) -> str:
    """The languages lead to the preview in that language; everything else leads nowhere."""
    if part or "lang" not in query:
        return "#"
    lang = wording.language_tag(query["lang"])
    return url_for("admin.preference_preview_frame", channel=channel, lang=lang)


def _chosen_type(session: Any) -> SubscriptionType | None:
    type_id = ids.parse_id(request.args.get("type"))
    try:
        return subscription_types.find(session, type_id) if type_id else None
    except NotFound:
        return None


def _channel() -> Channel:
    return Channel.EMAIL if request.args.get("channel") == Channel.EMAIL else Channel.SMS


def _locale(default: str) -> str:
    return wording.negotiate(request.args.get("lang") or wording.language_tag(default), "")
