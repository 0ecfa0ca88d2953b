"""The page that asks to confirm an opt-in: by a code, by a reply, or by a text that the person sends."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from app.core import clock, destinations
from app.core.confirmations import confirming, pretending, reading, starting
from app.core.confirmations.confirming import Result
from app.core.confirmations.reading import Waiting
from app.core.forms import user_token
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView, State
from app.core.forms.user_view import user_view
from app.core.ledger.evidence import Evidence
from app.core.submissions.outcome import Outcome
from app.models import ConfirmationState, EvidenceLevel, Source, VerifyNumber
from app.web.embed import confirm_part, pages
from app.web.embed.confirm_part import Refusal
from app.web.embed.done import Done
from app.web.form_page import page as form_page
from app.web.form_page.confirm_link import ConfirmLink
from app.web.form_page.page import FormPage, PageData
from app.web.security import client_address
from app.web.services import keys, read_only, unit_of_work
from app.web.texting import texting

blueprint = Blueprint("confirm", __name__)
_CODE_MAX = 40
_Read = Callable[[Session], FormView]


@blueprint.post("/form/<key>/confirm")
def public_form(key: str) -> Response:
    return _enter(key, "embed.public_form", lambda session: form_views.public_view(session, key))


@blueprint.post("/<token>/confirm")
def inserted_form(token: str) -> Response:
    return _enter(token, "embed.inserted_form", lambda session: form_views.inserted_view(session, token))


@blueprint.post("/user/<signed>/confirm")
def form_of_signed_user(signed: str) -> Response:
    return _enter(signed, "embed.form_of_signed_user", _of_user(signed))


@blueprint.post("/form/<key>/resend")
def resend_public_form(key: str) -> Response:
    return _resend(key, "embed.public_form", lambda session: form_views.public_view(session, key))


@blueprint.post("/<token>/resend")
def resend_inserted_form(token: str) -> Response:
    return _resend(token, "embed.inserted_form", lambda session: form_views.inserted_view(session, token))


@blueprint.post("/user/<signed>/resend")
def resend_form_of_signed_user(signed: str) -> Response:
    return _resend(signed, "embed.form_of_signed_user", _of_user(signed))


def sent(place: str) -> ConfirmLink | None:
    """The sealed value that this request carries; null as for ``ConfirmLink.read``."""
    sealed = request.form.get("confirm") or request.args.get("confirm", "")
    return ConfirmLink.read(keys(), sealed, place=place) if sealed else None


def redirect_to(
    view: FormView, page: FormPage, outcome: Outcome, *, place: str, number: str, is_signed: bool
) -> Response:
    """A redirect to the page that asks to confirm this answer.

    :param number: as this reader may see it
    """
    method, asked_at = view.verify_number.value, clock.now().isoformat()
    link = ConfirmLink(place, page.context.locale, outcome.confirmation or "", method, number, asked_at, is_signed)
    return _redirect(page, confirm=link.sealed(keys()))


def show(view: FormView, place: str, *, is_signed_up: bool) -> Response | None:
    """The page that asks to confirm, or the one after that; null: nothing waits, so the form itself is shown."""
    link = sent(place) if request.query_string else None
    is_waiting = view.insertion is not None and view.insertion.confirming_at is not None and not is_signed_up
    if (link is None and not is_waiting) or "again" in request.args:
        return None
    view = confirm_part.with_texting(view)
    with read_only() as session:
        waiting = reading.find(session, link.token, at=clock.now()) if link else _of_form(session, view)
        pretended = pretending.state(session, link.asked, at=clock.now()) if link and not waiting else None
    if link is None:
        link = _link_of(view, waiting, place) if waiting else None
    if link is None:
        return None
    page = pages.page_of(view, locale=link.locale)
    if waiting is not None and waiting.state == ConfirmationState.CONFIRMED:
        return _done(link, waiting.form_token, waiting.event_id).redirect(page)
    state = waiting.state if waiting else pretended
    if state != ConfirmationState.PENDING:
        is_expired = state == ConfirmationState.EXPIRED
        return _ended(page, link, Result.EXPIRED if is_expired else Result.FAILED)
    return _page(view, page, link, waiting)


def _enter(place: str, endpoint: str, read: _Read) -> Response:
    """Check the code in one transaction, then show what it did."""
    link = sent(place)
    with unit_of_work() as session:
        view = read(session)
        page = pages.page_of(view, locale=link.locale if link else None)
        if link is None:
            return _ended(page, link, Result.EXPIRED, endpoint)
        at, typed = clock.now(), request.form.get("code", "")[:_CODE_MAX]
        entered = confirming.enter_code(session, link.asked, typed, _evidence(), texting=texting(), at=at)
        waiting = reading.find(session, link.token, at=at)
    if entered.result == Result.CONFIRMED and waiting is not None:
        return _done(link, waiting.form_token, entered.event_id).redirect(page, endpoint)
    if entered.result == Result.WRONG:
        return _page(view, page, link, waiting, Refusal("wrong_code"), endpoint)
    return _ended(page, link, entered.result, endpoint)


def _resend(place: str, endpoint: str, read: _Read) -> Response:
    link = sent(place)
    with unit_of_work() as session:
        view = confirm_part.with_texting(read(session))
        page = pages.page_of(view, locale=link.locale if link else None)
        if link is None:
            return _ended(page, link, Result.EXPIRED, endpoint)
        at, address = clock.now(), client_address(request)
        again = starting.send_again(session, view, link.asked, address=address, at=at)
        waiting = reading.find(session, link.token, at=at)
    if again.is_over:
        return _ended(page, link, Result.FAILED, endpoint)
    if again.wait_s is not None:
        return _page(view, page, link, waiting, Refusal("wait", again.wait_s), endpoint)
    return _redirect(page, endpoint, confirm=link.asked_again(at).sealed(keys()), sent="1")


def _page(
    view: FormView,
    page: FormPage,
    link: ConfirmLink,
    waiting: Waiting | None,
    refusal: Refusal | None = None,
    endpoint: str | None = None,
) -> Response:
    """The page that asks to confirm. An unknown confirmation looks like one that waits."""
    place = endpoint or request.endpoint or ""
    part = confirm_part.of(view, link, nonce=waiting.nonce if waiting else None, endpoint=place)
    sentence = confirm_part.sentence_of(refusal, page.context.locale) if refusal else ""
    data = PageData(
        State.CONFIRM,
        action=pages.address(place.replace("embed.", "confirm.")),
        number=link.number,
        error=sentence,
        error_code=refusal.code if refusal else "",
        notice=confirm_part.checked_notice(page.context.locale),
        confirm=part,
        back=pages.way_back(link.preferences),
    )
    response = form_page.respond(form_page.html_of(page, data), refusal.status if refusal else 200, page.policy)
    if refusal and refusal.wait_s:
        response.headers["Retry-After"] = str(refusal.wait_s)
    return response


def _of_form(session: Session, view: FormView) -> Waiting | None:
    return reading.of_form(session, view.insertion.id, at=clock.now()) if view.insertion else None


def _link_of(view: FormView, waiting: Waiting, place: str) -> ConfirmLink:
    """The link for someone who opens the form again while it waits."""
    number = destinations.masked(waiting.number or "", view.form.channel)
    method, asked_at = VerifyNumber(waiting.method).value, clock.now().isoformat()
    return ConfirmLink(place, waiting.locale, waiting.token, method, number, asked_at)


def _done(link: ConfirmLink, form_token: str, event_id: int | None) -> Done:
    return Done(
        link.place,
        link.locale,
        token=form_token,
        number=link.number,
        event_id=event_id,
        is_signed=link.is_signed,
        is_confirmed=True,
        preferences=link.preferences,
    )


def _ended(page: FormPage, link: ConfirmLink | None, result: Result, endpoint: str | None = None) -> Response:
    """A redirect to the form, which says why the confirmation ended."""
    sealed = link.sealed(keys()) if link and link.preferences else ""
    return _redirect(page, endpoint, again="1", ended=result, confirm=sealed)


def _redirect(page: FormPage, endpoint: str | None = None, **values: str) -> Response:
    response = form_page.respond("", HTTPStatus.SEE_OTHER, page.policy)
    response.headers["Location"] = pages.address(endpoint, place=None, **values)
    return response


def _evidence() -> Evidence:
    """Who enters the code, as far as the request shows."""
    return Evidence(
        Source.VERIFICATION,
        "contact",
        EvidenceLevel.OTP,
        ip_address=client_address(request),
        user_agent=request.headers.get("User-Agent"),
    )


def _of_user(signed: str) -> _Read:
    user = user_token.find(keys(), signed, is_answer=True)
    return lambda session: user_view(session, user.form_key, user.user_id)
