"""The page after an answer has an address of its own, so that Back and reload work without scripts."""

import base64
import json
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken

from app.core.signing import Keys

MAX_AGE_S = 10 * 60
AS_BEFORE, WITHDRAWN = "as_before", "withdrawn"


@dataclass(frozen=True)
class Done:
    """What the page after an answer shows.

    :param place: the form's key or the inserted form's token
    :param token: the inserted form's token
    :param number: the number or address as this reader may see it
    :param event_id: of the event that the answer wrote; null where it changed nothing
    :param undone: empty until the answer is undone; then its channel, or ``AS_BEFORE`` where they are subscribed
        anyway; or ``WITHDRAWN`` where a known user withdrew
    :param is_signed: the answer came from a signed user
    :param is_confirmed: the holder of the number has confirmed it
    """

    place: str
    locale: str
    token: str
    number: str
    event_id: int | None = None
    undone: str = ""
    is_signed: bool = False
    is_confirmed: bool = False

    def sealed(self, keys: Keys) -> str:
        """The value of ``?done=``. It is encrypted, because proxies log addresses, and this one has the number."""
        return _fernet(keys).encrypt(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def read(cls, keys: Keys, sealed: str, *, place: str) -> "Done | None":
        """The value; null when it was not made here, belongs to another place or is older than ten minutes."""
        try:
            done = cls(**json.loads(_fernet(keys).decrypt(sealed.encode("utf-8", "replace"), ttl=MAX_AGE_S)))
        except InvalidToken:
            return None
        return done if done.place == place else None


def _fernet(keys: Keys) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(keys.derive("done")))
