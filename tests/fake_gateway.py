"""A gateway for tests: it remembers what it was given, and answers what the test wants."""

import threading
from collections.abc import Callable

from app.gateways.base import (
    Accepted,
    BadCallback,
    Callback,
    Capabilities,
    Gateway,
    Inbound,
    Outgoing,
    Report,
    SendResult,
)


def accept(text: Outgoing) -> SendResult:
    return SendResult(Accepted.YES, gateway_id=f"fake-{text.message_id}")


class FakeGateway(Gateway):
    """:param answer: what ``send`` returns for a text"""

    def __init__(self, answer: Callable[[Outgoing], SendResult] = accept) -> None:
        self.answer = answer
        self.sent: list[Outgoing] = []
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return "fake"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(receives=True, reports=True)

    @property
    def sender(self) -> str:
        return "+15005550006"

    def send(self, text: Outgoing) -> SendResult:
        with self._lock:
            self.sent.append(text)
        return self.answer(text)

    def read_inbound(self, callback: Callback) -> Inbound:
        raise BadCallback(callback.url)

    def read_report(self, callback: Callback) -> Report | None:
        raise BadCallback(callback.url)

    def numbers(self) -> list[str]:
        return [each.to for each in self.sent]
