"""The JSON object that the panel sends."""

from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.schemas.entry import BadValue, read_json


def body_of_request() -> dict[str, Any]:
    """The body of the request.

    :raises UnsupportedMediaType: it is not sent as JSON
    :raises BadRequest: it is no object, or has a value that cannot be stored
    """
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        body = read_json(request.get_data())
    except BadValue:
        raise BadRequest from None
    if not isinstance(body, dict):
        raise BadRequest
    return body
