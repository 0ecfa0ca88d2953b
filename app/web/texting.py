"""What this installation can do with texts, for the rules of forms."""

from urllib.parse import urlsplit

from app.core.errors import InvalidInput
from app.core.forms.form_view import Texting
from app.models import VerifyNumber
from app.web import services
from app.web.security import public_url


def texting() -> Texting:
    """Our sender, whether texts reach us, and the host of our public address."""
    gateway = services.gateway()
    return Texting(gateway.sender, gateway.capabilities.receives, urlsplit(public_url()).hostname or "")


def methods() -> list[VerifyNumber]:
    """The ways to confirm a number that forms can use here: without replies, those that need one are missing."""
    receives = services.gateway().capabilities.receives
    return [each for each in VerifyNumber if receives or each in {VerifyNumber.OFF, VerifyNumber.CODE}]


def refuse_method(method: str) -> None:
    """:raises InvalidInput: this way to confirm a number needs texts from people, and none reach us"""
    if method in set(VerifyNumber) and method not in methods():
        raise InvalidInput("This needs a number that people can reply to. Use a code.", field="verify_number")
