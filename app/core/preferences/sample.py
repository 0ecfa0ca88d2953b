"""The preference center of a person who does not exist, so that admins see what customers see. Nothing here writes."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import phone
from app.core.preferences.center import PreferenceCenter, Subscription
from app.core.subscriptions import preference_form, subscription_types
from app.core.workspace import settings
from app.models import Channel, ConsentState, ConsentType, SubscriptionType, TypeState

_ADDRESS, _REGION = "s•••@•••.com", "US"
_SINCE = timedelta(days=90)


def read(session: Session, channel: Channel, locale: str, *, at: datetime) -> PreferenceCenter:
    """The preference center with the live types of a channel. The sample person has opted in to every second one.

    :param locale: the reader's language
    """
    workspace = settings.get(session)
    number = f"{phone.calling_code(workspace.default_country or _REGION)} ••• ••• ••71"
    destination = number if channel == Channel.SMS else _ADDRESS
    types = [each for each in of_channel(session, channel) if each.state == TypeState.LIVE]
    return PreferenceCenter(
        tuple(
            _subscription(session, each, destination, locale, opted_in_at=None if index % 2 else at - _SINCE)
            for index, each in enumerate(types)
        ),
        number=number if channel == Channel.SMS else "",
        address="" if channel == Channel.SMS else _ADDRESS,
        may_request_erasure=workspace.erasure_requests,
    )


def of_channel(session: Session, channel: Channel) -> list[SubscriptionType]:
    """The types of a channel, live ones first; the others are not shown to customers."""
    return [each for each in subscription_types.find_all(session) if each.channel == channel]


def _subscription(
    session: Session, found: SubscriptionType, destination: str, locale: str, *, opted_in_at: datetime | None
) -> Subscription:
    is_subscribed = opted_in_at is not None or found.consent_type == ConsentType.OPT_OUT
    form = None if is_subscribed else preference_form.find(session, found)
    return Subscription(
        found.id,
        found.channel,
        subscription_types.text_in(found, locale),
        ConsentState.OPTED_IN if opted_in_at else ConsentState.NEVER_ASKED,
        is_subscribed,
        opted_in_at,
        destination,
        form_key=form.key if form else None,
    )
