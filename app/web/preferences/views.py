"""The page of a link, and the buttons on it. GET and HEAD write nothing: programs that check links open them all."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Response, abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import NotFound
from app.core.preferences import acts, center, links, one_click, wording
from app.core.preferences.links import Link
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.web import ids
from app.web.preference_page import page as preference_page
from app.web.preference_page.page import publisher_of
from app.web.preferences import limits, notices
from app.web.preferences.blueprint import blueprint
from app.web.preferences.reader import addresses, evidence_of, locale_of, view_of
from app.web.services import read_only, unit_of_work

Act = Callable[[Session, Link, str], None]


@blueprint.get("/<token>")
def page(token: str) -> Response:
    return show(token)


@blueprint.get("/<token>/one-click")
def one_click_page(token: str) -> Response:
    return show(token)


@blueprint.post("/<token>/one-click")
def leave_by_one_click(token: str) -> ResponseReturnValue:
    """Leave an email type, or all of them, as RFC 8058 says. The body may be of any content type."""
    name, value = one_click.BODY
    if request.form.get(name) != value and request.get_data().strip() != "=".join(one_click.BODY).encode():
        abort(HTTPStatus.BAD_REQUEST)
    asked = request.args.get("type")
    only = None if asked is None else ids.parse_id(asked) or 0
    with unit_of_work() as session:
        link = links.find(session, token)
        evidence = evidence_of(link, locale_of(link), None, list_unsubscribe=value)
        acts.leave_emails(session, link, evidence, only=only, at=clock.now())
    return show(token)


@blueprint.post("/<token>/stop")
def stop(token: str) -> ResponseReturnValue:
    def act(session: Session, link: Link, locale: str) -> None:
        words = wording.stopping(locale, settings.get(session).name)
        acts.stop_texts(session, link, evidence_of(link, locale, words), at=clock.now())

    return _done(token, act, notices.STOPPED)


@blueprint.post("/<token>/allow")
def allow(token: str) -> ResponseReturnValue:
    def act(session: Session, link: Link, locale: str) -> None:
        words = wording.allowing(locale, settings.get(session).name)
        acts.allow_texts(session, link, evidence_of(link, locale, words), at=clock.now())

    return limits.too_many(token) or _done(token, act, notices.ALLOWED)


@blueprint.post("/<token>/erasure")
def request_erasure(token: str) -> ResponseReturnValue:
    def act(session: Session, link: Link, _locale: str) -> None:
        acts.request_erasure(session, link, at=clock.now())

    return limits.too_many(token) or _done(token, act, notices.ASKED)


def leave(token: str, type_id: int) -> ResponseReturnValue:
    """Leave one type. Never limited: leaving has to work also for many people behind one address."""

    def act(session: Session, link: Link, locale: str) -> None:
        text = subscription_types.text_in(subscription_types.find(session, type_id), locale)
        words = wording.leaving(locale, settings.get(session).name, text.name, text.description)
        acts.leave(session, link, type_id, evidence_of(link, locale, words), at=clock.now())

    return _done(token, act, notices.LEFT, type=type_id)


def show(token: str, status: int = HTTPStatus.OK) -> Response:
    """The page of a link.

    :raises NotFound: there is no such link
    """
    with read_only() as session:
        link = links.find(session, token)
        locale = locale_of(link)
        found = center.read(session, link, locale, at=clock.now())
        publisher = publisher_of(settings.get(session))
    view = view_of(publisher, token, locale, notices.notice_of(found, locale))
    return preference_page.respond(preference_page.center_html(view, found), status, publisher)


def found_id(text: str) -> int:
    """The id in an address. :raises NotFound: it is not one"""
    number = ids.parse_id(text)
    if number is None:
        raise NotFound("There is no such subscription type.")
    return number


def _done(token: str, act: Act, done: str, **query: int) -> ResponseReturnValue:
    """Act in one transaction, then lead to the page, which says what happened."""
    with unit_of_work() as session:
        link = links.find(session, token)
        act(session, link, locale_of(link))
    return redirect(addresses(token)("page", done=done, **query), 303)
