"""The switch of one type: leaving is one tap, subscribing shows the form that the type names for it."""

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlencode

from flask import redirect, request
from flask.typing import ResponseReturnValue

from app.core import clock, destinations, public_urls
from app.core.destinations import Destination
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView, State
from app.core.forms.render_token import RenderToken
from app.core.ledger.evidence import Evidence
from app.core.preferences import links, opt_in
from app.core.preferences.links import Link
from app.core.signing import random_token
from app.core.submissions.outcome import Outcome
from app.core.workspace import settings
from app.models import Source
from app.web.form_page import page as form_page
from app.web.form_page import refusals
from app.web.form_page.confirm_link import ConfirmLink
from app.web.form_page.evidence import evidence_of_page
from app.web.form_page.page import FormPage, PageData
from app.web.preference_page import page as preference_page
from app.web.preference_page.page import publisher_of
from app.web.preferences import notices, views
from app.web.preferences.blueprint import blueprint
from app.web.preferences.reader import addresses, locale_of, view_of
from app.web.services import keys, read_only, unit_of_work
from app.web.texting import texting


@blueprint.get("/<token>/subscription_types/<type_id>")
def form(token: str, type_id: str) -> ResponseReturnValue:
    return _form(token, views.found_id(type_id))


@blueprint.post("/<token>/subscription_types/<type_id>")
def switch(token: str, type_id: str) -> ResponseReturnValue:
    found = views.found_id(type_id)
    if request.form.get("action") == "unsubscribe":
        return views.leave(token, found)
    if "shown" not in request.form:
        return redirect(addresses(token)("form", type_id=found), 303)
    return _answer(token, found)


def _form(token: str, type_id: int, outcome: Outcome | None = None) -> ResponseReturnValue:
    """The form.

    :param outcome: why an answer was refused
    """
    with read_only() as session:
        link = links.find(session, token)
        view = opt_in.form_of(session, link, type_id, at=clock.now())
        publisher = publisher_of(settings.get(session))
    saved = form_views.saved_destination(keys(), view) if view else None
    if view is None or saved is None:
        return redirect(addresses(token)("page"), 303)
    page = _page_of(view, locale_of(link))
    html = preference_page.form_html(
        view_of(publisher, token, page.context.locale),
        texts=page.texts,
        data=_data(_place(token, type_id), page, saved, outcome),
        action=addresses(token)("switch", type_id=type_id),
    )
    response = preference_page.respond(html, _status(outcome), publisher)
    if outcome and outcome.retry_after_s is not None:
        response.headers["Retry-After"] = str(outcome.retry_after_s)
    return response


def _answer(token: str, type_id: int) -> ResponseReturnValue:
    """Record the answer in one transaction, then show the page, or the form again where the answer is refused."""
    shown = RenderToken.read(keys().signer("shown"), request.form["shown"], place=_place(token, type_id))
    has_agreed = request.form.get("agree") == "on"
    with unit_of_work() as session:
        link = links.find(session, token)
        view = opt_in.form_of(session, link, type_id, shown=shown, at=clock.now())
        if view is None:
            outcome = Outcome(State.SIGNED_UP)
        else:
            view = replace(view, texting=texting())
            locale = shown.locale if shown else locale_of(link)
            page = _page_of(view, locale)
            is_as_shown = shown is not None and page.wording(is_saved=True).hash == shown.wording_hash
            evidence = _evidence(view, page, link)
            shown = shown if is_as_shown else None
            outcome = opt_in.answer(session, view, shown, evidence, has_agreed=has_agreed, at=clock.now())
    if outcome.refusal is not None:
        return _form(token, type_id, outcome)
    if outcome.state == State.CONFIRM and view is not None:
        return redirect(_confirm_address(view, outcome, locale, token), 303)
    return redirect(addresses(token)("page", done=notices.JOINED, type=type_id), 303)


def _confirm_address(view: FormView, outcome: Outcome, locale: str, token: str) -> str:
    """The form's own page, which asks to confirm the number, and leads back to the page of this token."""
    number = destinations.masked(outcome.destination.value, view.form.channel) if outcome.destination else ""
    confirmation, asked_at = outcome.confirmation or "", clock.now().isoformat()
    method = view.verify_number.value
    link = ConfirmLink(view.form.key, locale, confirmation, method, number, asked_at, preferences=token)
    return f"{public_urls.public_form(view.form.key)}?{urlencode({'confirm': link.sealed(keys())})}"


def _page_of(view: FormView, locale: str) -> FormPage:
    return form_page.find(form_page.context_of(view, locale=locale, region=None, theme="", is_transparent=False))


def _evidence(view: FormView, page: FormPage, link: Link) -> Evidence:
    words = page.wording(is_saved=True)
    evidence = evidence_of_page(page, view, words, Source.PREFERENCE_CENTER, link.level)
    return evidence.with_details(shown_as=destinations.masked(view.saved, view.form.channel) if view.saved else "")


def _data(place: str, page: FormPage, saved: Destination, outcome: Outcome | None) -> PageData:
    """What the form shows of this request, with the token of this render."""
    context = page.context
    shown = RenderToken(
        place=place,
        version_id=context.version_id,
        locale=context.locale,
        wording_hash=page.wording(is_saved=True).hash,
        destination_hash=saved.hash,
        region=None,
        origin=None,
        nonce=random_token(),
        at=clock.now(),
    )
    return PageData(
        State.SAVED,
        shown=shown.signed(keys().signer("shown")),
        number=destinations.masked(saved.value, context.channel),
        error=refusals.refusal_sentence(outcome, context.locale) if outcome else "",
        agree_error=refusals.tick_sentence(context.locale) if outcome and not outcome.has_agreed else "",
    )


def _place(token: str, type_id: int) -> str:
    return f"{token}/{type_id}"


def _status(outcome: Outcome | None) -> int:
    return refusals.refusal_status(outcome) if outcome else HTTPStatus.OK
