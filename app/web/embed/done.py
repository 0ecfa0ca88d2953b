"""The page after an answer has its own address, so that Back and reload work without scripts."""

from dataclasses import dataclass

from flask import Response

from app.core.signing import Keys
from app.web.embed import pages
from app.web.form_page import page as form_page
from app.web.form_page.page import FormPage
from app.web.services import keys

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
    :param preferences: the token of the preference center that the person came from; empty: none
    """

    place: str
    locale: str
    token: str
    number: str
    event_id: int | None = None
    undone: str = ""
    is_signed: bool = False
    is_confirmed: bool = False
    preferences: str = ""

    def sealed(self, keys: Keys) -> str:
        """The value of ``?done=``. It is encrypted, because proxies log addresses, and this one has the number."""
        return keys.sealer("done").seal(vars(self))

    def redirect(self, page: FormPage, endpoint: str | None = None) -> Response:
        """A redirect to the page that says what happened.

        :param endpoint: of the form's page; null: of this request
        """
        response = form_page.respond("", 303, page.policy)
        response.headers["Location"] = pages.address(endpoint, done=self.sealed(keys()))
        return response

    @classmethod
    def read(cls, keys: Keys, sealed: str, *, place: str) -> "Done | None":
        """The value; null when it was not made here, belongs to another place or is older than ten minutes."""
        value = keys.sealer("done").open(sealed, max_age_s=MAX_AGE_S)
        return cls(**value) if value is not None and value["place"] == place else None
