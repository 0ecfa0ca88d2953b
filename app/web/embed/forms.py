"""The answer to an opt-in form, as its page sends it."""

from collections.abc import Callable
from urllib.parse import urlsplit

from wtforms import EmailField, Form, HiddenField, StringField, TelField

from app.core import destinations, origins
from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms.render_token import RenderToken
from app.core.signing import Keys
from app.core.submissions.submit import Typed
from app.models import Channel

_TYPED_MAX, _PAGE_MAX = 1000, 500


def _shortened(length: int) -> Callable[[str | None], str | None]:
    return lambda text: text[:length] if text else text


class AnswerForm(Form):
    """The fields of the page. Only the field of the form's channel is on it.

    Texts over the limits are cut: they are not numbers or addresses, and ``submit`` refuses them.
    """

    shown = HiddenField(default="")
    page = HiddenField(default="", filters=[_shortened(_PAGE_MAX)])
    phone = TelField(filters=[_shortened(_TYPED_MAX)])
    email = EmailField(filters=[_shortened(_TYPED_MAX)])

    def render_token(self, keys: Keys, place: str) -> RenderToken | None:
        """The token of the render; null when the token was not signed here, belongs to another place or is too old."""
        return RenderToken.read(keys.signer("shown"), self.shown.data or "", place=place)

    def typed(self, keys: Keys, region: str | None) -> Typed:
        """The destination that was typed, or why it was refused, by the channel of each field that was sent."""
        return {
            channel: _destination(keys, field.data, channel, region)
            for channel, field in self._fields_by_channel().items()
            if field.data is not None
        }

    def typed_text(self, channel: str) -> str:
        """The text that was typed, unchanged; empty when the field was not sent."""
        return self._fields_by_channel()[channel].data or ""

    def claimed_page(self, allowed_origins: tuple[str, ...]) -> str | None:
        """The address of the framing page as its script reports it; null unless its origin is allowed."""
        claimed = self.page.data or ""
        if origins.of(claimed) not in allowed_origins:
            return None
        parts = urlsplit(claimed)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def _fields_by_channel(self) -> dict[str, StringField]:
        return {Channel.SMS.value: self.phone, Channel.EMAIL.value: self.email}


def _destination(keys: Keys, text: str, channel: str, region: str | None) -> Destination | DestinationRefused:
    try:
        return destinations.read(keys, text, channel, region=region)
    except DestinationRefused as refused:
        return refused
