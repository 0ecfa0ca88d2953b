"""Intercom's published Python client against a running server: all requests that were recorded from it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from intercom import (
    AsyncIntercom,
    CreateContactRequestWithEmail,
    CreateContactRequestWithExternalId,
    CreateContactRequestWithRole,
    Intercom,
    MultipleFilterSearchRequest,
    SingleFilterSearchRequest,
    StartingAfterPaging,
)
from intercom.core.api_error import ApiError
from intercom.errors import BadRequestError, NotFoundError, UnauthorizedError
from sqlalchemy import select

from app import config
from app.core import clock
from app.core.accounts import api_tokens
from app.core.workspace import bootstrap
from app.models import ApiToken
from tests import make
from tests.processes import PATIENCE_S
from tests.serve import web_process

RECORDED = Path(__file__).parent.parent.parent / "data" / "python-intercom-5.0.1-requests.json"
PHONE = "+15551234567"  # as recorded; it is stored, though it cannot be texted


class Server:
    """A running server with one admin and one live type. ``did``: the requests that the client made."""

    def __init__(self, address: str, token: str, admin_id: str, type_id: str) -> None:
        self.address, self.token, self.admin_id, self.type_id = address, token, admin_id, type_id
        self.did: set[tuple[str, str, str, str]] = set()

    def record(self, request: httpx.Request) -> None:
        body = json.loads(request.content) if request.content else None
        self.did.add(_shape(request.method, str(request.url), body))

    async def record_async(self, request: httpx.Request) -> None:
        self.record(request)


@pytest.fixture
def server(settings: config.Settings) -> Iterator[Server]:
    opened = bootstrap.open_database(settings)
    with opened.unit_of_work() as session:
        at = clock.now()
        ana = make.agent(session, email="ana@example.com", name="Ana")
        _, token = api_tokens.create(session, "sdk", [], at=at, actor=f"agent:{ana.id}")
        offers = make.live_type(session)
    opened.close()
    with web_process(settings) as address:
        yield Server(f"{address}/api", token, str(ana.id), str(offers.id))


class Blocking:
    """The synchronous client, with the same interface as ``Async``."""

    def __init__(self, server: Server, **more: Any) -> None:
        self._given = {"token": server.token, "base_url": server.address} | more
        self._server = server

    def __call__(self, act: Callable[[Any], Any]) -> Any:
        with httpx.Client(event_hooks={"request": [self._server.record]}) as http:
            return act(Intercom(httpx_client=http, **self._given))

    def all(self, act: Callable[[Any], Any]) -> list[Any]:
        return self(lambda client: list(act(client)))


class Async:
    """The asynchronous client."""

    def __init__(self, server: Server, **more: Any) -> None:
        self._given = {"token": server.token, "base_url": server.address} | more
        self._server = server

    def __call__(self, act: Callable[[Any], Any]) -> Any:
        async def run() -> Any:
            async with httpx.AsyncClient(event_hooks={"request": [self._server.record_async]}) as http:
                return await act(AsyncIntercom(httpx_client=http, **self._given))

        return asyncio.run(run())

    def all(self, act: Callable[[Any], Any]) -> list[Any]:
        async def run() -> list[Any]:
            async with httpx.AsyncClient(event_hooks={"request": [self._server.record_async]}) as http:
                return [each async for each in await act(AsyncIntercom(httpx_client=http, **self._given))]

        return asyncio.run(run())


@pytest.fixture(params=[Blocking, Async])
def client_class(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def sdk(server: Server, client_class: Any) -> Any:
    return client_class(server)


def test_all_recorded_requests_succeed(server: Server, sdk: Any) -> None:
    """The recorded requests in an order that works: admins, contacts, subscriptions, conversations."""
    me = sdk(lambda client: client.admins.identify())
    assert (me.id, me.name, me.app.name) == (server.admin_id, "Ana", "My business")
    assert [each.email for each in sdk(lambda client: client.admins.list()).admins] == ["ana@example.com"]
    assert sdk(lambda client: client.admins.find(admin_id=int(server.admin_id))).name == "Ana"
    (offers,) = sdk(lambda client: client.subscription_types.list()).data
    assert (offers.id, offers.state, offers.consent_type, offers.content_types) == (
        server.type_id,
        "live",
        "opt_in",
        ["sms_message"],
    )
    joe, jay, lead = create_contacts(sdk)
    read_contacts(sdk, joe, jay, lead)
    subscribe(server, sdk, joe)
    converse(server, sdk, joe)
    read_segments(sdk, joe)
    merge_and_delete(sdk, joe, jay, lead)
    recorded = json.loads(RECORDED.read_text())["requests"]
    assert len(recorded) == 39
    assert {_shape(each["method"], each["path"], each["body"]) for each in recorded} - server.did == set()


def create_contacts(sdk: Any) -> tuple[str, str, str]:
    joe = sdk(
        lambda client: client.contacts.create(
            request=CreateContactRequestWithEmail(email="joe@example.com", phone=PHONE)
        )
    )
    assert (joe.role, joe.email, joe.phone, joe.custom_attributes) == ("user", "joe@example.com", PHONE, {})
    jay = sdk(
        lambda client: client.contacts.create(
            request=CreateContactRequestWithExternalId(external_id="a/b c", name="J", custom_attributes={"plan": "pro"})
        )
    )
    assert (jay.external_id, jay.name, jay.custom_attributes) == ("a/b c", "J", {"plan": "pro"})
    lead = sdk(lambda client: client.contacts.create(request=CreateContactRequestWithRole(role="lead", phone=PHONE)))
    assert (lead.role, lead.phone, lead.external_id) == ("lead", PHONE, None)
    return joe.id, jay.id, lead.id


def read_contacts(sdk: Any, joe: str, jay: str, lead: str) -> None:
    newest_first = [lead, jay, joe]
    assert [each.id for each in sdk.all(lambda client: client.contacts.list())] == newest_first
    assert [each.id for each in sdk.all(lambda client: client.contacts.list(per_page=1))] == newest_first
    first = sdk(lambda client: client.contacts.list(per_page=1))
    following = first.response.pages.next.starting_after
    rest = sdk(lambda client: client.contacts.list(starting_after=following))
    assert [each.id for each in rest.items] == newest_first[1:]
    second = sdk(lambda client: client.contacts.list(page=2, per_page=1))
    assert [each.id for each in second.items] == [jay]
    by_email = SingleFilterSearchRequest(field="email", operator="=", value="joe@example.com")
    assert [each.id for each in sdk(lambda client: client.contacts.search(query=by_email)).items] == [joe]
    anybody = SingleFilterSearchRequest(field="role", operator="IN", value=["user", "lead"])
    assert [each.id for each in sdk(lambda client: client.contacts.search(query=anybody)).items] == newest_first
    assert search_all(sdk, per_page=1) == [joe, lead]
    found = sdk(lambda client: client.contacts.find(contact_id=joe))
    assert (found.email, found.opted_in_subscription_types["total_count"]) == ("joe@example.com", 0)
    shown = sdk(lambda client: client.contacts.show_contact_by_external_id(external_id="a/b c"))
    assert shown.id == jay
    changed = sdk(lambda client: client.contacts.update(contact_id=jay, phone="+15550001111", name=None))
    assert (changed.phone, changed.name) == ("+15550001111", None)
    assert sdk(lambda client: client.contacts.list_attached_tags(contact_id=joe)).data == []


def search_all(sdk: Any, *, per_page: int) -> list[str]:
    """Follow the cursors as docs/integrate.md shows; the client's own iteration never ends."""
    query = MultipleFilterSearchRequest(
        operator="AND",
        value=[
            SingleFilterSearchRequest(field="phone", operator="^", value="+1555123"),
            SingleFilterSearchRequest(field="created_at", operator=">", value=1306054154),
        ],
    )
    found: list[str] = []
    cursor = None
    for _ in range(10):
        paging = StartingAfterPaging(per_page=per_page, starting_after=cursor)
        page = sdk(lambda client, paging=paging: client.contacts.search(query=query, pagination=paging))
        found += [each.id for each in page.items]
        following = page.response.pages.next
        if following is None:
            return found
        cursor = following.starting_after
    raise AssertionError("the pages never end")


