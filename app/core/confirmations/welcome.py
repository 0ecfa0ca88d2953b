"""The first text after an opt-in: it confirms brand, program, frequency and rates, and names HELP and STOP.

Source: CTIA Messaging Principles and Best Practices (May 2023), section 5.1.2; Twilio review code 30540.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import sms_text
from app.core.confirmations import limits, texts
from app.core.confirmations.limits import TextToSend
from app.core.destinations import Destination
from app.core.forms.form_view import Texting
from app.core.sms.queueing import NewText, queue
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Channel, Purpose, SubscriptionType, Workspace

# A welcome that comes a day later confuses more than it confirms.
_EXPIRES_IN = timedelta(hours=24)


@dataclass(frozen=True)
class NewOptIn:
    """An opt-in that was just recorded. ``address``: who asked for it, where the number was not proved."""

    contact_id: int
    subscription_type_id: int
    destination: Destination
    locale: str
    address: str | None = None
    is_unverified: bool = False


def greet(session: Session, new: NewOptIn, texting: Texting, *, at: datetime) -> None:
    """Queue the welcome text of the type, where it has one. Flushes, does not commit.

    An opt-in by someone who did not prove to hold the number counts for the limits against pumping, and gets no text
    over them.
    """
    subscription_type = subscription_types.find(session, new.subscription_type_id)
    if not subscription_type.welcome or subscription_type.channel != Channel.SMS:
        return
    workspace = settings.get(session)
    body = body_of(subscription_type, workspace, new.locale, receives=texting.receives)
    if body is None:
        return
    text = TextToSend(new.destination, new.address, sms_text.pack(body).segments)
    if new.is_unverified and limits.refused(session, workspace, text, at=at) is not None:
        return
    queue(
        session,
        NewText(
            purpose=Purpose.WELCOME,
            phone=new.destination.value,
            body=body,
            created_by="system",
            phone_country=new.destination.country,
            contact_id=new.contact_id,
            subscription_type_id=subscription_type.id,
            expires_at=at + _EXPIRES_IN,
        ),
        at=at,
    )


def body_of(subscription_type: SubscriptionType, workspace: Workspace, locale: str, *, receives: bool) -> str | None:
    """The welcome text in this language; null where it could name no way out: no reply, and no help contact.

    :param receives: people can reply to our texts
    """
    own = subscription_type.welcome_text
    if not receives and not workspace.help_contact and not own:
        return None
    name = subscription_types.text_in(subscription_type, locale).name
    text = own or texts.default_welcome(locale, receives=receives)
    return texts.filled(text, brand=workspace.name, type=name, contact=workspace.help_contact)
