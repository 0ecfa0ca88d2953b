"""Whether a subscription type has a welcome text, and which (``core/confirmations/welcome.py`` sends it)."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidInput
from app.models import Channel, SubscriptionType

WELCOME_MAX = 480


def change(
    session: Session, subscription_type: SubscriptionType, *, welcome: bool, text: str, actor: str, at: datetime
) -> None:
    """Switch the welcome text on or off, and set its words; empty: the default in the person's language.

    :raises InvalidInput: the text is too long, or the type is not one of texts
    """
    text = text.replace("\r\n", "\n").strip()
    if welcome and subscription_type.channel != Channel.SMS:
        raise InvalidInput("Only subscription types of texts have a welcome text.", field="welcome")
    if len(text) > WELCOME_MAX:
        raise InvalidInput("This text is longer than %(most)s characters.", field="welcome_text", most=WELCOME_MAX)
    before = {"welcome": subscription_type.welcome, "welcome_text": subscription_type.welcome_text}
    after = {"welcome": welcome, "welcome_text": text}
    if details := audit.changes(before, after):
        subscription_type.welcome, subscription_type.welcome_text = welcome, text
        subscription_type.updated_at = at
        subject = f"subscription_type:{subscription_type.id}"
        audit.record(session, actor, "subscription_type.welcome_changed", subject, details, at=at)
        session.flush()
