"""Undo an answer: a button on the page after it, for ten minutes."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import InvalidState
from app.core.forms import user_token
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView
from app.core.forms.user_view import user_view
from app.core.submissions import undo as submissions
from app.models import EvidenceLevel
from app.web.embed import pages
from app.web.embed.done import AS_BEFORE, Done
from app.web.embed.reader import undo_evidence
from app.web.form_page import page as form_page
from app.web.services import keys, unit_of_work

blueprint = Blueprint("undo", __name__)


@blueprint.post("/form/<key>/undo")
def public_form(key: str) -> Response:
    return _undo(key, "embed.public_form", lambda session: form_views.public_view(session, key))


@blueprint.post("/<token>/undo")
def inserted_form(token: str) -> Response:
    return _undo(token, "embed.inserted_form", lambda session: form_views.inserted_view(session, token))


@blueprint.post("/user/<signed>/undo")
def form_of_signed_user(signed: str) -> Response:
    user = user_token.find(keys(), signed, is_answer=True)
    endpoint = "embed.form_of_signed_user"
    return _undo(signed, endpoint, lambda session: user_view(session, user.form_key, user.user_id))


def endpoint_of(page: str) -> str:
    """The endpoint that undoes the answer of a form's page, given the endpoint of the page."""
    return page.replace("embed.", "undo.")


def sent(place: str) -> Done | None:
    """What the sent value tells about the answer; null as for ``Done.read``."""
    return Done.read(keys(), request.form.get("done") or request.args.get("done", ""), place=place)


def _undo(place: str, endpoint: str, read: Callable[[Session], FormView]) -> Response:
    """Undo the answer in one transaction, then show the form again, which says so."""
    done = sent(place)
    if done is None:
        raise InvalidState("This can no longer be undone.", code="undo_too_late")
    is_subscribed = False
    with unit_of_work() as session:
        view = read(session)
        page = pages.page_of(view, locale=done.locale)
        if done.event_id is not None:
            evidence = undo_evidence(view, page)
            if done.is_confirmed:  # by the same person, who has the sealed value
                evidence = replace(evidence, level=EvidenceLevel.OTP)
            is_subscribed = submissions.undo(session, done.event_id, evidence, at=clock.now())
    undone = replace(done, number="", undone=AS_BEFORE if is_subscribed else view.form.channel)
    response = form_page.respond("", HTTPStatus.SEE_OTHER, page.policy)
    response.headers["Location"] = pages.address(endpoint, done=undone.sealed(keys()))
    return response
