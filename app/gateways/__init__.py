"""What carries texts. A gateway is one file here and one line in ``_GATEWAYS``."""

from collections.abc import Callable, Mapping
from typing import cast

from app.config import Settings
from app.gateways.base import ConsentPusher, Gateway
from app.gateways.kannel import Kannel
from app.gateways.sandbox import Sandbox
from app.gateways.twilio import Twilio

_GATEWAYS: Mapping[str, Callable[[Settings], Gateway]] = {
    "sandbox": lambda _settings: Sandbox(),
    "twilio": Twilio.of,
    "kannel": Kannel.of,
}


def open_gateway(settings: Settings) -> Gateway:
    """The gateway of this installation. It connects when it sends for the first time."""
    return _GATEWAYS[settings.sms_gateway](settings)


def pusher_of(gateway: Gateway) -> ConsentPusher | None:
    """How consent is pushed to the gateway; null where its carrier keeps none."""
    return cast(ConsentPusher, gateway) if gateway.capabilities.takes_consent else None
