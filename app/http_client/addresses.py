"""URLs and the addresses behind them: which ones a request may reach."""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, urlsplit

import idna

from app.http_client.problems import Failed, Refused

URL_MAX = 2000
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL_MAX = 63
_HOST = re.compile(r"[a-z0-9._-]{1,253}")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses that are not on the public internet, by RFC 6890 and the registries of IANA.
_REFUSED_V4 = [
    ipaddress.IPv4Network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
]
# Only this part of IPv6 is assigned to networks; of it, addresses for documentation and tunnels are refused.
_ASSIGNED_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = [
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
_MAPPED, _NAT64 = ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96")


class Reach(Enum):
    """Which addresses a request may reach. ``ANYWHERE`` is only for URLs from the operator, never from a page."""

    INTERNET = "internet"
    LOOPBACK_TOO = "loopback_too"
    ANYWHERE = "anywhere"


@dataclass(frozen=True)
class Target:
    """A parsed URL. ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str


# (host, port) → addresses as text: ``socket.getaddrinfo``, or a fake in tests
Resolver = Callable[[str, int], list[str]]


def read_url(url: str, reach: Reach = Reach.INTERNET) -> Target:
    """Parse a URL of http or https without credentials. Names are not resolved; a numeric address is checked.

    :raises Refused: it must not be requested
    """
    if len(url) > URL_MAX:
        raise Refused("The address is longer than %(most)s characters.", most=URL_MAX)
    if _NOT_IN_A_URL.search(url):
        raise Refused("The address has a space or a control character in it.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, _ascii_host(parts.hostname) if parts.hostname else ""
    except (ValueError, UnicodeError):
        raise Refused("That is not a web address.") from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise Refused("Write a web address that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise Refused("The address must not have a sign-in in it.")
    if (literal := _as_address(host)) is not None:
        _check(literal, reach)
    elif _is_local_name(host) and reach == Reach.INTERNET:
        raise Refused("This host name is the server itself.")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path + (query and f"?{query}"))


def allowed_addresses(target: Target, resolve: Resolver | None, reach: Reach, *, timeout_s: float) -> list[str]:
    """The addresses of the target that may be reached, in the order of the resolver.

    :param timeout_s: how long the resolver may take
    :raises Refused: none is allowed
    :raises Failed: the name has no address
    """
    literal = _as_address(target.host)
    resolve_in_time = _with_timeout(timeout_s, resolve or _system_resolver)
    found = [str(literal)] if literal is not None else resolve_in_time(target.host, target.port)
    allowed: list[str] = []
    refusal: Refused | None = None
    for each in found:
        try:
            _check(ipaddress.ip_address(each), reach)
        except Refused as refused:
            refusal = refused
        except ValueError:
            refusal = Refused("The host name resolves to an address that cannot be used.")
        else:
            allowed.append(each)
    if not allowed:
        raise refusal or Failed("The host name resolves to no address.")
    return list(dict.fromkeys(allowed))


def _with_timeout(timeout_s: float, resolve: Resolver) -> Resolver:
    """The resolver with a timeout, because the system waits for a dead name server for half a minute."""

    def resolve_in_time(host: str, port: int) -> list[str]:
        found: Future[list[str]] = Future()

        def resolve_now() -> None:
            try:
                found.set_result(resolve(host, port))
            except BaseException as problem:
                found.set_exception(problem)

        threading.Thread(target=resolve_now, name="resolve", daemon=True).start()
        try:
            return found.result(timeout_s)
        except TimeoutError:
            raise Failed(f"The name could not be resolved within {timeout_s:g} seconds.") from None

    return resolve_in_time


def ascii_name(host: str) -> str:
    """A host name as browsers send it: lower case, other than ASCII labels in Punycode. Any symbol may be in it.

    :raises ValueError: it has a character that no host name may have, or an empty or too long label
    Source: UTS 46, non-transitional processing, as the URL standard uses it
    """
    mapped = host.lower() if host.isascii() else idna.uts46_remap(host, std3_rules=False, transitional=False)
    labels = [each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in mapped.split(".")]
    if any(not each for each in labels[:-1]) or any(len(each) > _LABEL_MAX for each in labels):
        raise ValueError(host)
    return ".".join(labels)


def _system_resolver(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Failed("The name cannot be resolved.") from None
    return [str(each[4][0]) for each in found]


def _check(address: _Address, reach: Reach) -> None:
    """:raises Refused: the address is not on the public internet"""
    if reach == Reach.ANYWHERE:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _MAPPED or (address in _NAT64 and not address.scope_id):
            return _check(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF), reach)
        is_refused = address not in _ASSIGNED_V6 or any(address in each for each in _REFUSED_V6)
    else:
        is_refused = any(address in each for each in _REFUSED_V4)
    if is_refused and not (reach == Reach.LOOPBACK_TOO and address.is_loopback):
        raise Refused("This address is private or reserved; nothing is sent to it.")
    return None


def _ascii_host(host: str) -> str:
    """:raises ValueError: the host is neither a name nor an address"""
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    name = ascii_name(host)
    if not _HOST.fullmatch(name):
        raise ValueError(name)
    return name


def _as_address(host: str) -> _Address | None:
    """The address of a numeric host, also in the old notations of ``inet_aton``; null for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", host):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            raise Refused("That is not a web address.") from None
    return None


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")
