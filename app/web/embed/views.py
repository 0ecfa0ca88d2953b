"""GET shows a form and writes nothing; POST is an answer; ``seen`` is the visible page's beacon."""

from collections.abc import Callable

from app.core import clock, phone, wording
from app.core.destinations import Destination
from app.core.forms import publishing as optin_forms
from app.core.forms import views as form_views
from app.core.forms.views import FormView, Shown, State
from app.core.submissions import answers as answered_forms
from app.core.submissions import seen
from app.core.submissions import submit as submissions
from app.core.submissions.submit import Outcome
from app.models import ContactRole, EvidenceLevel, OptInFormVersion
from app.web.embed import masking as full_number
from app.web.embed import request_data as reader
from app.web.exchange import Answer, Asked, refuse_other_sites
from app.web.form_page import page as optin_page
from app.web.form_page.page import Filling, FormPage
from app.web.services import keys, read_connection, read_only, unit_of_work

_STATUS = {State.EXPIRED: 410}
_TAKES_ANSWERS = {State.ASK, State.SAVED}


def public_form(asked: Asked, place: str) -> Answer:
    return _show(asked, place, form_views.public_view)


def inserted_form(asked: Asked, place: str) -> Answer:
    return _show(asked, place, form_views.inserted_view)


def answer_public_form(asked: Asked, place: str) -> Answer:
    return _answer(asked, place, form_views.public_view)


def answer_inserted_form(asked: Asked, place: str) -> Answer:
    return _answer(asked, place, form_views.inserted_view)


def public_form_seen(asked: Asked, place: str) -> Answer:
    refuse_other_sites(asked)
    shown = Shown.read(keys().signer("shown"), asked.form.get("shown", ""), place=place)
    if shown is not None:
        with unit_of_work() as session:
            seen.public_form_seen(session, place, shown, address=asked.remote_addr, at=clock.now())
    return Answer("", status=204)


def inserted_form_seen(asked: Asked, place: str) -> Answer:
    refuse_other_sites(asked)
    with unit_of_work() as session:
        seen.inserted_form_seen(session, place, at=clock.now())
    return Answer("", status=204)


def _show(asked: Asked, place: str, view_of: Callable[..., FormView]) -> Answer:
    with read_connection() as look:
        view = view_of(look, place)
    saved = form_views.saved_destination(keys(), view)
    state = form_views.state_of(view, saved, at=clock.now())
    return _answered(asked, view, _page(asked, view), Outcome(state), saved, place=place)


def _answer(asked: Asked, place: str, view_of: Callable[..., FormView]) -> Answer:
    """Read what was sent, record it in one transaction, then say how it went."""
    refuse_other_sites(asked)
    shown = Shown.read(keys().signer("shown"), asked.form.get("shown", ""), place=place)
    typed = reader.typed(asked, shown.region if shown else None)
    with unit_of_work() as session:
        view = view_of(session, place, shown=shown)
        page = _page(asked, view, shown)
        if shown and page.words(is_saved=shown.destination_hash is not None).hash != shown.words_hash:
            shown = None
        evidence = reader.evidence(asked, view, page, shown, _level(asked, view))
        outcome = submissions.submit(session, view, shown, typed=typed, evidence=evidence, at=clock.now())
    if outcome.state == State.DONE:
        token = shown.nonce if shown and view.is_public else place
        is_full = full_number.is_allowed(asked, view)
        filling = Filling(State.DONE, number=reader.done_number(outcome, shown, is_full=is_full), token=token)
        return _sent(asked, page, filling)
    with read_connection() as look:
        if outcome.refusal == "shown_again":
            view = view_of(look, place)
            page = _page(asked, view)
    saved = form_views.saved_destination(keys(), view)
    typed_text = reader.typed_text(asked, view.channel)
    return _answered(asked, view, page, outcome, saved, place=place, typed=typed_text)


def _level(asked: Asked, view: FormView) -> EvidenceLevel:
    """How sure it is who answers. A lead is whoever typed its number, or opened its link, or chatted unsigned."""
    if view.contact_role != ContactRole.USER or view.inserted_by == answered_forms.BY_THE_PAGE:
        return EvidenceLevel.WEB_UNVERIFIED
    return EvidenceLevel.SIGNED_IDENTITY if full_number.is_allowed(asked, view) else EvidenceLevel.PERSONAL_LINK


def _answered(
    asked: Asked,
    view: FormView,
    page: FormPage,
    outcome: Outcome,
    saved: Destination | None,
    *,
    place: str,
    typed: str = "",
) -> Answer:
    """The page in the state it is in now, ready for another answer where it takes one."""
    is_saved = outcome.state == State.SAVED
    takes_answers = outcome.state in _TAKES_ANSWERS
    is_full = full_number.is_allowed(asked, view)
    shown = reader.signed(asked, page, saved, place=place, is_saved=is_saved) if takes_answers else ""
    filling = Filling(
        outcome.state,
        action=reader.own_address(asked, full=full_number.proof_for_answer(shown) if is_full and shown else ""),
        shown=shown,
        number=full_number.number(view, saved, is_full=is_full),
        typed=typed if outcome.state == State.ASK else "",
        error=reader.error(outcome, page.look.locale),
        error_code=outcome.refusal or "",
    )
    status = reader.status(outcome) if outcome.refusal else _STATUS.get(outcome.state, 200)
    if asked.method == "POST" and outcome.state == State.UNAVAILABLE:
        status = 409
    answer = _sent(asked, page, filling, status)
    if outcome.retry_after_s:
        answer.headers.append(("Retry-After", str(outcome.retry_after_s)))
    return answer


def _sent(asked: Asked, page: FormPage, filling: Filling, status: int = 200) -> Answer:
    headers = optin_page.headers(page.policy, is_secure=asked.is_secure)
    return Answer(optin_page.html_of(page, filling), status, headers)


def _page(asked: Asked, view: FormView, shown: Shown | None = None) -> FormPage:
    """The page for this reader: as it was shown, where that is known, else as it is now."""
    languages = asked.header("HTTP_ACCEPT_LANGUAGE")
    locale = shown.locale if shown else wording.negotiate(view.locale, languages)
    allowed = frozenset(view.allowed_countries)
    region = shown.region if shown else phone.region(view.default_country, languages, allowed)
    theme = reader.theme(asked)
    key = optin_page.key_of(view, locale=locale, region=region, theme=theme)
    if page := optin_page.kept(key):
        return page
    with read_only() as session:
        content = optin_forms.content_of(session.get_one(OptInFormVersion, view.version_id))
    return optin_page.make(key, optin_page.look_of(view, locale=locale, region=region, theme=theme), content)
