"""GET shows a form and writes nothing; POST is an answer; POST to ``seen`` reports that the page became visible."""

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.destinations import Destination
from app.core.errors import NotFound
from app.core.forms import user_token
from app.core.forms import views as form_views
from app.core.forms import wording as form_wording
from app.core.forms.form_view import FormView, State
from app.core.forms.render_token import RenderToken
from app.core.forms.user_token import FormUser
from app.core.forms.user_view import user_view
from app.core.signing import random_token
from app.core.submissions import seen
from app.core.submissions import submit as submissions
from app.core.submissions.outcome import Outcome
from app.db import ReadConnection
from app.models import ContactRole
from app.web.embed import masking, pages, undo, way_out
from app.web.embed.done import AS_BEFORE, WITHDRAWN, Done
from app.web.embed.evidence import evidence_of, framing_origin, is_suppressed
from app.web.embed.forms import AnswerForm
from app.web.form_page import countries, refusals
from app.web.form_page import page as form_page
from app.web.form_page.page import FormPage, PageData
from app.web.security import client_address, refuse_other_sites
from app.web.services import keys, read_connection, unit_of_work

blueprint = Blueprint("embed", __name__)
_TAKES_ANSWERS = {State.ASK, State.SAVED}
_SENDS = {*_TAKES_ANSWERS, State.SIGNED_UP}  # pages with a button, and with a render token for it
# In a frame with ``sandbox`` the page has no origin, so that its own server is another site.
_READABLE_IN_SANDBOX = {"Cross-Origin-Resource-Policy": "cross-origin"}


@blueprint.before_request
@undo.blueprint.before_request
@way_out.blueprint.before_request
def refuse_answers_from_other_sites() -> None:
    """Refuse answers from other sites. Allowed sites may frame the form, but only our own page sends answers.

    In a frame with ``sandbox`` our own page has no origin, so that a browser calls it another site. Its render token,
    or the signed value of the page after an answer, proves that we made it.
    """
    if request.method == "POST" and not _is_from_sandbox():
        refuse_other_sites()


def _is_from_sandbox() -> bool:
    if request.headers.get("Origin") != "null":
        return False
    place = next(iter((request.view_args or {}).values()), "")
    return AnswerForm(request.form).render_token(keys(), place) is not None or undo.sent(place) is not None


@blueprint.get("/form/<key>")
def public_form(key: str) -> Response:
    with read_connection() as connection:
        view = form_views.public_view(connection, key)
    return _show(view, key)


@blueprint.get("/<token>")
def inserted_form(token: str) -> Response:
    with read_connection() as connection:
        view = form_views.inserted_view(connection, token)
    return _show(view, token)


@blueprint.get("/user/<signed>")
def form_of_signed_user(signed: str) -> Response:
    done = Done.read(keys(), request.args.get("done", ""), place=signed)
    user = _form_user(signed, is_answer=done is not None)
    with read_connection() as connection:
        view = user_view(connection, user.form_key, user.user_id)
    return _show(view, signed)


@blueprint.post("/form/<key>")
def answer_public_form(key: str) -> Response:
    return _answer(key, lambda session, shown: form_views.public_view(session, key, shown=shown))


@blueprint.post("/user/<signed>")
def answer_form_of_signed_user(signed: str) -> Response:
    user = _form_user(signed, is_answer=True)
    return _answer(signed, lambda session, shown: user_view(session, user.form_key, user.user_id, shown=shown))


@blueprint.post("/<token>")
def answer_inserted_form(token: str) -> Response:
    return _answer(token, lambda session, _shown: form_views.inserted_view(session, token))


@blueprint.post("/form/<key>/seen")
def public_form_seen(key: str) -> ResponseReturnValue:
    shown = AnswerForm(request.form).render_token(keys(), key)
    if shown is not None:
        with unit_of_work() as session:
            seen.public_form_seen(session, key, shown, address=client_address(request), at=clock.now())
    return "", 204, _READABLE_IN_SANDBOX


