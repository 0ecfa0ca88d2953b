"""The page after an answer, and what the form says after an undo."""

from flask import Response, request

from app.core.forms import wording as form_wording
from app.core.forms.form_view import FormView, State
from app.models import ContactRole
from app.web.embed import pages, reader, undo, way_out
from app.web.embed.done import AS_BEFORE, WITHDRAWN, Done
from app.web.embed.reader import framing_origin, is_suppressed
from app.web.embed.renders import render_token
from app.web.form_page import page as form_page
from app.web.form_page.page import PageData
from app.web.services import keys


def show(view: FormView, done: Done, sealed: str) -> Response:
    """The page after an answer, with a way out: undo, or where this answer changed nothing, withdraw."""
    page = pages.page_of(view, locale=done.locale)
    origin = framing_origin(page.context.origins)
    shown = render_token(page, None, done.place, origin).signed(keys().signer("shown"))
    can_undo = view.is_unverified or done.event_id is not None
    full = reader.proof_for_answer(shown) if done.is_signed else ""
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
        is_confirmed=done.is_confirmed,
        back=pages.way_back(done.preferences),
    )
    return form_page.respond(form_page.html_of(page, data), 200, page.policy)


def is_shown(view: FormView, state: State, done: Done) -> bool:
    """Whether the page after the answer is shown: it was not undone, and a user has not opted out since."""
    if done.undone or state in {State.EXPIRED, State.UNAVAILABLE}:
        return False
    return state == State.SIGNED_UP or view.respondent is None or view.respondent.role != ContactRole.USER


def undone_notice(view: FormView, done: Done) -> str:
    """What an undo or a withdrawal did."""
    if done.undone == WITHDRAWN:
        return form_wording.withdrawn_sentence(view.form.channel, done.locale)
    is_subscribed = done.undone == AS_BEFORE
    return form_wording.undone_sentence(view.form.channel, done.locale, is_subscribed=is_subscribed)
