"""Why a request has no response, in sentences for people."""

import http.client
import ssl
from typing import Any

from urllib3.exceptions import HTTPError


class Refused(Exception):
    """Nothing was sent: the URL is invalid, or its address is not allowed.

    :param sentence: for people, a constant, so that the catalogs have it, with ``%(name)s`` for each of ``values``
    """

    def __init__(self, sentence: str, **values: int) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence = sentence
        self.values = values


class Failed(Exception):
    """No complete response came. The message is one short sentence for people.

    :param may_have_arrived: the server may have received the request; false where no connection was made
    """

    def __init__(self, sentence: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(sentence)
        self.may_have_arrived = may_have_arrived


# What a broken connection or a wrong response raises.
PROBLEMS = (OSError, HTTPError, http.client.HTTPException, ValueError)


def sentence_of(problem: BaseException) -> str:
    """The sentence for an error of a connection."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"The certificate cannot be trusted: {problem.verify_message}."
    for error_type, sentence in _SENTENCES:
        if isinstance(problem, error_type):
            return sentence
    cause: Any = problem.__cause__ or problem.__context__
    return sentence_of(cause) if cause is not None else "The connection broke before the answer was complete."


_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "No encrypted connection could be made."),
    (ConnectionRefusedError, "The connection was refused."),
    (TimeoutError, "The server could not be reached in time."),
    (http.client.RemoteDisconnected, "The connection was closed without an answer."),
    (ConnectionError, "The connection broke before the answer was complete."),
    (http.client.HTTPException, "The response was not HTTP, or it broke off."),
    (OSError, "The server cannot be reached."),
)
