"""What this installation can do with texts, for the rules of forms."""

from urllib.parse import urlsplit

from app import gateways
from app.core.forms.form_view import Texting
from app.web import services
from app.web.security import public_url


def texting() -> Texting:
    """Our sender, whether texts reach us, and the host of our public address."""
    settings = services.settings()
    return Texting(gateways.sender_of(settings), gateways.can_receive(settings), urlsplit(public_url()).hostname or "")
