"""From what a gateway read to what core is called with. Gateways and core do not know each other."""

import time
from contextlib import suppress

from app.core import clock
from app.core.campaigns import outcomes
from app.core.inbound import receiving
from app.core.inbound.receiving import InboundText
from app.core.sms import reports
from app.core.sms.reports import DeliveryReport
from app.db import CommitLost, DatabaseBusy
from app.gateways.base import Inbound, Report
from app.web.services import unit_of_work

# A carrier may not send a STOP again. In the pause the other transaction goes on, so that the two do not meet again.
_TRIES, _PAUSE_S = 3, 0.1


def receive(gateway: str, inbound: Inbound) -> None:
    """A text that a person sent. One that came before changes nothing."""
    text = InboundText(
        gateway=gateway,
        gateway_id=_storable(inbound.gateway_id),
        sender=_storable(inbound.sender),
        recipient=_storable(inbound.recipient),
        body=_storable(inbound.body),
        media=tuple(_storable(each) for each in inbound.media),
        opt_out_type=inbound.opt_out_type,
    )
    for _ in range(_TRIES - 1):
        with suppress(DatabaseBusy, CommitLost):  # such as an erasure that waits for this transaction
            return _receive(text)
        time.sleep(_PAUSE_S)
    return _receive(text)


def _receive(text: InboundText) -> None:
    with unit_of_work() as session:
        receiving.receive(session, text, at=clock.now())


def record(gateway: str, report: Report) -> None:
    """A delivery report, for the text and its campaign. One that comes late or again changes nothing."""
    delivery = DeliveryReport(
        gateway=gateway,
        state=report.state,
        message_id=report.message_id,
        gateway_id=_storable(report.gateway_id) if report.gateway_id else None,
        error_code=_storable(report.error_code) if report.error_code else None,
        effect=report.effect,
    )
    at = clock.now()
    with unit_of_work() as session:
        if reports.record(session, delivery, at=at) and (message := reports.find(session, delivery)):
            outcomes.record(session, [message], at=at)


def _storable(value: str) -> str:
    """The value without NUL characters, which PostgreSQL refuses. A STOP with one is still a STOP."""
    return value.replace("\0", "")
