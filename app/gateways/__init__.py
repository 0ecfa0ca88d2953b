"""What carries texts. Stand-in until the gateways are merged: a sandbox that accepts everything."""

import secrets

from app.config import Settings
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


class _Sandbox:
    name, sender = "sandbox", "sandbox"
    capabilities = Capabilities(receives=True, reports=True)

    def send(self, text: Outgoing) -> SendResult:
        del text
        return SendResult(Accepted.YES, gateway_id=secrets.token_hex(8), delivered=True)

    def read_inbound(self, callback: Callback) -> Inbound:
        raise BadCallback(callback.url)

    def read_report(self, callback: Callback) -> Report | None:
        raise BadCallback(callback.url)


def open_gateway(settings: Settings) -> Gateway:
    """The gateway of this installation."""
    del settings
    return _Sandbox()
