"""What cannot be shown, said in the reader's language on a page that nobody frames."""

from http import HTTPStatus

from werkzeug.exceptions import HTTPException

from app.core import wording
from app.core.errors import NotFound
from app.core.wording import translatable
from app.web.apart import Refused
from app.web.exchange import Answer, Asked
from app.web.form_page import page as optin_page
from app.web.i18n import gettext, speaking

_SENTENCES = {
    404: translatable("There is no form at this address."),
    413: translatable("What you sent is too large."),
}
_OTHERWISE = translatable("Something went wrong on our side. Nothing was recorded; please try again.")


def status_of(refused: Refused) -> int | None:
    """Of a refusal that a page is made for: there is no such form, or the request itself is no good."""
    if isinstance(refused, NotFound):
        return HTTPStatus.NOT_FOUND
    return (refused.code or HTTPStatus.INTERNAL_SERVER_ERROR) if isinstance(refused, HTTPException) else None


def page(asked: Asked, status: int, _refused: Refused | None) -> Answer:
    locale = wording.negotiate(None, asked.header("HTTP_ACCEPT_LANGUAGE"))
    with speaking(locale):
        sentence = gettext(_SENTENCES.get(status, _OTHERWISE))
    headers = optin_page.headers(optin_page.NOBODY, is_secure=asked.is_secure)
    return Answer(optin_page.error_page(sentence, locale), status, headers)
