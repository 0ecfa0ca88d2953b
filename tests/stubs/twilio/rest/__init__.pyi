from collections.abc import Mapping, Sequence
from typing import Any

from twilio.http import HttpClient

class _Message:
    sid: str | None

class _Messages:
    def create(self, to: str, **more: str) -> _Message: ...

class _Consents:
    items: list[dict[str, Any]] | None

class _BulkConsents:
    def create(self, items: Sequence[Mapping[str, str]]) -> _Consents: ...

class _AccountsV1:
    bulk_consents: _BulkConsents

class _Accounts:
    v1: _AccountsV1

class Client:
    messages: _Messages
    accounts: _Accounts
    def __init__(self, username: str, password: str, *, http_client: HttpClient | None = None) -> None: ...
