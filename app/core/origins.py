"""Web origins (scheme, host, port). Browsers compare them exactly."""

import re
from functools import lru_cache
from urllib.parse import SplitResult, urljoin, urlsplit

from app.core.errors import InvalidInput
from app.http_client import ascii_name

_CACHED_CHARS_MAX = 200
_LOCAL = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:|/|$)", re.IGNORECASE)
_PATH = re.compile(r"[/?#]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def read(typed: str, *, field: str = "allowed_origins") -> str:
    """Parse an origin and return it as browsers send it in ``Origin``: ``https://shop.example.com``, maybe with a port.

    :param field: the name of the value, for the error
    :raises InvalidInput: it has a wildcard, a path, credentials or another scheme
    """
    text = typed.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
        host = ascii_name(parts.hostname or "")
    except ValueError:
        raise _not_an_origin(text, field) from None
    has_other_parts = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in _DEFAULT_PORTS or not host or has_other_parts or not _is_plain(host):
        raise _not_an_origin(text, field)
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else "")


def read_many(lines: str) -> list[str]:
    """Parse what people type: origins separated by new lines, spaces or commas. Keeps their order, without duplicates.

    An address of a page is read as its origin, ``shop.example.com`` as ``https://shop.example.com``.

    :raises InvalidInput: as for ``read``
    """
    return list(dict.fromkeys(read(_completed(part)) for part in lines.replace(",", " ").split()))


def _completed(typed: str) -> str:
    scheme, separator, rest = typed.partition("://")
    if not separator:
        scheme, rest = "http" if _LOCAL.match(typed) else "https", typed
    host = _PATH.split(rest, maxsplit=1)[0]
    return f"{scheme}://{host}" if separator or "." in host or scheme == "http" else typed


def of(address: str) -> str | None:
    """The origin of a URL; null when it has none."""
    return _cached_of(address) if len(address) <= _CACHED_CHARS_MAX else _of(address)


def parts_of(address: str) -> SplitResult:
    """The parts of an address that anyone may have written; all are empty where it cannot be read (``http://[``)."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def joined(page: str, address: str) -> str:
    """The address that a page has in it, which may be relative; empty where it cannot be read."""
    try:
        return urljoin(page, address)
    except ValueError:
        return ""


def _of(address: str) -> str | None:
    parts = parts_of(address)
    try:
        return read(f"{parts.scheme}://{parts.netloc}")
    except InvalidInput:
        return None


# Browsers send only the origin of the page around a frame, so a few values are frequent.
_cached_of = lru_cache(maxsize=1024)(_of)


def _is_plain(host: str) -> bool:
    return all(char.isalnum() or char in "-.:_" for char in host)


def _not_an_origin(text: str, field: str) -> InvalidInput:
    return InvalidInput(
        "“%(origin)s” is not an origin. Write scheme and host, for example https://shop.example.com, without a path.",
        field=field,
        origin=text[:80],
    )
