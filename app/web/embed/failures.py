"""What cannot be shown, said in the reader's language on a page that nobody frames."""

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from app.core import wording
from app.core.errors import NotFound
from app.core.wording import translatable
from app.web import optin_page
from app.web.embed import reader
from app.web.languages import gettext, speaking

_SENTENCES = {
    404: translatable("There is no form at this address."),
    413: translatable("What you sent is too large."),
}
_OTHERWISE = translatable("Something went wrong on our side. Nothing was recorded; please try again.")


def handle(app: Flask) -> None:
    app.register_error_handler(NotFound, lambda _error: _page(404))
    app.register_error_handler(HTTPException, lambda error: _page(error.code or 500))


def _page(status: int) -> Response:
    locale = wording.negotiate(None, reader.accept_language())
    with speaking(locale):
        sentence = gettext(_SENTENCES.get(status, _OTHERWISE))
    return optin_page.error_page(sentence, status, locale)
