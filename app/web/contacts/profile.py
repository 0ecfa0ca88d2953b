"""One contact: its subscriptions with their switches, its timeline, and what agents can do about it."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import phone
from app.core.consent import reach, remedies
from app.core.contacts import duplicates, notes, subscription_panel, tags, timeline
from app.core.contacts import records as contacts
from app.core.contacts.timeline import Kind, Only
from app.core.conversations import lifecycle
from app.core.errors import InvalidInput
from app.core.forms import insertion, publishing
from app.core.proof import receipts
from app.core.subscriptions import subscription_types
from app.core.subscriptions.earlier_texts import EarlierTypes
from app.core.workspace import settings
from app.models import Contact, SuppressionCause
from app.web import formatting, ids, shown_words
from app.web.contacts import labels
from app.web.contacts.blueprint import blueprint
from app.web.contacts.profile_forms import ProfileForms
from app.web.formkit import Form, accepted
from app.web.i18n import gettext
from app.web.services import read_only
from app.web.sign_in.setup import agent_required

ENTRIES_A_PAGE = 50
NOTES_SHOWN = 50
INSERTED_LINK, PREFERENCE_LINK = "inserted_link", "preference_link"


@blueprint.get("/contacts/<public_id>")
@agent_required
def contact(public_id: str) -> ResponseReturnValue:
    """The page of a contact; of a merged one, that of the contact it belongs to now."""
    with read_only() as session:
        surviving = contacts.find_surviving(session, public_id).public_id
    if surviving != public_id:
        return redirect(url_for("contacts.contact", public_id=surviving), 303)
    return profile_page(public_id, ProfileForms())


def profile_page(public_id: str, forms: ProfileForms) -> str:
    """The page of a contact. Of an erased one it shows what the ledger keeps, and offers nothing."""
    with read_only() as session:
        found = contacts.find_surviving(session, public_id)
        rows = subscription_panel.rows(session, found)
        forms.offer(session, [each.status for each in rows])
        return render_template(
            "contacts/contact.html",
            contact=found,
            rows=rows,
            opened=forms.by_name["switch_on"].subscription_type_id.data or request.args.get("on", ""),
            refusal=phone.refusal_of_stored(found.phone) if found.phone else None,
            suppression=remedies.suppression_of(session, found),
            causes=SuppressionCause,
            duplicates=duplicates.of_contact(session, found) if found.erased_at is None else [],
            tags=tags.of_contact(session, found.id),
            known_tags=tags.find_all(session),
            notes=notes.of_contact(session, found.id, limit=NOTES_SHOWN),
            notes_count=notes.count_of_contact(session, found.id),
            is_closed=reach.is_closed(found),
            has_messenger=lifecycle.has_messenger(session, found),
            link=_take_link(found, INSERTED_LINK),
            preference_link=_take_link(found, PREFERENCE_LINK),
            agents=formatting.actor_names(session),
            time_zone=settings.get(session).time_zone,
            labels=labels,
            formatted=phone.formatted,
            **forms.by_name,
            **_timeline_context(session, found),
        )


def done_or_page(
    act: Callable[[Any, str], ResponseReturnValue], public_id: str, forms: ProfileForms, form: Form
) -> ResponseReturnValue:
    """The response of the act, or the contact's page with what is wrong in the form."""
    return accepted(form, lambda sent: act(sent, public_id)) or (profile_page(public_id, forms), 422)


def back_to(public_id: str, anchor: str | None = None) -> ResponseReturnValue:
    """Redirect to the page of a contact."""
    return redirect(url_for("contacts.contact", public_id=public_id, _anchor=anchor), 303)


def current_id(session: Session, public_id: str) -> str:
    """The public id of this contact, or of the one that it was merged into: what an agent does is done there.

    :raises NotFound: there is no such contact, or it was erased
    """
    current = contacts.find_current(session, public_id).public_id
    if current != public_id and request.method == "POST":
        flash(gettext("This contact was merged into another one, which you see now."))
    return current


def chosen_id(field: Any) -> int:
    """The id that was chosen in a list. :raises InvalidInput: nothing was chosen, or it is not an id"""
    chosen = ids.parse_id(field.data)
    if chosen is None:
        raise InvalidInput("Choose one of the list.", field=field.name)
    return chosen


def _timeline_context(session: Session, found: Contact) -> dict[str, Any]:
    shown, before = request.args.get("show", ""), request.args.get("before", "")
    only = Only(shown) if shown in set(Only) else Only.ALL
    page = timeline.page(session, found, only, before=before, limit=ENTRIES_A_PAGE)
    lines = [each.value for each in page.entries if each.kind in {Kind.EVENT, Kind.NUMBER_EVENT}]
    inserted = [line.event.inserted_form_id for line in lines if line.event.inserted_form_id]
    return {
        "entries": page.entries,
        "next_before": page.next_before,
        "only": only,
        "filters": Only,
        "kinds": Kind,
        "is_first": not before,
        "assessments": receipts.assessments(session, lines),
        "conversations": insertion.conversations_of(session, inserted),
        "form_names": publishing.names(
            session, {each.value.form_id for each in page.entries if each.kind == Kind.FORM}
        ),
        "tag_names": {each.id: each.name for each in tags.find_all(session)},
        "types": {each.id: each for each in subscription_types.find_all(session)},
        "type_of": EarlierTypes(session).of,
        "evidence": shown_words,
    }


def _take_link(found: Contact, name: str) -> str | None:
    """The link that was just made for this contact; null when the page is loaded again."""
    stored = cookie.pop(name, None) if name in cookie else None
    return stored[1] if stored and stored[0] == found.public_id else None
