"""Web origins (scheme, host, port), as browsers compare them: exactly."""

from functools import lru_cache
from urllib.parse import urlsplit

from app.core.errors import InvalidInput

_OFTEN_CHARS_MAX = 200
_DEFAULT_PORTS = {"http": 80, "https": 443}


def read(typed: str) -> str:
    """``https://shop.example.com`` or with a port, in the form that browsers send in ``Origin``.

    :raises InvalidInput: a wildcard, a path, a sign-in, another scheme
    """
    text = typed.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if ":" not in (parts.hostname or "") else parts.hostname
    except (ValueError, UnicodeError):
        raise _not_an_origin(text) from None
    has_more = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in _DEFAULT_PORTS or not host or has_more or not _is_plain(host):
        raise _not_an_origin(text)
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else "")


def read_many(lines: str) -> list[str]:
    """One origin a line (or separated by spaces or commas), without repeats, in the order given."""
    return list(dict.fromkeys(read(part) for part in lines.replace(",", " ").split()))


def of(address: str) -> str | None:
    """The origin of a full web address; null when it has none."""
    return _often(address) if len(address) <= _OFTEN_CHARS_MAX else _of(address)


def _of(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        return read(f"{parts.scheme}://{parts.netloc}")
    except (InvalidInput, ValueError):
        return None


# A browser names the page around a frame by its origin alone, so the same few come again and again.
_often = lru_cache(maxsize=1024)(_of)


def _is_plain(host: str) -> bool:
    return all(char.isalnum() or char in "-.:_" for char in host)


def _not_an_origin(text: str) -> InvalidInput:
    return InvalidInput(
        f"“{text[:80]}” is not an origin. Write scheme and host, for example https://shop.example.com, without a path.",
        field="allowed_origins",
    )
