"""GET shows a form and writes nothing; POST is an answer; POST to ``seen`` reports that the page became visible."""

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.destinations import Destination
from app.core.forms import user_token
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView, State
from app.core.forms.render_token import RenderToken
from app.core.forms.user_view import user_view
from app.core.submissions import seen
from app.core.submissions import submit as submissions
from app.core.submissions.outcome import Outcome, Typed
from app.db import ReadConnection
from app.web.embed import confirm, confirm_part, done_page, pages, reader, undo, way_out
from app.web.embed.done import Done
from app.web.embed.forms import AnswerForm
from app.web.embed.reader import evidence_of, framing_origin, is_suppressed
from app.web.embed.renders import render_token
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
@confirm.blueprint.before_request
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
    return any(
        found is not None
        for found in (AnswerForm(request.form).render_token(keys(), place), undo.sent(place), confirm.sent(place))
    )


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
    user = user_token.find(keys(), signed, is_answer=done is not None)
    with read_connection() as connection:
        view = user_view(connection, user.form_key, user.user_id)
    return _show(view, signed)


@blueprint.post("/form/<key>")
def answer_public_form(key: str) -> Response:
    return _answer(
        key, lambda session, shown, typed: form_views.public_view(session, key, shown=shown, typed=typed.destinations)
    )


@blueprint.post("/user/<signed>")
def answer_form_of_signed_user(signed: str) -> Response:
    user = user_token.find(keys(), signed, is_answer=True)
    return _answer(signed, lambda session, shown, _: user_view(session, user.form_key, user.user_id, shown=shown))


@blueprint.post("/<token>")
def answer_inserted_form(token: str) -> Response:
    return _answer(token, lambda session, _shown, _typed: form_views.inserted_view(session, token))


@blueprint.post("/form/<key>/seen")
def public_form_seen(key: str) -> ResponseReturnValue:
    shown = AnswerForm(request.form).render_token(keys(), key)
    if shown is not None:
        with unit_of_work() as session:
            seen.public_form_seen(session, key, shown, address=client_address(request), at=clock.now())
    return "", 204, _READABLE_IN_SANDBOX


@blueprint.post("/user/<signed>/seen")
def form_of_signed_user_seen(signed: str) -> ResponseReturnValue:
    key = user_token.find(keys(), signed, is_answer=True).form_key
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


def _show(view: FormView, place: str) -> Response:
    saved = form_views.saved_destination(keys(), view)
    state = form_views.state_of(view, saved, at=clock.now())
    sealed = request.args.get("done", "") if request.query_string else ""
    done = Done.read(keys(), sealed, place=place) if sealed else None
    if done and done_page.is_shown(view, state, done):
        return done_page.show(view, done, sealed)
    if state in _SENDS and (asked := confirm.show(view, place, is_signed_up=state == State.SIGNED_UP)) is not None:
        return asked
    page = pages.page_of(view, locale=done.locale if done else None)
    token = render_token(page, saved if state == State.SAVED else None, place, framing_origin(page.context.origins))
    languages = request.headers.get("Accept-Language", "")
    region = countries.browser_region(languages, page.context.allowed_countries)
    is_undone = done is not None and bool(done.undone)
    notice = (
        done_page.undone_notice(view, done) if done and is_undone else confirm_part.ended_notice(page.context.locale)
    )
    data = PageData(
        state,
        browser_region=region,
        is_suppressed=is_suppressed(view),
        notice=notice,
        is_undone=is_undone,
        back=_way_back(place, done) if request.query_string else "",
    )
    return _respond(view, page, Outcome(state), saved, token, data)


def _way_back(place: str, done: Done | None) -> str:
    link = done or confirm.sent(place)
    return pages.way_back(link.preferences) if link else ""


def _answer(place: str, read: Callable[[Session | ReadConnection, RenderToken | None, Typed], FormView]) -> Response:
    """Record the answer in one transaction, then respond with the outcome."""
    form = AnswerForm(request.form)
    sent = form.render_token(keys(), place)
    typed = form.typed(keys(), form.region(sent))
    with unit_of_work() as session:
        view = read(session, sent, typed)
        if view.form.may_text:
            view = confirm_part.with_texting(view)
        page = pages.page_of(view, sent)
        shown = sent if _is_as_shown(page, sent) else None
        evidence = evidence_of(form, view, page, shown)
        outcome = submissions.submit(session, view, shown, typed=typed, evidence=evidence, at=clock.now())
    if outcome.state in {State.DONE, State.CONFIRM}:
        return _redirect(view, page, outcome, shown, place)
    if outcome.refusal == "shown_again":
        with read_connection() as connection:
            view = read(connection, None, typed)
        page = pages.page_of(view)
    elif outcome.state == State.ASK:
        page = pages.page_of(view, sent, region=countries.chosen(view, form.country.data))  # the hint is for that one
    saved = form_views.saved_destination(keys(), view)
    origin = sent.origin if sent else None
    token = render_token(page, saved if outcome.state == State.SAVED else None, place, origin)
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


def _respond(
    view: FormView, page: FormPage, outcome: Outcome, saved: Destination | None, token: RenderToken, kept: PageData
) -> Response:
    """The page in its current state, with a new render token where it accepts an answer."""
    if kept.country is None:
        kept = replace(kept, country=page.context.region)
    is_full = reader.may_show_full_number(view)
    shown = token.signed(keys().signer("shown")) if outcome.state in _SENDS else ""
    full = reader.proof_for_answer(shown) if is_full else ""
    if outcome.state == State.SIGNED_UP:
        kept = replace(kept, preferences=way_out.preferences_address(view, is_signed=is_full, full=full))
    data = replace(
        kept,
        action=_action(view, outcome, full=full),
        shown=shown,
        number=reader.saved_number(view, saved, is_full=is_full),
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


def _redirect(view: FormView, page: FormPage, outcome: Outcome, shown: RenderToken | None, place: str) -> Response:
    """A redirect to the page that says what happened, or that asks to confirm the number."""
    is_full = reader.may_show_full_number(view)
    is_signed = is_full or view.user_id is not None
    number = reader.signed_up_number(view, outcome.destination, shown, is_full=is_full)
    if outcome.state == State.CONFIRM:
        return confirm.redirect_to(view, page, outcome, place=place, number=number, is_signed=is_signed)
    token = shown.nonce if shown and view.insertion is None else place
    done = Done(place, page.context.locale, token, number, event_id=outcome.event_id, is_signed=is_signed)
    return done.redirect(page)


def _status(outcome: Outcome) -> int:
    if outcome.refusal:
        return refusals.refusal_status(outcome)
    if outcome.state == State.UNAVAILABLE and request.method == "POST":
        return 409
    return 410 if outcome.state == State.EXPIRED else 200
