"""The answer to an opt-in form, as its page sends it."""

from collections.abc import Callable

from wtforms import EmailField, Form, HiddenField, StringField, TelField

from app.core import destinations, phone
from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms.render_token import RenderToken
from app.core.signing import Keys
from app.core.submissions.outcome import Typed
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
    country = StringField()  # not a SelectField: that looks at every option each time it is made
    agree = StringField()  # not a BooleanField: that accepts agree=false

    def render_token(self, keys: Keys, place: str) -> RenderToken | None:
        """The token of the render; null when the token was not signed here, belongs to another place or is too old."""
        return RenderToken.read(keys.signer("shown"), self.shown.data or "", place=place)

    def region(self, shown: RenderToken | None) -> str | None:
        """The country in which a number without a ``+`` is read; null: in none.

        An answer without the field (a plain POST, or from a page of an earlier release) is read in the country that the
        page preselected, which is never a guess.
        """
        if self.country.data is not None:
            return self.country.data or None
        return shown.region if shown else None

    def typed(self, keys: Keys, region: str | None) -> Typed:
        """By the channel of each field that was sent the destination or why it was refused; whether they agreed."""
        read = {
            channel: self._destination(keys, field.data, channel, region)
            for channel, field in self._fields_by_channel().items()
            if field.data is not None
        }
        return Typed(read, self.has_agreed)

    @property
    def has_agreed(self) -> bool:
        """Whether the box was sent ticked."""
        return self.agree.data == "on"

    def typed_text(self, channel: str) -> str:
        """The text that was typed, unchanged; empty when the field was not sent."""
        return self._fields_by_channel()[channel].data or ""

    def _destination(self, keys: Keys, text: str, channel: str, region: str | None) -> Destination | DestinationRefused:
        # The allowed countries are known only in the transaction: ``submit`` refuses the others.
        if channel == Channel.SMS and self.country.data and self.country.data not in phone.countries():
            code = "country_not_allowed"
            return DestinationRefused(phone.REFUSALS[code], field="country", code=code)
        try:
            return destinations.read(keys, text, channel, region=region)
        except DestinationRefused as refused:
            return refused

    def _fields_by_channel(self) -> dict[str, StringField]:
        return {Channel.SMS.value: self.phone, Channel.EMAIL.value: self.email}
