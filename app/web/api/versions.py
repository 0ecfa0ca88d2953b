"""``Intercom-Version``: every version is accepted; older ones get the types that fields had before."""

import re

from flask import Flask, Response

from app.web.current import current_request

_HEADER = "Intercom-Version"
WARNING_HEADER = "X-Assent-Warning"
# The versions that Intercom has published until now. The newest of them is what the API does without the header.
_KNOWN = frozenset(
    {"preview", "unstable", *(f"1.{minor}" for minor in range(5)), *(f"2.{minor}" for minor in range(17))}
)
_BEFORE_2_16 = re.compile(r"1\.\d+|2\.(\d|1[0-5])")


def init_app(api: Flask) -> None:
    api.after_request(_warn)


def is_before_2_16() -> bool:
    """Whether the request names a version in which ``owner_id`` was an integer, for example."""
    return bool(_BEFORE_2_16.fullmatch(_version()))


def _version() -> str:
    return str(current_request().environ.get("HTTP_INTERCOM_VERSION", "")).strip().lower()


def _warn(response: Response) -> Response:
    """Say that a version is not known: its newest fields may be missing. The text of the request is not repeated."""
    version = _version()
    if version and version not in _KNOWN:
        response.headers[WARNING_HEADER] = f"This {_HEADER} is not known. The response is that of 2.16."
    return response
