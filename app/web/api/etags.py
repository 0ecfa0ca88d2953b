"""ETags for calls that clients repeat: 304 without a body while nothing changed."""

import hashlib
from collections.abc import Iterable

from flask import Flask, Response, g, request

from app.web.current import current_globals


def init_app(api: Flask) -> None:
    api.after_request(_set_etag)


def use_etag(revisions: Iterable[int] = ()) -> None:
    """Give the response of this request an ETag.

    :param revisions: of what is in the response, where a change may leave its text the same: times are in seconds
    """
    g.etag_revisions = list(revisions)


def _set_etag(response: Response) -> Response:
    revisions = current_globals().get("etag_revisions")
    if revisions is None or response.status_code != 200:
        return response
    content = response.get_data() + repr(revisions).encode()
    response.set_etag(hashlib.sha256(content).hexdigest()[:32], weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response
