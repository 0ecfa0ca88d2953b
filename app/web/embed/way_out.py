"""The ways out of a sign-up, on the page after an answer and on the one that says "already signed up"."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from app.core import clock, public_urls
from app.core.errors import NotFound
from app.core.forms import user_token
from app.core.forms import views as form_views
from app.core.forms.form_view import INSERTED_BY_PAGE, FormView
from app.core.forms.user_view import user_view
from app.core.preferences import links
from app.core.submissions import withdraw as submissions
from app.models import EvidenceLevel
from app.web.embed import pages
from app.web.embed.done import WITHDRAWN, Done
from app.web.embed.reader import level_of, withdraw_evidence
from app.web.form_page import page as form_page
from app.web.services import keys, unit_of_work

blueprint = Blueprint("way_out", __name__)


@blueprint.post("/<token>/withdraw")
def withdraw_inserted(token: str) -> Response:
    return _withdraw(token, "embed.inserted_form", lambda session: form_views.inserted_view(session, token))


@blueprint.post("/user/<signed>/withdraw")
def withdraw_of_signed_user(signed: str) -> Response:
    user = user_token.find(keys(), signed, is_answer=True)
    return _withdraw(
        signed, "embed.form_of_signed_user", lambda session: user_view(session, user.form_key, user.user_id)
    )


@blueprint.post("/<token>/preferences")
def preferences_of_inserted(token: str) -> Response:
    return _preferences(lambda session: form_views.inserted_view(session, token))


@blueprint.post("/user/<signed>/preferences")
def preferences_of_signed_user(signed: str) -> Response:
    user = user_token.find(keys(), signed, is_answer=True)
    return _preferences(lambda session: user_view(session, user.form_key, user.user_id))


def withdraw_address(view: FormView, *, full: str) -> str:
    """Where the button of this form's page is sent.

    :param full: the proof that this reader is the signed user (``reader.proof_for_answer``); empty: none
    """
    endpoint = "way_out.withdraw_inserted" if view.user_id is None else "way_out.withdraw_of_signed_user"
    return pages.address(endpoint, full=full)


def preferences_address(view: FormView, *, is_signed: bool, full: str) -> str:
    """Where the button that leads to the preference center is sent; empty where this reader gets no link.

    :param is_signed: the reader is known to be the signed user
    :param full: as for ``withdraw_address``
    """
    level = EvidenceLevel.SIGNED_IDENTITY if is_signed else level_of(view)
    if view.respondent is None or links.level_after_form(view, level) is None:
        return ""
    endpoint = "way_out.preferences_of_inserted" if view.user_id is None else "way_out.preferences_of_signed_user"
    return pages.address(endpoint, full=full)


def _withdraw(place: str, endpoint: str, read: Callable[[Session], FormView]) -> Response:
    """Withdraw in one transaction, then show the form again, which says so."""
    with unit_of_work() as session:
        view = read(session)
        page = pages.page_of(view)
        submissions.withdraw(session, view, withdraw_evidence(view, page), at=clock.now())
    undone = view.form.channel if view.is_unverified else WITHDRAWN
    path = None
    if view.insertion is not None and view.insertion.inserted_by == INSERTED_BY_PAGE:
        place, endpoint, path = view.form.key, "embed.public_form", {"key": view.form.key}
    done = Done(place, page.context.locale, token=place, number="", undone=undone)
    response = form_page.respond("", HTTPStatus.SEE_OTHER, page.policy)
    response.headers["Location"] = pages.address(endpoint, place=path, done=done.sealed(keys()))
    return response


def _preferences(read: Callable[[Session], FormView]) -> Response:
    """A redirect to the preference center of this reader, by a link of the level that they proved.

    :raises NotFound: this reader gets no link
    """
    with unit_of_work() as session:
        view = read(session)
        level = links.level_after_form(view, level_of(view))
        if view.respondent is None or level is None:
            raise NotFound("There is no such form.")
        token = links.issue_to(session, view.respondent.contact_id, level=level, at=clock.now())
    response = form_page.respond("", HTTPStatus.SEE_OTHER, form_page.content_policy("'self'"))
    response.headers["Location"] = public_urls.preferences(token)
    return response
