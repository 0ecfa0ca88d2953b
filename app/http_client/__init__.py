"""Outgoing HTTP with limits of time and size. Only this package makes requests, and never to the internal network.

A name is resolved once, its addresses are checked, and the connection goes to a checked address, so that DNS rebinding
has no effect. Redirects are returned, never followed. Proxies of the environment are not used, because they would
resolve the name again.
"""

from app.http_client.addresses import URL_MAX, Reach, Resolver, Target, ascii_name, read_url
from app.http_client.connections import Connections
from app.http_client.exchange import Limits, Response, request
from app.http_client.problems import Failed, Refused

__all__ = [
    "URL_MAX",
    "Connections",
    "Failed",
    "Limits",
    "Reach",
    "Refused",
    "Resolver",
    "Response",
    "Target",
    "ascii_name",
    "read_url",
    "request",
]
