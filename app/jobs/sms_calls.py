"""Calls the gateway for one text, if the gate has just let it pass."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app import logs
from app.core import clock
from app.core.sms import claiming, gate
from app.core.sms.claiming import ClaimedText
from app.core.sms.effects import Effect
from app.core.sms.gate import Verdict
from app.core.sms.recording import Outcome, Released, Sent
from app.db import Database
from app.gateways.base import Accepted, Gateway, Outgoing, SendResult

_log = logs.get_logger()


@dataclass(frozen=True)
class Options:
    """How one sender works.

    :param batch: how many texts it has claimed at most: so many are ``unknown`` after a crash
    :param threads: how many calls of the gateway run at the same time
    :param every_s: how long it waits, when idle, before it looks for due texts
    :param fresh_s: how old an answer of the gate may be when the gateway is called
    :param observe: called for each text with when the gate was asked, by the monotonic clock, and the seconds from then
        to the gateway's call
    """

    batch: int = 200
    threads: int = 16
    every_s: float = 0.5
    fresh_s: float = 0.075
    observe: Callable[[float, float], None] = lambda _asked_at_s, _waited_s: None


class Caller:
    """Calls one gateway; from several threads.

    :param report_url: where the gateway sends reports about a text, by its id
    """

    def __init__(
        self, database: Database, gateway: Gateway, report_url: Callable[[int], str], options: Options
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._report_url = report_url
        self._options = options

    def call(self, text: ClaimedText, asked_at_s: float, *, asks_again: bool) -> tuple[Outcome | None, str | None]:
        """Send a text that the gate let pass. Returns the outcome, and what keeps the gateway from sending anything.

        An answer of the gate that is not fresh any more is not used: the outcome is null then, or the gate is asked
        again about this text alone, which costs more.

        :param asked_at_s: when the gate was asked, by the monotonic clock
        """
        outgoing = Outgoing(text.id, text.phone, text.body, text.encoding, self._report_url(text.id))
        lease_ends_at = text.claimed_at + claiming.LEASE * 0.75
        for _ in range(3):
            if clock.now() > lease_ends_at:  # this process slept: the text may be unknown by now
                break
            if (waited_s := time.monotonic() - asked_at_s) <= self._options.fresh_s:
                self._options.observe(asked_at_s, waited_s)
                return self._sent(outgoing)
            if not asks_again:
                return None, None
            asked_at_s = time.monotonic()
            with self._database.read_only() as session:
                decision = gate.decide(session, [text], at=clock.now())[text.id]
            if decision.verdict != Verdict.SEND:
                return decision, None
        return Released(), None

    def _sent(self, outgoing: Outgoing) -> tuple[Outcome, str | None]:
        at, result = clock.now(), self._send(outgoing)
        sent = Sent(
            accepted=result.accepted.value,
            at=at,
            gateway=self._gateway.name,
            sender=self._gateway.sender,
            gateway_id=result.gateway_id,
            error_code=result.error_code,
            effect=result.effect.value,
            retry_after_s=result.retry_after_s,
            is_delivered=result.delivered,
        )
        return sent, (result.problem or result.error_code) if result.effect.value == Effect.STOP.value else None

    def _send(self, outgoing: Outgoing) -> SendResult:
        """The gateway's answer. A gateway that raises, against its contract, may have sent the text."""
        try:
            return self._gateway.send(outgoing)
        except Exception as error:
            _log.exception("a gateway raised", message=outgoing.message_id)
            return SendResult(Accepted.UNKNOWN, error_code=type(error).__name__)
