"""What a request to the embed asks and what it is answered, as WSGI."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import brotli
from werkzeug.wrappers import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

MAX_BODY_BYTES = 16_384
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_BROTLI_LEVEL, _GZIP_LEVEL = 4, 5


class Asked(Request):
    """One request. A body beyond ``MAX_BODY_BYTES`` is refused with 413 when somebody wants to read it."""

    max_content_length = MAX_BODY_BYTES
    max_form_memory_size = MAX_BODY_BYTES

    def header(self, name: str) -> str:
        """A header by its WSGI name (``HTTP_REFERER``); empty when it was not sent."""
        value: str = self.environ.get(name, "")
        return value


@dataclass(slots=True)
class Answer:
    """A page, or nothing at all when ``body`` is empty."""

    body: str
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)


def send(answer: Answer, asked: Asked, start_response: "StartResponse") -> Iterable[bytes]:
    """The answer on its way, as small as the reader can take it (no page holds a secret that a request could guess)."""
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
    if not asked.header("HTTP_ACCEPT_ENCODING"):
        return content, []
    accepted = asked.accept_encodings
    if accepted.quality("br") > 0:
        return brotli.compress(content, quality=_BROTLI_LEVEL), [("Content-Encoding", "br")]
    if accepted.quality("gzip") > 0:
        return gzip.compress(content, _GZIP_LEVEL, mtime=0), [("Content-Encoding", "gzip")]
    return content, []
