"""A form as the contact of a conversation will see it, whether or not it can be inserted yet. Only reads."""

from flask import Response
from sqlalchemy.orm import Session

from app.core import destinations, email, phone, wording
from app.core.consent import eligibility, reach
from app.core.errors import DestinationRefused, NotFound
from app.core.forms.concerns import Concern, concern_of
from app.core.forms.content import FormContent
from app.core.forms.form_view import State
from app.core.signing import keys_of
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Channel, Contact, SubscriptionType, Workspace
from app.web.form_page.preview import PreviewOptions, render_preview


def language_of(contact: Contact) -> str:
    """The language in which this contact sees forms; English where it is unknown."""
    return wording.negotiate(contact.locale, "")


def render_for(session: Session, contact: Contact, content: FormContent, *, locale: str) -> Response:
    """The embed in the state that it would have for this contact. Its form cannot be sent."""
    workspace, chosen = settings.get(session), _type_of(session, content)
    saved = saved_destination(session, contact, chosen.channel if chosen else Channel.SMS, workspace)
    options = PreviewOptions(_state_for(session, contact, chosen, saved=saved), locale, number=saved)
    return render_preview(content, options, workspace=workspace, subscription_type=chosen)


def saved_destination(session: Session, contact: Contact, channel: str, workspace: Workspace) -> str:
    """The saved number or address as the form will show it, masked; empty where the form will ask for one."""
    stored = contact.phone if channel == Channel.SMS else contact.email
    allowed = frozenset(workspace.allowed_countries)
    try:
        found = destinations.read(keys_of(session), stored or "", channel, region=None, allowed_countries=allowed)
    except DestinationRefused:
        return ""
    return phone.masked(found.value) if channel == Channel.SMS else email.masked(found.value)


def _state_for(session: Session, contact: Contact, chosen: SubscriptionType | None, *, saved: str) -> State:
    if reach.is_out_of_reach(contact):
        return State.UNAVAILABLE
    if chosen and saved and concern_of(eligibility.status(session, contact, chosen)) == Concern.SIGNED_UP:
        return State.SIGNED_UP
    return State.SAVED if saved else State.ASK


def _type_of(session: Session, content: FormContent) -> SubscriptionType | None:
    try:
        return subscription_types.find(session, content.subscription_type_id)
    except NotFound:
        return None
