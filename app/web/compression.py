"""Compression of pages, JSON and static files, with brotli or else gzip.

Responses that have a secret together with text from the request must not be compressed, because their length would
reveal the secret (BREACH). Staff pages have a CSRF token, so they are not compressed.
"""

import gzip
from collections.abc import Callable
from functools import lru_cache, partial
from http import HTTPStatus

import brotli
from flask import Response, request

MIN_BYTES = 500
_Compressor = Callable[[bytes], bytes]
# Level 4 would cost 0.25 ms more for a page of the embed and save half a kilobyte.
_FAST: dict[str, _Compressor] = {
    "br": partial(brotli.compress, quality=1),
    "gzip": partial(gzip.compress, compresslevel=5, mtime=0),
}
_SMALL: dict[str, _Compressor] = {
    "br": brotli.compress,
    "gzip": partial(gzip.compress, compresslevel=9, mtime=0),
}


def compress(response: Response) -> Response:
    """Compress the body as the client accepts it. An ``after_request`` hook of an application or a blueprint."""
    if not response.direct_passthrough:
        _encode(response, lambda content, encoding: _FAST[encoding](content))
    return response


def compress_file(response: Response) -> Response:
    """Compress a static file that is sent as a whole. Each is compressed once and kept in memory."""
    if response.status_code == HTTPStatus.OK:
        response.direct_passthrough = False
        _encode(response, _compress_once)
        etag, _is_weak = response.get_etag()
        if etag and "Content-Encoding" in response.headers:
            response.set_etag(etag, weak=True)  # the same file in other bytes
    return response


def accepted_encoding() -> str | None:
    """``br`` where the client accepts it, else ``gzip``, else null."""
    if not request.headers.get("Accept-Encoding"):
        return None
    accepted = request.accept_encodings
    return next((encoding for encoding in _FAST if accepted.quality(encoding) > 0), None)


def _encode(response: Response, compressor: Callable[[bytes, str], bytes]) -> None:
    content = response.get_data()
    if len(content) < MIN_BYTES or "Content-Encoding" in response.headers:
        return
    response.vary.add("Accept-Encoding")
    if encoding := accepted_encoding():
        response.set_data(compressor(content, encoding))
        response.headers["Content-Encoding"] = encoding


@lru_cache(maxsize=256)
def _compress_once(content: bytes, encoding: str) -> bytes:
    return _SMALL[encoding](content)
