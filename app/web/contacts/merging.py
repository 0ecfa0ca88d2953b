"""Merging a contact into another one, with a preview; and contacts that are likely the same person."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock, phone
from app.core.consent import eligibility
from app.core.contacts import duplicates, merge, merge_plan, search, typed_search
from app.core.contacts import records as contacts
from app.core.contacts.duplicates import Shared
from app.core.contacts.search_walks import Order
from app.core.errors import AssentError, Conflict, InvalidInput
from app.core.workspace import settings
from app.models import Contact
from app.web import formatting
from app.web.contacts import labels
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile import back_to
from app.web.i18n import gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

GROUPS_A_PAGE = 25
FOUND_MAX = 20


@blueprint.get("/contacts/duplicates")
@agent_required
def duplicates_page() -> str:
    """Contacts that share a number or an address."""
    by = Shared.EMAIL if request.args.get("by") == Shared.EMAIL else Shared.PHONE
    after = request.args.get("after", "")[:254].replace("\0", "") or None
    with read_only() as session:
        return render_template(
            "contacts/duplicates.html",
            by=by,
            page=duplicates.page(session, by, after=after, limit=GROUPS_A_PAGE),
            is_first=after is None,
            members_max=duplicates.MEMBERS_MAX,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )


@blueprint.get("/contacts/<public_id>/merge")
@agent_required
def choose_target(public_id: str) -> str:
    """Find the contact that this one is to be merged into."""
    typed = request.args.get("q", "", type=str)[:255].strip()
    with read_only() as session:
        contact = contacts.find_current(session, public_id)
        return render_template(
            "contacts/merge_choose.html",
            contact=contact,
            typed=typed,
            found=_found(session, typed, contact) if typed else [],
            duplicates=duplicates.of_contact(session, contact),
            labels=labels,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )


@blueprint.get("/contacts/<public_id>/merge/<into>")
@agent_required
def merge_preview(public_id: str, into: str) -> ResponseReturnValue:
    """Both contacts side by side, and what the merge results in."""
    return _preview(public_id, into)


@blueprint.post("/contacts/<public_id>/merge/<into>")
@agent_required
def merge_contacts(public_id: str, into: str) -> ResponseReturnValue:
    """Merge as the preview said. The agent saw both, so two users may share nothing."""
    try:
        with unit_of_work() as session:
            merged = merge.merge(
                session, public_id, into, actor=current_actor(), at=clock.now(), skip_duplicate_validation=True
            )
            into = merged.public_id
    except (InvalidInput, Conflict):
        return _preview(public_id, into)
    flash(gettext("The contacts are merged. This is the one that stays."))
    return back_to(into)


@blueprint.app_template_global()
def merge_address(one: Contact, other: Contact) -> str:
    """The preview of the merge of two contacts, in the order that is most likely meant."""
    ends, stays = merge_plan.ends_and_stays(one, other)
    return url_for("contacts.merge_preview", public_id=ends.public_id, into=stays.public_id)


def _preview(public_id: str, into: str) -> ResponseReturnValue:
    with read_only() as session:
        source, target = contacts.find_current(session, public_id), contacts.find_current(session, into)
        if (source.public_id, target.public_id) != (public_id, into) and source.id != target.id:
            address = url_for("contacts.merge_preview", public_id=source.public_id, into=target.public_id)
            return redirect(address, 303)
        plan, refusal = _plan(session, source, target)
        page = render_template(
            "contacts/merge_preview.html",
            source=source,
            target=target,
            plan=plan,
            refusal=refusal,
            statuses={each.id: _statuses(session, each) for each in (source, target)},
            agents=formatting.agent_names(session),
            labels=labels,
            time_zone=settings.get(session).time_zone,
            formatted=phone.formatted,
        )
        return page, 422 if refusal and request.method == "POST" else 200


def _plan(session: Session, source: Contact, target: Contact) -> tuple[merge_plan.MergePlan | None, str | None]:
    """What the merge does, or why it is refused."""
    try:
        return merge_plan.decide(session, source, target, skip_duplicate_validation=True), None
    except AssentError as error:
        return None, sentence_of(error)


def _statuses(session: Session, contact: Contact) -> dict[int, eligibility.SubscriptionStatus]:
    return {each.subscription_type.id: each for each in eligibility.statuses(session, contact)}


def _found(session: Session, typed: str, contact: Contact) -> list[Contact]:
    """Other contacts that a typed text finds, the newest first."""
    query = typed_search.and_typed(None, typed)
    ids = search.window(session, query, Order(), limit=FOUND_MAX).ids if query else []
    found = contacts.find_by_ids(session, ids)
    return [found[each] for each in ids if each != contact.id]
