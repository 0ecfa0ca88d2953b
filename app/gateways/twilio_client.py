"""Twilio's official client over our own HTTP. Only the worker imports this: the client takes a quarter of a second."""

import base64
import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from app import http_client as http
from app.logs import get_logger

LIMITS = http.Limits(connect_s=5, total_s=15, body_bytes=64_000)
_RETRY_AFTER_MAX_S = 3600.0


class ApiError(Exception):
    """Twilio refused a request.

    :param code: Twilio's error code, where it gave one
    :param retry_after_s: how long it asks to wait
    """

    def __init__(self, status: int, code: str | None, retry_after_s: float) -> None:
        super().__init__(f"HTTP {status}, code {code}")
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


def open_client(account_sid: str, auth_token: str, api_url: str) -> Client:
    """A client for any number of threads, which keeps its connections.

    :param api_url: replaces the scheme and host of Twilio's addresses; empty: Twilio itself
    """
    return Client(account_sid, auth_token, http_client=_HttpClient(api_url))


class _HttpClient(HttpClient):
    """What the client sends with. It raises ``ApiError``, because the client's own errors have no headers."""

    def __init__(self, api_url: str) -> None:
        super().__init__(cast(Any, get_logger()), is_async=False, timeout=LIMITS.total_s)
        self._api_url = api_url
        self._connections = http.Connections(http.Reach.ANYWHERE, LIMITS)

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_theirs: object,  # time limit and redirects: ours are in LIMITS
    ) -> Response:
        """Send one request.

        :raises ApiError: the status is 400 or more
        :raises http.Failed: no complete response came
        """
        url = self._url(uri) + (f"?{urlencode(params, doseq=True)}" if params else "")
        sent_headers = dict(headers or {})
        if auth is not None:
            sent_headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        body = urlencode(data, doseq=True).encode() if data is not None else None
        answer = self._connections.request(method.upper(), url, body=body, headers=sent_headers)
        if answer.status >= 400:
            raise ApiError(answer.status, _code(answer.body), _retry_after_s(answer.headers))
        return Response(answer.status, answer.body.decode("utf-8", "replace"), dict(answer.headers))

    def _url(self, uri: str) -> str:
        if not self._api_url:
            return uri
        parts = urlsplit(uri)
        return self._api_url + parts.path + (f"?{parts.query}" if parts.query else "")


def _code(body: bytes) -> str | None:
    """``{"code": 21610, "message": …}``, of which the message may hold the number."""
    try:
        content = json.loads(body)
    except ValueError:
        return None
    code = content.get("code") if isinstance(content, dict) else None
    return str(code) if isinstance(code, int) else None


def _retry_after_s(headers: Mapping[str, str]) -> float:
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "").strip()
    is_number = value.isascii() and value.isdigit() and len(value) < 9
    return min(float(value), _RETRY_AFTER_MAX_S) if is_number else 0.0
