"""What software that copies contacts into a warehouse asks for: all is answered, and a later run misses nobody."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests import make
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web.api.client import ApiClient, database

DATA = Path(__file__).parent.parent / "data" / "extractor_requests.json"
EXTRACTORS = json.loads(DATA.read_text())["extractors"]
Entry = dict[str, Any]


class Extractor:
    """One extractor over a client.

    :param per_page: how many entries a page of a search has; null: as many as the extractor asks for
    """

    def __init__(self, shop: ApiClient, described: dict[str, Any], *, per_page: int | None = None) -> None:
        self._shop, self._version, self._per_page = shop, described["version"], per_page
        self._streams: dict[str, dict[str, Any]] = described["streams"]

    def run(self, since: int) -> dict[str, list[Entry]]:
        """Everything that one run reads, by stream."""
        found: dict[str, list[Entry]] = {}
        for name, stream in self._streams.items():
            parents = found[stream["each_of"]] if "each_of" in stream else [{"id": ""}]
            found[name] = [each for parent in parents for each in self._read(stream, since, parent["id"])]
        return found

    def _read(self, stream: dict[str, Any], since: int, parent: str) -> Iterator[Entry]:
        path, body = stream["path"].replace("ID", parent), self._filled(stream.get("body"), since)
        if body is not None and self._per_page is not None:
            body["pagination"] = {"per_page": self._per_page}
        while True:
            read = self._send(path, body)
            yield from read[stream["entries"]] if "entries" in stream else [read]
            following = (read.get("pages") or {}).get("next")
            if body is None or following is None:
                assert following is None, "a list that the extractor reads in one request has further pages"
                return
            filled = json.dumps(stream["next"]).replace('"PAGE"', str(following["page"]))
            body["pagination"] = json.loads(filled.replace("CURSOR", following["starting_after"]))
            body["pagination"] |= {"per_page": self._per_page} if self._per_page else {}

    def _send(self, path: str, body: Any) -> dict[str, Any]:
        """Not checked against the newest description: the extractors speak an older version."""
        headers = {"Authorization": f"Bearer {self._shop.token}", "Intercom-Version": self._version}
        client = self._shop.app.test_client()
        options = {"headers": headers, "json": body} if body is not None else {"headers": headers}
        response = client.open(f"/api{path}", method="GET" if body is None else "POST", **options)
        assert response.status_code == 200, (path, body, response.get_json())
        read: dict[str, Any] = response.get_json()
        return read

    @staticmethod
    def _filled(body: Any, since: int) -> Any:
        """The body, with a time as Python's ``timestamp()`` writes it where it has a point."""
        if body is None:
            return None
        return json.loads(json.dumps(body).replace('"SINCE.0"', f"{since}.0").replace('"SINCE"', str(since)))


@pytest.fixture(params=EXTRACTORS, ids=lambda each: each["name"])
def described(request: pytest.FixtureRequest) -> Any:
    return request.param


def people(app: Flask, shop: ApiClient) -> tuple[str, str, str]:
    """The ids of three contacts; sam has eleven tags and a conversation."""
    with database(app).unit_of_work() as session:
        make.agent(session)
    sam = shop.contact(external_id="70", phone=SAMS_NUMBER, custom_attributes={"plan": "pro"})
    eve, lead = shop.contact(external_id="71", phone=EVES_NUMBER), shop.contact(role="lead")
    for number in range(11):
        shop.post(f"/contacts/{sam}/tags", {"id": shop.post("/tags", {"name": f"tag {number}"})["id"]})
    for text in ("one", "two", "three"):
        shop.post("/conversations", {"from": {"type": "user", "id": sam}, "body": text})
    shop.post("/segments", {"name": "Users", "query": {"field": "role", "operator": "=", "value": "user"}})
    return sam, eve, lead


@pytest.mark.parametrize("per_page", [None, 1, 2])
def test_every_stream_is_read_whole(app: Flask, shop: ApiClient, described: Any, per_page: int | None) -> None:
    contacts = people(app, shop)
    found = Extractor(shop, described, per_page=per_page).run(since=1_577_836_800)
    assert {each["id"] for each in found["contacts"]} == set(contacts)
    assert len(found["contacts"]) == 3
    assert [len(found[name]) for name in ("conversations", "conversation_parts", "admins", "segments")] == [3, 3, 1, 1]
    assert "plan" in {each["name"] for each in found["contact_attributes"]}
    assert [found[name] for name in ("companies", "company_attributes", "company_segments", "teams")] == [[]] * 4
    assert len(found["check"]) == 11
    assert len(found.get("contact_tags", found["check"])) == 11


CHANGES = [
    ("POST", "/contacts/SAM/subscriptions", {"id": "OFFERS", "consent_type": "opt_in"}),
    ("DELETE", "/contacts/SAM/subscriptions/OFFERS", None),
    ("POST", "/suppressions", {"phone": SAMS_NUMBER, "note": "Asked at the counter."}),
    ("PUT", "/contacts/SAM", {"phone": "+12025550199"}),
]


@pytest.mark.parametrize("change", CHANGES, ids=["attach", "detach", "suppress", "another number"])
def test_a_later_run_sees_whose_consent_changed_and_nobody_else(
    app: Flask, shop: ApiClient, described: Any, change: tuple[str, str, Any]
) -> None:
    with time_machine.travel(NOON, tick=False):
        sam, _, _ = people(app, shop)
        offers = shop.live_type()
        extractor = Extractor(shop, described, per_page=2)
        state = max(each["updated_at"] for each in extractor.run(since=0)["contacts"])
    with time_machine.travel(NOON + timedelta(seconds=2), tick=False):
        method, path, body = json.loads(json.dumps(change).replace("SAM", sam).replace("OFFERS", offers))
        assert shop(method, path, body).status == 200
        found = extractor.run(since=state)["contacts"]
    changed = [each for each in found if each["updated_at"] > state]
    assert [each["id"] for each in changed] == [sam]
    assert changed[0]["sms_consent"] == shop.get(f"/contacts/{sam}")["sms_consent"]
