"""Reads the texts of settings. An invalid one raises ``ValueError`` with a phrase that says what is expected."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

# A number or short code, or a name of letters and digits that people cannot reply to (3GPP TS 23.040, 9.1.2.5).
_NUMBER, _NAME = re.compile(r"\+?[0-9]{3,15}"), re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{1,11}")
GATEWAYS = ("sandbox", "twilio", "kannel")
GATEWAY_NAMES = f"{', '.join(GATEWAYS[:-1])} or {GATEWAYS[-1]}"
# What a gateway needs; of a group one is enough, and the first is named.
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "sandbox": (),
    "twilio": (
        ("twilio_account_sid",),
        ("twilio_auth_token",),
        ("twilio_messaging_service_sid", "twilio_from"),
        ("public_url",),
    ),
    "kannel": (
        ("kannel_sendsms_url",),
        ("kannel_username",),
        ("kannel_password",),
        ("kannel_from",),
        ("kannel_secret",),
        ("public_url",),
    ),
}
_PROXIES_MAX = 100
_REDIS_SCHEMES, _MAIL_SCHEMES = ("redis://", "rediss://", "unix://"), {"smtp", "smtps", "smtp+tls"}


def text(value: str) -> str:
    return value.strip()


def proxies(value: str) -> int:
    """How many proxies stand in front."""
    if not re.fullmatch("[0-9]{1,3}", value) or int(value) > _PROXIES_MAX:
        raise ValueError(f"must be a whole number from 0 to {_PROXIES_MAX}")
    return int(value)


def boolean(value: str) -> bool:
    lowered = value.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def web_address(value: str) -> str:
    parts = _address(value)
    if parts is None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://consent.example.com, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def page_address(value: str) -> str:
    parts = _address(value)
    if parts is None or parts.query or parts.fragment:
        raise ValueError("must be an address such as http://127.0.0.1:13013/cgi-bin/sendsms, without a query")
    return value.strip()


def _address(value: str) -> SplitResult | None:
    """The parts of a web address; null when it is none, or has credentials, which pages and logs would show."""
    try:
        parts = urlsplit(value.strip())
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port, or of the brackets of an IPv6 address
        return None
    return parts if is_valid and "@" not in parts.netloc and not re.search(r"\s", value.strip()) else None


def database_url(value: str) -> str:
    for scheme in ("postgres://", "postgresql://", "postgresql+psycopg://"):
        if value.startswith(scheme):
            return _parsed("postgresql+psycopg://" + value.removeprefix(scheme))
    if not value.startswith("sqlite:///"):
        raise ValueError("must begin with postgresql:// or sqlite:///")
    name = value.removeprefix("sqlite:///").partition("?")[0]
    if name in {"", ":memory:"} or not Path(name).parent.is_dir() or Path(name).is_dir():
        raise ValueError("must name a file in a folder that exists, such as sqlite:////var/lib/assent/assent.db")
    return _parsed(value)


def _parsed(url: str) -> str:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(url)
    except (ArgumentError, ValueError):  # their sentences show the password
        raise ValueError("must be an address such as postgresql://user:password@127.0.0.1:5432/assent") from None
    return url


def without_password(database_url: str) -> str:
    """The address of a database for people: without driver, password and options."""
    from sqlalchemy import make_url

    url = make_url(database_url)
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def secret_key(value: str) -> str:
    if len(value) < 32:
        raise ValueError("must have at least 32 characters")
    return value


def gateway(value: str) -> str:
    if value not in GATEWAYS:
        raise ValueError(f"must be {GATEWAY_NAMES}")
    return value


def smtp_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        options = parse_qs(parts.query, keep_blank_values=True)
        is_valid = parts.scheme in _MAIL_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid, options = False, {}
    senders = options.pop("from", ["assent@localhost"])
    if not is_valid or options or len(senders) != 1 or not re.fullmatch(r"[^@\r\n]+@[^@\r\n]+", senders[0]):
        raise ValueError("must look like smtp+tls://user:password@mail.example.com:587?from=assent@example.com")
    return value


def redis_url(value: str) -> str:
    try:
        is_valid = value.startswith(_REDIS_SCHEMES) and urlsplit(value).port != 0
    except ValueError:  # of the port
        is_valid = False
    if not is_valid:
        raise ValueError("must be an address such as redis://127.0.0.1:6379/0, or begin with rediss:// or unix://")
    return value


def token(value: str) -> str:
    """A token that arrives in a header, where only these characters are the same for every client."""
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError("must be letters, digits and signs of ASCII, without spaces")
    return value


def new_file(value: str) -> str:
    """A file that is created where it does not exist yet. Its folder may be that of a disk which is not there now."""
    if Path(value).is_dir():
        raise ValueError("must be a file, not a folder")
    return value


def account_sid(value: str) -> str:
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", value.strip()):
        raise ValueError("must be AC and 32 hexadecimal digits")
    return value.strip()


def service_sid(value: str) -> str:
    if not re.fullmatch(r"MG[0-9a-fA-F]{32}", value.strip()):
        raise ValueError("must be MG and 32 hexadecimal digits")
    return value.strip()


def sender(value: str) -> str:
    """A number, a short code, or a name of at most 11 characters."""
    name = value.strip()
    if not _NUMBER.fullmatch(name) and not _NAME.fullmatch(name):
        raise ValueError("must be a number such as +15551234567, a short code, or a name of at most 11 characters")
    return name
