"""The page that asks to confirm an opt-in has its own address, so that Back and reload work without scripts."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.core.confirmations.pretending import Asked
from app.core.signing import Keys
from app.models import VerifyNumber

MAX_AGE_S = 25 * 60 * 60  # longer than any way to confirm is open


@dataclass(frozen=True)
class ConfirmLink:
    """What the page that asks to confirm shows.

    :param place: the form's key or the inserted form's token
    :param token: of the confirmation
    :param number: the number as this reader may see it
    :param asked_at: when the text was asked for, in ISO 8601
    :param is_signed: the answer came from a signed user
    :param preferences: the token of the preference center that the person came from; empty: none
    """

    place: str
    locale: str
    token: str
    method: str
    number: str
    asked_at: str
    is_signed: bool = False
    preferences: str = ""

    @property
    def asked(self) -> Asked:
        return Asked(self.token, VerifyNumber(self.method), datetime.fromisoformat(self.asked_at))

    def asked_again(self, at: datetime) -> "ConfirmLink":
        return replace(self, asked_at=at.isoformat())

    def sealed(self, keys: Keys) -> str:
        """The value of ``?confirm=``. It is encrypted, because proxies log addresses, and this one has the number."""
        return keys.sealer("confirm").seal(vars(self))

    @classmethod
    def read(cls, keys: Keys, sealed: str, *, place: str) -> "ConfirmLink | None":
        """The value; null when it was not made here, belongs to another place or is too old."""
        value = keys.sealer("confirm").open(sealed, max_age_s=MAX_AGE_S)
        return cls(**value) if value is not None and value["place"] == place else None


@dataclass(frozen=True)
class ConfirmPart:
    """What a page in the state "confirm" shows.

    :param method: ``code``, ``reply`` or ``sms_link``
    :param sealed: the signed value that its forms send
    :param resend: where the button for another text is sent; empty: there is none
    :param again: the address of the form, to type another number; empty: the form has a saved one
    :param check: the address of this page, to see whether it is confirmed
    :param word: what a reply says; ``own_text``: what the person sends to ``sender``
    :param sms_href: opens the person's own app with that text
    """

    method: str
    sealed: str
    resend: str
    again: str
    check: str
    word: str
    sender: str
    own_text: str
    sms_href: str
    is_sent_again: bool