def subscribe(server: Server, sdk: Any, joe: str) -> None:
    for _ in range(2):
        attached = sdk(
            lambda client: client.contacts.attach_subscription(
                contact_id=joe, subscription_id=server.type_id, consent_type="opt_in"
            )
        )
        assert attached.id == server.type_id
    listed = sdk(lambda client: client.contacts.list_attached_subscriptions(contact_id=joe)).data
    assert [each.id for each in listed] == [server.type_id]
    found = sdk(lambda client: client.contacts.find(contact_id=joe))
    assert found.opted_in_subscription_types["data"][0]["id"] == server.type_id
    assert found.sms_consent is True
    for _ in range(2):
        detached = sdk(
            lambda client: client.contacts.detach_subscription(contact_id=joe, subscription_id=server.type_id)
        )
        assert detached.id == server.type_id
    assert sdk(lambda client: client.contacts.list_attached_subscriptions(contact_id=joe)).data == []
    again = sdk(
        lambda client: client.contacts.attach_subscription(
            contact_id=joe, subscription_id=server.type_id, consent_type="opt_in"
        )
    )
    assert again.id == server.type_id
    with pytest.raises(NotFoundError):
        sdk(lambda client: client.contacts.list_attached_subscriptions(contact_id="missing"))


def converse(server: Server, sdk: Any, joe: str) -> None:
    begun = sdk(lambda client: client.conversations.create(from_={"type": "user", "id": joe}, body="hi"))
    assert (begun.type, begun.body, begun.message_type) == ("user_message", "hi", "inapp")
    conversation = begun.conversation_id
    reply = {"message_type": "comment", "type": "user", "body": "b", "intercom_user_id": joe}
    answered = sdk(lambda client: client.conversations.reply(conversation_id=conversation, request=reply))
    assert [part.body for part in answered.conversation_parts.conversation_parts] == ["b"]
    reply = {"message_type": "comment", "type": "admin", "body": "yes?", "admin_id": server.admin_id}
    sdk(lambda client: client.conversations.reply(conversation_id="last", request=reply))
    found = sdk(lambda client: client.conversations.find(conversation_id=conversation, display_as="plaintext"))
    assert found.source.body == "hi"
    said = found.conversation_parts.conversation_parts
    assert [(part.author.type, part.body) for part in said] == [("user", "b"), ("admin", "yes?")]
    message = {
        "message_type": "inapp",
        "body": "ready",
        "from": {"type": "admin", "id": int(server.admin_id)},
        "to": {"type": "user", "id": joe},
    }
    sent = sdk(lambda client: client.messages.create(request=message))
    assert (sent.body, sent.message_type) == ("ready", "inapp")
    with pytest.raises(BadRequestError) as refused:  # the SDK cannot name a subscription type
        sdk(lambda client: client.messages.create(request=message | {"message_type": "sms"}))
    assert "subscription_type_id" in str(refused.value.body)
    close = {"message_type": "close", "type": "admin", "admin_id": server.admin_id}
    closed = sdk(lambda client: client.conversations.manage(conversation_id=conversation, request=close))
    assert closed.state == "closed"
    listed = [each.id for each in sdk.all(lambda client: client.conversations.list(per_page=1))]
    assert listed == [sent.conversation_id, conversation]


