"""GET shows a form and writes nothing; POST is an answer; ``seen`` is the visible page's beacon."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from app.core import clock, form_views, optin_forms, submissions, wording
from app.core.contacts import Destination
from app.core.form_views import FormView, Shown, State
from app.core.submissions import Outcome
from app.models import OptInFormVersion
from app.web import optin_page
from app.web.database import keys, read_only, unit_of_work
from app.web.embed import full_number, reader
from app.web.optin_page import Filling, FormPage

blueprint = Blueprint("embed", __name__, url_prefix="/f")

_STATUS = {State.EXPIRED: 410}


@blueprint.get("/form/<key>")
def public_form(key: str) -> Response:
    with read_only() as session:
        view = form_views.public_view(session, key)
        return _show(session, view, place=key)


@blueprint.get("/<token>")
def inserted_form(token: str) -> Response:
    with read_only() as session:
        view = form_views.inserted_view(session, token)
        return _show(session, view, place=token)


@blueprint.post("/form/<key>")
def answer_public_form(key: str) -> Response:
    return _answer(key, form_views.public_view)


@blueprint.post("/<token>")
def answer_inserted_form(token: str) -> Response:
    return _answer(token, form_views.inserted_view)


@blueprint.post("/form/<key>/seen")
def public_form_seen(key: str) -> Response:
    reader.refuse_other_sites()
    shown = Shown.read(keys().signer("shown"), request.form.get("shown", ""), place=key)
    if shown is not None:
        with unit_of_work() as session:
            submissions.public_form_seen(session, key, shown, address=request.remote_addr, at=clock.now())
    return Response(status=204)


@blueprint.post("/<token>/seen")
def inserted_form_seen(token: str) -> Response:
    reader.refuse_other_sites()
    with unit_of_work() as session:
        optin_forms.mark_seen(session, token, at=clock.now())
    return Response(status=204)


def _show(session: Session, view: FormView, *, place: str) -> Response:
    at = clock.now()
    saved = form_views.saved_destination(session, view)
    state = form_views.state_of(view, saved, at=at)
    page = _page(session, view)
    return _answered(view, page, Outcome(state), saved, place=place)


def _answer(place: str, view_of: Callable[..., FormView]) -> Response:
    """Read what was sent, record it in one transaction, then say how it went."""
    reader.refuse_other_sites()
    shown = Shown.read(keys().signer("shown"), request.form.get("shown", ""), place=place)
    typed = reader.typed(shown.region if shown else None)
    with unit_of_work() as session:
        view = view_of(session, place, shown=shown)
        page = _page(session, view, shown)
        if shown and page.words(is_saved=shown.destination_hash is not None).hash != shown.words_hash:
            shown = None
        evidence = reader.evidence(view, page, shown)
        outcome = submissions.submit(session, view, shown, typed=typed, evidence=evidence, at=clock.now())
    if outcome.state == State.DONE:
        token = shown.nonce if shown and view.is_public else place
        return optin_page.answer(page, Filling(State.DONE, number=reader.done_number(outcome, shown), token=token))
    with read_only() as session:
        if outcome.refusal == "shown_again":
            view = view_of(session, place)
            page = _page(session, view)
        saved = form_views.saved_destination(session, view)
    return _answered(view, page, outcome, saved, place=place, typed=reader.typed_text())


def _answered(
    view: FormView, page: FormPage, outcome: Outcome, saved: Destination | None, *, place: str, typed: str = ""
) -> Response:
    """The page in the state it is in now, ready for another answer where it takes one."""
    filling = Filling(
        outcome.state,
        action=reader.own_address(),
        number=full_number.shown(view, saved),
        typed=typed if outcome.state == State.ASK else "",
        error=reader.error(outcome, page.look.locale),
        error_code=outcome.refusal or "",
    )
    if outcome.state in {State.ASK, State.SAVED}:
        filling = reader.signed(filling, page, saved, place=place, signer=keys().signer("shown"))
    status = reader.status(outcome) if outcome.refusal else _STATUS.get(outcome.state, 200)
    if request.method == "POST" and outcome.state == State.UNAVAILABLE:
        status = 409
    response = optin_page.answer(page, filling, status)
    if outcome.retry_after_s:
        response.headers["Retry-After"] = str(outcome.retry_after_s)
    return response


def _page(session: Session, view: FormView, shown: Shown | None = None) -> FormPage:
    """The page for this reader: as it was shown, where that is known, else as it is now."""
    languages = reader.accept_language()
    locale = shown.locale if shown else wording.negotiate(view.locale, languages)
    region = shown.region if shown else view.default_country or wording.region(languages)
    theme = reader.theme()
    key = optin_page.key_of(view, locale=locale, region=region, theme=theme)
    if page := optin_page.kept(key):
        return page
    content = optin_forms.content_of(session.get_one(OptInFormVersion, view.version_id))
    return optin_page.make(key, optin_page.look_of(view, locale=locale, region=region, theme=theme), content)