@blueprint.post("/user/<signed>/seen")
def form_of_signed_user_seen(signed: str) -> ResponseReturnValue:
    key = _form_user(signed, is_answer=True).form_key
    shown = AnswerForm(request.form).render_token(keys(), signed)
    if shown is not None:
        with unit_of_work() as session:
            seen.public_form_seen(session, key, shown, address=client_address(request), at=clock.now())
    return "", 204


@blueprint.post("/<token>/seen")
def inserted_form_seen(token: str) -> ResponseReturnValue:
    shown = AnswerForm(request.form).render_token(keys(), token)
    with unit_of_work() as session:
        seen.inserted_form_seen(session, token, locale=shown.locale if shown else "", at=clock.now())
    return "", 204, _READABLE_IN_SANDBOX


def _form_user(signed: str, *, is_answer: bool) -> FormUser:
    user = user_token.read(keys(), signed, is_answer=is_answer)
    if user is None:
        raise NotFound("There is no such form.")
    return user


def _show(view: FormView, place: str) -> Response:
    saved = form_views.saved_destination(keys(), view)
    state = form_views.state_of(view, saved, at=clock.now())
    sealed = request.args.get("done", "") if request.query_string else ""
    done = Done.read(keys(), sealed, place=place) if sealed else None
    if done and _is_done(view, state, done):
        return _show_done(view, done, sealed)
    page = pages.page_of(view, locale=done.locale if done else None)
    token = _render_token(page, saved if state == State.SAVED else None, place, framing_origin(page.context.origins))
    languages = request.headers.get("Accept-Language", "")
    region = countries.browser_region(languages, page.context.allowed_countries)
    notice = _undone_notice(view, done) if done and done.undone else ""
    data = PageData(state, browser_region=region, is_suppressed=is_suppressed(view), notice=notice)
    return _respond(view, page, Outcome(state), saved, token, data)


def _show_done(view: FormView, done: Done, sealed: str) -> Response:
    """The page after an answer, with a way out: undo, or where this answer changed nothing, withdraw."""
    page = pages.page_of(view, locale=done.locale)
    origin = framing_origin(page.context.origins)
    shown = _render_token(page, None, done.place, origin).signed(keys().signer("shown"))
    can_undo = view.is_unverified or done.event_id is not None
    full = masking.proof_for_answer(shown) if done.is_signed else ""
    undo_address = pages.address(undo.endpoint_of(request.endpoint or ""))
    data = PageData(
        State.DONE,
        action=undo_address if can_undo else way_out.withdraw_address(view, full=full),
        shown=shown,
        number=done.number,
        token=done.token,
        done=sealed if can_undo else "",
        preferences=way_out.preferences_address(view, is_signed=done.is_signed, full=full),
        is_suppressed=is_suppressed(view),
    )
    return form_page.respond(form_page.html_of(page, data), 200, page.policy)


def _answer(place: str, read: Callable[[Session | ReadConnection, RenderToken | None], FormView]) -> Response:
    """Record the answer in one transaction, then respond with the outcome."""
    form = AnswerForm(request.form)
    sent = form.render_token(keys(), place)
    typed = form.typed(keys(), form.region(sent))
    with unit_of_work() as session:
        view = read(session, sent)
        page = pages.page_of(view, sent)
        shown = sent if _is_as_shown(page, sent) else None
        evidence = evidence_of(form, view, page, shown)
        outcome = submissions.submit(session, view, shown, typed=typed, evidence=evidence, at=clock.now())
    if outcome.state == State.DONE:
        return _redirect_done(view, page, outcome, shown, place)
    if outcome.refusal == "shown_again":
        with read_connection() as connection:
            view = read(connection, None)
        page = pages.page_of(view)
    elif outcome.state == State.ASK:
        page = pages.page_of(view, sent, region=countries.chosen(view, form.country.data))  # the hint is for that one
    saved = form_views.saved_destination(keys(), view)
    origin = sent.origin if sent else None
    token = _render_token(page, saved if outcome.state == State.SAVED else None, place, origin)
    return _respond(view, page, outcome, saved, token, _kept(form, view, outcome))


