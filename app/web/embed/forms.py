"""The answer to an opt-in form, as its page sends it."""

from collections.abc import Mapping

from app.core import destinations, phone
from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms.render_token import RenderToken
from app.core.signing import Keys
from app.core.submissions.outcome import Typed
from app.models import Channel

_TYPED_MAX, _PAGE_MAX = 1000, 500
_FIELDS = {Channel.SMS.value: "phone", Channel.EMAIL.value: "email"}


class AnswerForm:
    """The fields of the page. Only the field of the form's channel is on it. It is a plain value: as a form of WTForms,
    which would check nothing here, it took a twentieth of the processor time of the whole answer.

    Texts over the limits are cut: they are not numbers or addresses, and ``submit`` refuses them.

    :param sent: the fields of the request
    """

    def __init__(self, sent: Mapping[str, str]) -> None:
        self.shown, self.page = sent.get("shown", ""), sent.get("page", "")[:_PAGE_MAX]
        self.country = sent.get("country")
        self.has_agreed = sent.get("agree") == "on"
        self._typed = {channel: sent[name][:_TYPED_MAX] for channel, name in _FIELDS.items() if name in sent}

    def render_token(self, keys: Keys, place: str) -> RenderToken | None:
        """The token of the render; null when the token was not signed here, belongs to another place or is too old."""
        return RenderToken.read(keys.signer("shown"), self.shown, place=place)

    def region(self, shown: RenderToken | None) -> str | None:
        """The country in which a number without a ``+`` is read; null: in none.

        An answer without the field (a plain POST, or from a page of an earlier release) is read in the country that the
        page preselected, which is never a guess.
        """
        if self.country is not None:
            return self.country or None
        return shown.region if shown else None

    def typed(self, keys: Keys, region: str | None) -> Typed:
        """By the channel of each field that was sent the destination or why it was refused; whether they agreed."""
        read = {channel: self._destination(keys, text, channel, region) for channel, text in self._typed.items()}
        return Typed(read, self.has_agreed)

    def typed_text(self, channel: str) -> str:
        """The text that was typed, unchanged; empty when the field was not sent."""
        return self._typed.get(channel, "")

    def _destination(self, keys: Keys, text: str, channel: str, region: str | None) -> Destination | DestinationRefused:
        # The allowed countries are known only in the transaction: ``submit`` refuses the others.
        if channel == Channel.SMS and self.country and self.country not in phone.countries():
            code = "country_not_allowed"
            return DestinationRefused(phone.REFUSALS[code], field="country", code=code)
        try:
            return destinations.read(keys, text, channel, region=region)
        except DestinationRefused as refused:
            return refused
