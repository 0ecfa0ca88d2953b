"""Compression of pages and JSON.

Only for responses that do not hold a secret beside text that a request can choose: their length would tell the secret.
Pages of the staff hold a CSRF token, so they are not compressed.
"""

import gzip
from collections.abc import Callable
from functools import partial

import brotli
from flask import Response, request

MIN_BYTES = 600
# Level 4 would cost 0.25 ms more for a page of the embed and save half a kilobyte.
_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "br": partial(brotli.compress, quality=1),
    "gzip": partial(gzip.compress, compresslevel=5, mtime=0),
}


def compress(response: Response) -> Response:
    """Compress the body as the client accepts it. An ``after_request`` hook of an application or a blueprint."""
    if response.direct_passthrough or "Content-Encoding" in response.headers:
        return response
    content = response.get_data()
    if not content:
        return response
    response.vary.add("Accept-Encoding")
    encoding = accepted_encoding()
    if len(content) < MIN_BYTES or encoding is None:
        return response
    response.set_data(_COMPRESS[encoding](content))
    response.headers["Content-Encoding"] = encoding
    return response


def accepted_encoding() -> str | None:
    """``br`` where the client accepts it, else ``gzip``, else null."""
    if not request.headers.get("Accept-Encoding"):
        return None
    accepted = request.accept_encodings
    return next((encoding for encoding in _COMPRESS if accepted.quality(encoding) > 0), None)
