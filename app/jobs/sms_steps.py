"""What one transaction of the sender does: claim texts and write their bodies, record outcomes, end leases.

The only module of sending that knows campaigns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app import logs
from app.core import clock
from app.core.campaigns import outcomes, rendering
from app.core.sms import claiming, counts, recording
from app.core.sms.claiming import ClaimedText
from app.core.sms.recording import Outcome
from app.jobs import failures
from app.models import SmsMessage, SmsState

_log = logs.get_logger()


@dataclass(frozen=True)
class Writing:
    """How bodies are written.

    :param base: the public address of this server, for links in texts
    :param one_way: people cannot reply to the gateway's sender
    """

    base: str
    one_way: bool = False


def claim(session: Session, sender_id: str, writing: Writing, *, limit: int) -> list[ClaimedText]:
    """Claim due texts, with their bodies. A text whose body cannot be written fails."""
    at = clock.now()
    messages = claiming.claim(session, sender_id, limit=limit, at=at)
    _render(session, [each for each in messages if each.campaign_id is not None and each.body is None], writing)
    without_body = [each for each in messages if not each.body or not each.phone]
    recording.fail(session, without_body, "no_body", at=at)
    _record_recipients(session, without_body, at)
    return [claiming.values_of(each) for each in messages if each.state == SmsState.SENDING]


def record(session: Session, recorded: Mapping[int, Outcome], sender_id: str) -> None:
    """Record the outcomes of texts that this sender claimed, and those of the recipients of their campaigns."""
    if recorded:
        at = clock.now()
        _record_recipients(session, recording.record(session, recorded, sender_id, at=at), at)


def expire(session: Session, *, at: datetime) -> None:
    """End the leases of texts whose sender has ended: they are unknown."""
    expired = claiming.expire(session, at=at)
    _record_recipients(session, expired, at)
    counts.add(session, [(each, SmsState.UNKNOWN) for each in expired], at=at)


def _record_recipients(session: Session, messages: Sequence[SmsMessage], at: datetime) -> None:
    if of_campaigns := [each for each in messages if each.campaign_id is not None]:
        outcomes.record(session, of_campaigns, at=at)


def _render(session: Session, messages: Sequence[SmsMessage], writing: Writing) -> None:
    """Write the bodies. Where that fails for all together, each is tried alone; one that fails stays without."""
    if not messages:
        return
    try:
        with session.begin_nested():
            rendering.render(session, messages, base=writing.base, one_way=writing.one_way, at=clock.now())
            session.flush()
    except Exception as error:
        _log.exception("texts of campaigns could not be written")
        if len(messages) == 1:
            failures.record_in(session, "render_sms", error)
        else:
            for each in messages:
                _render(session, [each], writing)
