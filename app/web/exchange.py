"""What is asked of an application of its own (``apart``) and what it answers, as WSGI."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import brotli
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_WORTH_PACKING_BYTES = 600
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_BROTLI_LEVEL, _GZIP_LEVEL = 4, 5


class Asked(Request):
    """One request. A body beyond ``size_bytes_max`` is refused with 413 when somebody wants to read it."""

    def __init__(self, environ: "WSGIEnvironment", size_bytes_max: int) -> None:
        super().__init__(environ)
        self.max_content_length = self.max_form_memory_size = size_bytes_max

    def header(self, name: str) -> str:
        """A header by its WSGI name (``HTTP_REFERER``); empty when it was not sent."""
        value: str = self.environ.get(name, "")
        return value


@dataclass(slots=True)
class Answer:
    """A page or JSON, or nothing at all when ``body`` is empty. ``headers`` say what it is and who may see it."""

    body: str
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)


def refuse_other_sites(asked: Asked) -> None:
    """What is sent comes from a page that we made. There is no cookie to ride on; this is the second lock.

    :raises Forbidden: the browser says that another site sent it
    """
    if asked.environ.get("HTTP_SEC_FETCH_SITE", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden


def send(answer: Answer, asked: Asked, start_response: "StartResponse") -> Iterable[bytes]:
    """The answer on its way, as small as the reader can take it.

    Nothing holds both a secret and what somebody else put into the request, so its length tells nobody anything.
    """
    content = answer.body.encode()
    headers = answer.headers
    if content:
        content, encoding = _smaller(content, asked)
        headers += [("Vary", "Accept-Encoding"), *encoding]
    if answer.status != HTTPStatus.NO_CONTENT:
        headers.append(("Content-Length", str(len(content))))
    start_response(_STATUS_LINES[answer.status], headers)
    return [] if asked.method == "HEAD" else [content]


def _smaller(content: bytes, asked: Asked) -> tuple[bytes, list[tuple[str, str]]]:
    if len(content) < _WORTH_PACKING_BYTES or not asked.header("HTTP_ACCEPT_ENCODING"):
        return content, []
    accepted = asked.accept_encodings
    if accepted.quality("br") > 0:
        return brotli.compress(content, quality=_BROTLI_LEVEL), [("Content-Encoding", "br")]
    if accepted.quality("gzip") > 0:
        return gzip.compress(content, _GZIP_LEVEL, mtime=0), [("Content-Encoding", "gzip")]
    return content, []
