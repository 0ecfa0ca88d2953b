"""A test of a campaign: its text, sent to one number, with the words ``[Test]`` in front."""

from datetime import datetime
from typing import Required, TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit, phone, rate_limits
from app.core.campaigns import drafts, rendering
from app.core.consent.rules import Reason
from app.core.errors import InvalidState, TooMany
from app.core.signing import keys_of
from app.core.sms import queueing
from app.core.sms.queueing import NewText
from app.core.workspace import settings
from app.models import Contact, Purpose, SmsMessage, Suppression

PER_DAY = 10
_DAY_S = 86_400


class Links(TypedDict, total=False):
    """:param base: the address of this server, for the links in the text; ``one_way`` as of ``rendering.previews``"""

    base: Required[str]
    one_way: bool


def send(
    session: Session, campaign_id: int, typed: str, *, actor: str, at: datetime, **links: Unpack[Links]
) -> SmsMessage:
    """Send the campaign's text to a number, with the values of the contact that has it, if one does.

    :raises NotFound: there is no such campaign
    :raises DestinationRefused: no text can be sent to this number
    :raises InvalidState: with the code ``suppressed``: its holder does not want texts
    :raises TooMany: the actor sent ``PER_DAY`` tests today
    """
    campaign = drafts.get(session, campaign_id)
    workspace, keys = settings.get(session), keys_of(session)
    read = phone.read(typed, region=workspace.default_country, allowed_countries=frozenset(workspace.allowed_countries))
    phone_hash = keys.destination_hash(read.e164)
    if session.get(Suppression, phone_hash) is not None:
        raise InvalidState("The holder of this number does not want texts.", code=Reason.SUPPRESSED.value)
    limit = {keys.bucket("campaign_tests", actor): PER_DAY}
    if (wait_s := rate_limits.hit(session, limit, window_s=_DAY_S, at=at)) is not None:
        raise TooMany("You sent %(most)s tests today. Continue tomorrow.", most=PER_DAY, retry_after_s=wait_s)
    holder = select(Contact.id).where(Contact.phone_hash == phone_hash, Contact.archived_at.is_(None))
    known = list(session.scalars(holder.order_by(Contact.id.desc()).limit(1)))
    found = rendering.previews(session, campaign, known, **links)
    text = found[0] if found else rendering.measure(session, campaign, **links)
    audit.record(session, actor, "campaign.tested", drafts.subject(campaign), {}, at=at)
    return queueing.queue(
        session,
        NewText(
            Purpose.TEST,
            read.e164,
            f"[Test] {text.body}",
            actor,
            phone_country=read.country,
            contact_id=known[0] if known else None,
            subscription_type_id=campaign.subscription_type_id,
        ),
        at=at,
    )
