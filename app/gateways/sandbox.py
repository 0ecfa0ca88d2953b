"""The gateway without a carrier: every text arrives immediately, on the demo phones of the page ``/sandbox``."""

import secrets

from app.gateways.base import Accepted, BadCallback, Callback, Capabilities, Inbound, Outgoing, Report, SendResult

# A number of the range for films (Ofcom: 020 7946 0xxx), which no person has.
SENDER = "+442079460000"


class Sandbox:
    """Accepts everything. Replies of the demo phones come by the page itself, not by a callback."""

    name = "sandbox"
    capabilities = Capabilities(receives=True, reports=True)
    sender = SENDER

    def send(self, _text: Outgoing) -> SendResult:
        return SendResult(Accepted.YES, gateway_id=secrets.token_hex(16), delivered=True)

    def read_inbound(self, _callback: Callback) -> Inbound:
        raise BadCallback("the sandbox has no callbacks")

    def read_report(self, _callback: Callback) -> Report | None:
        raise BadCallback("the sandbox has no callbacks")