def read_segments(sdk: Any, joe: str) -> None:
    assert sdk(lambda client: client.segments.list()).segments == []
    assert sdk(lambda client: client.segments.list(include_count=True)).segments == []
    with pytest.raises(NotFoundError):
        sdk(lambda client: client.segments.find(segment_id="s1"))
    assert sdk(lambda client: client.contacts.list_attached_segments(contact_id=joe)).data == []


def merge_and_delete(sdk: Any, joe: str, jay: str, lead: str) -> None:
    merged = sdk(lambda client: client.contacts.merge_lead_in_user(lead_id=lead, contact_id=joe))
    assert merged.id == joe
    with pytest.raises(ApiError) as gone:
        sdk(lambda client: client.contacts.find(contact_id=lead))
    assert gone.value.status_code == 410
    assert sdk(lambda client: client.contacts.archive(contact_id=jay)).archived is True
    assert sdk(lambda client: client.contacts.unarchive(contact_id=jay)).archived is False
    assert sdk(lambda client: client.contacts.block_contact(contact_id=jay)).blocked is True
    assert sdk(lambda client: client.contacts.delete(contact_id=jay)).deleted is True
    assert [each.id for each in sdk.all(lambda client: client.contacts.list())] == [joe]


def test_the_use_of_a_token_is_recorded_after_the_response(settings: config.Settings, server: Server) -> None:
    assert httpx.get(f"{server.address}/me", headers={"Authorization": f"Bearer {server.token}"}).status_code == 200
    opened = bootstrap.open_database(settings)
    until_s = time.monotonic() + PATIENCE_S
    noted = None
    while noted is None and time.monotonic() < until_s:
        with opened.read_only() as session:
            noted = session.scalars(select(ApiToken.last_used_at)).one()
        time.sleep(0.05)
    opened.close()
    assert noted is not None


def test_the_client_recognizes_our_errors(server: Server, client_class: Any) -> None:
    stranger = client_class(server, token="wrong")
    with pytest.raises(UnauthorizedError) as refused:
        stranger(lambda client: client.subscription_types.list())
    assert refused.value.body.errors[0].code == "unauthorized"
    sdk = client_class(server, headers={"Intercom-Version": "2.16"})
    joe = sdk(lambda client: client.contacts.create(request=CreateContactRequestWithEmail(email="joe@example.com")))
    with pytest.raises(ApiError) as twice:
        sdk(lambda client: client.contacts.create(request=CreateContactRequestWithEmail(email="joe@example.com")))
    assert twice.value.status_code == 409
    assert twice.value.body["errors"][0]["message"].endswith(f"id={joe.id}")


def _shape(method: str, url: str, body: Any) -> tuple[str, str, str, str]:
    """A request without ids and values: its method, path, query parameters and the fields of its body."""
    parts = httpx.URL(url).path.removeprefix("/api").strip("/").split("/")
    if parts[1:2] == ["find_by_external_id"]:
        parts = [*parts[:2], "#"]
    words = {"find_by_external_id", "search", "merge", "archive", "unarchive", "block", "segments", "tags"}
    words |= {"subscriptions", "reply", "last", "#"}
    path = "/" + "/".join(each if position == 0 or each in words else "#" for position, each in enumerate(parts))
    return method, path, " ".join(sorted(httpx.URL(url).params)), " ".join(sorted(body or {}))