def _kept(form: AnswerForm, view: FormView, outcome: Outcome) -> PageData:
    """What a page that asks again keeps of the answer."""
    is_agreed = form.has_agreed and view.form.has_checkbox and outcome.refusal != "shown_again"
    if outcome.state != State.ASK:
        return PageData(outcome.state, is_agreed=is_agreed)
    typed = form.typed_text(view.form.channel)
    return PageData(outcome.state, typed=typed, country=form.country.data, is_agreed=is_agreed)


def _is_as_shown(page: FormPage, sent: RenderToken | None) -> bool:
    """Whether the page still has the wording that this render showed."""
    return sent is not None and page.wording(is_saved=sent.destination_hash is not None).hash == sent.wording_hash


def _render_token(page: FormPage, saved: Destination | None, place: str, origin: str | None) -> RenderToken:
    """The token of a render that shows this saved destination, or asks for one."""
    return RenderToken(
        place=place,
        version_id=page.context.version_id,
        locale=page.context.locale,
        wording_hash=page.wording(is_saved=saved is not None).hash,
        destination_hash=saved.hash if saved else None,
        region=page.context.region,
        origin=origin,
        nonce=random_token(),
        at=clock.now(),
    )


def _respond(
    view: FormView, page: FormPage, outcome: Outcome, saved: Destination | None, token: RenderToken, kept: PageData
) -> Response:
    """The page in its current state, with a new render token where it accepts an answer."""
    if kept.country is None:
        kept = replace(kept, country=page.context.region)
    is_full = masking.may_show_full_number(view)
    shown = token.signed(keys().signer("shown")) if outcome.state in _SENDS else ""
    full = masking.proof_for_answer(shown) if is_full else ""
    if outcome.state == State.SIGNED_UP:
        kept = replace(kept, preferences=way_out.preferences_address(view, is_signed=is_full, full=full))
    data = replace(
        kept,
        action=_action(view, outcome, full=full),
        shown=shown,
        number=masking.saved_number(view, saved, is_full=is_full),
        error=refusals.refusal_sentence(outcome, page.context.locale),
        agree_error="" if outcome.has_agreed else refusals.tick_sentence(page.context.locale),
        error_code=outcome.refusal or "",
    )
    response = form_page.respond(form_page.html_of(page, data), _status(outcome), page.policy)
    if outcome.retry_after_s:
        response.headers["Retry-After"] = str(outcome.retry_after_s)
    return response


def _action(view: FormView, outcome: Outcome, *, full: str) -> str:
    """Where the button of this page is sent; empty when it has none."""
    if outcome.state == State.SIGNED_UP:
        return way_out.withdraw_address(view, full=full)
    return pages.address(full=full) if outcome.state in _TAKES_ANSWERS else ""


def _redirect_done(view: FormView, page: FormPage, outcome: Outcome, shown: RenderToken | None, place: str) -> Response:
    """A redirect to the page that says what happened."""
    is_full = masking.may_show_full_number(view)
    done = Done(
        place,
        page.context.locale,
        token=shown.nonce if shown and view.insertion is None else place,
        number=masking.signed_up_number(view, outcome.destination, shown, is_full=is_full),
        event_id=outcome.event_id,
        is_signed=is_full or view.user_id is not None,
    )
    response = form_page.respond("", 303, page.policy)
    response.headers["Location"] = pages.address(done=done.sealed(keys()))
    return response


def _is_done(view: FormView, state: State, done: Done) -> bool:
    """Whether the page after the answer is shown: it was not undone, and a user has not opted out since."""
    if done.undone or state in {State.EXPIRED, State.UNAVAILABLE}:
        return False
    return state == State.SIGNED_UP or view.respondent is None or view.respondent.role != ContactRole.USER


def _undone_notice(view: FormView, done: Done) -> str:
    if done.undone == WITHDRAWN:
        return form_wording.withdrawn_sentence(view.form.channel, done.locale)
    is_subscribed = done.undone == AS_BEFORE
    return form_wording.undone_sentence(view.form.channel, done.locale, is_subscribed=is_subscribed)


def _status(outcome: Outcome) -> int:
    if outcome.refusal:
        return refusals.refusal_status(outcome)
    if outcome.state == State.UNAVAILABLE and request.method == "POST":
        return 409
    return 410 if outcome.state == State.EXPIRED else 200
