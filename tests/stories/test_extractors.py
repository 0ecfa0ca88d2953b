"""What software that copies contacts into a warehouse asks for: all is answered, and a later run misses no contact."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.jobs import run_bulk_jobs
from tests import make
from tests.core.imports import files
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER
from tests.web.api.client import ApiClient, database

DATA = Path(__file__).parent.parent / "data" / "extractor_requests.json"
EXTRACTORS = json.loads(DATA.read_text())["extractors"]
Entry = dict[str, Any]


class Extractor:
    """One extractor over a client.

    :param per_page: how many entries a page of a search has; null: as many as the extractor asks for
    :param between: called after each page
    """

    def __init__(
        self,
        shop: ApiClient,
        described: dict[str, Any],
        *,
        per_page: int | None = None,
        between: Callable[[], object] = lambda: None,
    ) -> None:
        self._shop, self._version, self._per_page = shop, described["version"], per_page
        self._between = between
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
            self._between()
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


@pytest.mark.parametrize("per_page", [1, 3])
def test_changes_between_pages_and_by_bulk_jobs_and_imports_are_seen_by_this_run_or_the_next(
    app: Flask, shop: ApiClient, described: Any, per_page: int
) -> None:
    contacts_only = {**described, "streams": {"contacts": described["streams"]["contacts"]}}
    with time_machine.travel(NOON, tick=False) as now:
        offers, ids = shop.live_type(), []
        for number in range(6):
            ids.append(shop.contact(external_id=f"u{number}", phone=f"+1202555010{number}"))
            now.shift(timedelta(seconds=number % 2))
        changes = iter(_changes(app, shop, offers, ids))

        def change_something() -> None:
            now.shift(timedelta(milliseconds=700))
            next(changes, lambda: None)()

        warehouse: dict[str, Entry] = {}
        since = 0
        for _run in range(6):
            for each in Extractor(shop, contacts_only, per_page=per_page, between=change_something).run(since)[
                "contacts"
            ]:
                if each["updated_at"] >= since:  # as the extractors do: the search goes by days
                    warehouse[each["id"]] = each
            since = max(each["updated_at"] for each in warehouse.values())
        assert next(changes, None) is None, "the runs ended before all changes were made"
        for each in ids:
            current = shop.get(f"/contacts/{each}").body
            names = ("phone", "sms_consent", "unsubscribed_from_sms", "updated_at", "opted_in_subscription_types")
            assert {name: warehouse[each].get(name) for name in names} == {name: current.get(name) for name in names}


def _changes(app: Flask, shop: ApiClient, offers: str, ids: list[str]) -> list[Callable[[], object]]:
    """Changes of contacts that the pages have shown, and of contacts that come later."""
    opt_in = {"id": offers, "consent_type": "opt_in"}

    def attach(place: int) -> Callable[[], object]:
        return lambda: shop.post(f"/contacts/{ids[place]}/subscriptions", opt_in)

    def bulk(action: str, places: list[int]) -> Callable[[], object]:
        body = {"action": action, "subscription_type_id": offers, "source_note": "Signed up at the till."}
        body["contact_ids"] = [ids[place] for place in places]
        return lambda: run_bulk_jobs.run_until_done(database(app), int(shop.post("/subscriptions/bulk", body)["id"]))

    def imported() -> None:
        rows = [["external_id", "name", "phone"], ["u3", "Three", "+12025550103"], ["u2", "Two", "+12025550102"]]
        files.run(database(app), files.as_csv(rows), **files.opted_in(subscription_type_id=int(offers)))

    return [
        attach(5),
        attach(0),
        lambda: shop.delete(f"/contacts/{ids[0]}/subscriptions/{offers}"),
        bulk("subscribe", [1, 4]),
        lambda: shop.put(f"/contacts/{ids[4]}", {"phone": "+12025550144"}),
        lambda: shop.post("/suppressions", {"phone": "+12025550105", "note": "Asked at the counter."}),
        bulk("unsubscribe", [1, 2]),
        imported,
    ]
