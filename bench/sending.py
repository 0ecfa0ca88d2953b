"""``python -m bench.sending``: texts of a campaign through one worker and a gateway that answers within 5 ms.

Measures texts per second, memory, the time from the gate's question to the gateway's call, and how soon a STOP holds
while everything is sent. The numbers that text STOP are drawn at random; none may be texted after its STOP committed
and the gate was asked again.
"""

import argparse
import os
import random
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from app.core import clock
from app.core.consent import suppressions
from app.core.signing import keys_of
from app.db import Database, insert_columns
from app.db.inserts import Same
from app.gateways.base import Accepted, Outgoing, SendResult
from app.jobs.send_sms import Sender
from app.jobs.sms_calls import Options
from app.models import (
    Campaign,
    CampaignState,
    Consent,
    ConsentState,
    Contact,
    ContactRole,
    Direction,
    Purpose,
    SmsMessage,
    SmsState,
    SuppressionCause,
)
from bench.processes import memory_kb
from bench.servers import DATABASES, prepared
from tests import make
from tests.fake_gateway import FakeGateway

_BATCH = 5_000
_BODY = "Harbour Coffee: fresh cake this weekend. Reply STOP to opt out."


@dataclass
class Seen:
    """:param waits: seconds from the gate's question to the gateway's call
    :param late: seconds from a STOP's commit to each later text to its number
    """

    texts: int = 0
    took_s: float = 0.0
    processor_s: float = 0.0
    stops: int = 0
    waits: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    memory_kb: list[int] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)

    def observe(self, _asked_at_s: float, waited_s: float) -> None:
        self.waits.append(waited_s)


class QuickGateway(FakeGateway):
    """Answers after so many seconds, and remembers when each number was last texted."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self.called_s: dict[str, float] = {}
        self.count = 0

    def send(self, text: Outgoing) -> SendResult:
        self.called_s[text.to] = time.monotonic()
        self.count += 1
        time.sleep(self._seconds)
        return SendResult(Accepted.YES, gateway_id=f"bench-{text.message_id}")


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.sending", description=__doc__)
    arguments.add_argument("--recipients", type=int, default=100_000)
    arguments.add_argument("--gateway-ms", type=float, default=5.0)
    arguments.add_argument("--stops", type=int, default=200)
    arguments.add_argument("--threads", type=int, default=Options.threads)
    arguments.add_argument("--batch", type=int, default=Options.batch)
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory() as folder, prepared(name, Path(folder)) as place:
            fill(place.database, chosen.recipients)
            options = {"threads": chosen.threads, "batch": chosen.batch}
            seen = measure(place.database, chosen.recipients, chosen.gateway_ms / 1000, chosen.stops, options)
        print(name, report(seen))


def number_of(place: int) -> str:
    return f"+1212{2_000_000 + place:07}"


def fill(database: Database, recipients: int) -> None:
    """One sending campaign, and a queued text for each of so many people who opted in."""
    at = clock.now()
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        event_id = make.opt_in(session, sam, offers).event_id
        campaign = Campaign(
            name="Cake",
            subscription_type_id=offers.id,
            body=_BODY,
            state=CampaignState.SENDING,
            created_by="bench",
            created_at=at,
            updated_at=at,
        )
        session.add(campaign)
        session.flush()
        first, type_id, campaign_id = sam.id + 1, offers.id, campaign.id
    for start in range(0, recipients, _BATCH):
        places = range(start, min(start + _BATCH, recipients))
        numbers = [number_of(each) for each in places]
        ids = [first + each for each in places]
        with database.unit_of_work() as session:
            hashes = [keys_of(session).destination_hash(each) for each in numbers]
            of_contacts = {
                "id": ids,
                "public_id": [f"{each:024x}" for each in ids],
                "role": Same(ContactRole.USER.value),
                "phone": numbers,
                "phone_hash": hashes,
                "phone_country": Same("US"),
                "custom_attributes": Same({}),
                "created_at": Same(at),
                "updated_at": Same(at),
            }
            of_consents = {
                "contact_id": ids,
                "subscription_type_id": Same(type_id),
                "state": Same(ConsentState.OPTED_IN.value),
                "destination": numbers,
                "destination_hash": hashes,
                "changed_at": Same(at),
                "event_id": Same(event_id),
            }
            of_texts = {
                "direction": Same(Direction.OUTBOUND.value),
                "purpose": Same(Purpose.CAMPAIGN.value),
                "state": Same(SmsState.QUEUED.value),
                "contact_id": ids,
                "subscription_type_id": Same(type_id),
                "campaign_id": Same(campaign_id),
                "phone": numbers,
                "phone_hash": hashes,
                "phone_country": Same("US"),
                "body": Same(_BODY),
                "encoding": Same("gsm7"),
                "segments": Same(1),
                "priority": Same(2),
                "attempts": Same(0),
                "due_at": Same(at),
                "created_by": Same("bench"),
                "created_at": Same(at),
            }
            insert_columns(session, Contact, of_contacts)
            insert_columns(session, Consent, of_consents)
            insert_columns(session, SmsMessage, of_texts)


def measure(database: Database, recipients: int, gateway_s: float, stops: int, options: dict[str, int]) -> Seen:
    """Send everything, while people text STOP."""
    seen, gateway = Seen(), QuickGateway(gateway_s)
    sender = Sender(database, gateway, str, options=Options(**options, observe=seen.observe))
    stopping = threading.Event()
    sending = threading.Thread(target=sender.run, args=(stopping,))
    stopped_s: dict[str, float] = {}
    chance = random.Random(4)
    began_s, used_s = time.monotonic(), time.process_time()
    sending.start()
    while gateway.count < recipients - len(stopped_s) - 50 and time.monotonic() - began_s < 1800:
        if len(stopped_s) < stops:
            number = number_of(chance.randrange(recipients))
            with database.unit_of_work() as session:
                suppressions.suppress(session, number, SuppressionCause.KEYWORD, "STOP", actor="bench", at=clock.now())
            stopped_s[number] = time.monotonic()
        seen.memory_kb.append(memory_kb(os.getpid()))
        time.sleep(0.1)
    seen.took_s, seen.processor_s = time.monotonic() - began_s, time.process_time() - used_s
    stopping.set()
    sender.wake()
    sending.join()
    seen.texts, seen.stops = gateway.count, len(stopped_s)
    later = (gateway.called_s.get(number, 0.0) - at_s for number, at_s in stopped_s.items())
    seen.late = [each for each in later if each > 0]
    with database.read_only() as session:
        counted = session.execute(select(SmsMessage.state, func.count()).group_by(SmsMessage.state))
        seen.states = {row[0]: row[1] for row in counted}
    return seen


def report(seen: Seen) -> str:
    waits = sorted(seen.waits)
    late_ms = 1000 * max(seen.late, default=0.0)
    memory = seen.memory_kb or [0]
    processor_ms = 1000 * seen.processor_s / max(1, seen.texts)
    rate = f"{seen.texts / seen.took_s:.0f} a second, {processor_ms:.2f} ms of processor time each"
    gate = ", ".join(
        f"{name} {1000 * waits[place]:.1f} ms"
        for name, place in (("p50", len(waits) // 2), ("p99", len(waits) * 99 // 100), ("max", -1))
    )
    return (
        f"{seen.texts:,} texts in {seen.took_s:.1f} s: {rate}; gate to call {gate}; {seen.stops} STOPs, "
        f"the latest text after one {late_ms:.0f} ms; memory {memory[len(memory) // 10] // 1024} to "
        f"{max(memory) // 1024} MB; {seen.states}"
    )


if __name__ == "__main__":
    main()
