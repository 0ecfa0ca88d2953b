"""Reads the texts of settings. An invalid one raises ``ValueError`` with a phrase that says what is expected."""

import re
from urllib.parse import urlsplit

# A number or short code, or a name of letters and digits that people cannot reply to (3GPP TS 23.040, 9.1.2.5).
_NUMBER, _NAME = re.compile(r"\+?[0-9]{3,15}"), re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{1,11}")
GATEWAYS = ("sandbox", "twilio", "kannel")


def text(value: str) -> str:
    return value.strip()


def whole_number(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def boolean(value: str) -> bool:
    lowered = value.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def web_address(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be an address such as https://consent.example.com, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def page_address(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as http://127.0.0.1:13013/cgi-bin/sendsms, without a query")
    return value.strip()


def database_url(value: str) -> str:
    for scheme in ("postgres://", "postgresql://", "postgresql+psycopg://"):
        if value.startswith(scheme):
            return "postgresql+psycopg://" + value.removeprefix(scheme)
    if value.startswith("sqlite:///"):
        return value
    raise ValueError("must begin with postgresql:// or sqlite:///")


def secret_key(value: str) -> str:
    if len(value) < 32:
        raise ValueError("must have at least 32 characters")
    return value


def gateway(value: str) -> str:
    if value not in GATEWAYS:
        raise ValueError("must be sandbox, twilio or kannel")
    return value


def smtp_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"smtp", "smtps", "smtp+tls"} or not parts.hostname:
        raise ValueError("must look like smtp+tls://user:password@mail.example.com:587?from=assent@example.com")
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
