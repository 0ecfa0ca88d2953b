"""A shop with people, and the model beside them: what the random acts begin with, and how they are checked."""

import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from app.core import phone
from app.core.ledger import sealing, verify
from app.core.workspace import settings
from app.db import Database
from app.models import RateCounter
from tests.stories.consent_model import Model, Person
from tests.web import pages
from tests.web.api.client import ApiClient, Response, api_client
from tests.web.embed.page import EmbedPage

SITE = "https://shop.example.com"
COUNTRIES = ("US", "GB", "DE", "FR", "ES", "BR", "IN", "AU", "EG", "NG", "MX", "AR")
OLD_SPELLINGS = ("+5215512345678", "+541123456789")


def spellings() -> list[str]:
    """Mobile numbers of twelve countries, and older spellings that are stored like the newer ones."""
    examples = [str(phone.read(phone.example(each), region=each).e164) for each in COUNTRIES]
    return examples + [each for each in OLD_SPELLINGS if phone.normalize(each)[0] == plain(each)]


def plain(number: str) -> str:
    return str(phone.read(number, region=None).e164)


@dataclass(frozen=True)
class Answer:
    """An answer to a form: its contact, the change that it made (null: none), and the page after it."""

    key: str
    serial: int | None
    is_user: bool
    at: datetime
    done: EmbedPage


class World:
    """``offers``: a type for texts that people opt in to; ``news``: a type for email that everybody gets by default.

    ``claimed``: what a page claimed last about each contact, so that it counts once.
    """

    def __init__(self, app: Flask, seed: int, clock: time_machine.Traveller) -> None:
        self.app, self.random, self.clock = app, random.Random(seed), clock
        self.model = Model(datetime.now(UTC))
        self.database: Database = app.extensions["assent"].database
        self.shop: ApiClient = api_client(app)
        self.ana: FlaskClient = pages.agent(app)
        self.visitor = app.test_client()
        self.offers = self.shop.live_type(name="Offers")
        self.news = self.shop.live_type(name="News", content_types=["email"], consent_type="opt_out")
        form = self.shop.post("/forms", {"subscription_type_id": self.offers, "title": "Texts from Harbour Coffee"})
        self.form, self.public = form["id"], urlsplit(form["embed_url"]).path
        self.ok(self.shop.put(f"/subscription_types/{self.offers}", {"preference_form_id": self.form}))
        with self.database.unit_of_work() as session:
            of_pages = {"allowed_origins": [SITE], "site_subscription_type_id": self.offers}
            workspace = settings.change(session, of_pages, actor="agent:1", at=self.model.at)
            self.secret, self.key = workspace.messenger_secret, workspace.messenger_key
        self.numbers = self.random.sample(spellings(), 3)
        self.old_page: EmbedPage | None = None
        self.personal: tuple[str, EmbedPage, datetime] | None = None
        self.answers: list[Answer] = []
        self.claimed: dict[str, tuple[str, bool]] = {}
        self.done: list[str] = []
        for index in range(self.random.randint(1, 3)):
            self.add(is_user=index != 1)

    def add(self, *, is_user: bool) -> None:
        number = self.random.choice(self.numbers)
        user_id = os.urandom(4).hex() if is_user else None
        role = {"role": "user", "external_id": user_id} if is_user else {"role": "lead"}
        has_address = self.random.random() < 0.5
        address = {"email": f"{os.urandom(4).hex()}@example.com"} if has_address else {}
        key = str(self.shop.post("/contacts", {**role, **address, "phone": number})["id"])
        self.model.people[key] = Person([(self.model.at, plain(number))], is_user, user_id, has_address=has_address)

    def check(self, keys: list[str]) -> None:
        """Exactly those are reachable who should be, and each state, reason and suppression is the model's."""
        expected = self.model.reachable()
        found = set(self.shop.search(f"subscription_types.{self.offers}", "=", "reachable"))
        assert found == expected, self.done
        if not self.model.is_live:
            return
        for key, person in sorted(self.model.people.items()):
            consent = self.consents(key)[self.offers]
            assert consent["reachable"] == (key in expected), (self.done, consent, keys)
            assert consent["status"] == person.status, (self.done, consent, keys)
            named = {
                "archived": person.is_archived,
                "blocked": person.is_blocked,
                "gdpr_optout": person.is_gdpr_off,
                "suppressed": person.number in self.model.suppressed,
            }
            assert {name: name in consent["reasons"] for name in named} == named, (self.done, consent, keys)

    def consents(self, key: str) -> dict[str, dict[str, object]]:
        """The contact's consents by type."""
        found = self.shop.get(f"/contacts/{key}/consents")["data"]
        return {each["subscription_type_id"]: each for each in found}

    def check_news(self) -> None:
        """Those get the news who have an address and never left."""
        people = self.model.people.items()
        open_ones = {key: each for key, each in people if not (each.is_archived or each.is_closed)}
        expected = {key for key, each in open_ones.items() if each.has_address and not each.left_news}
        assert set(self.shop.search(f"subscription_types.{self.news}", "=", "reachable")) == expected, self.done

    def check_suppressions(self) -> None:
        found = {each["phone"]: each["cause"] for each in self.shop.get("/suppressions")["data"]}
        known = {each.number for each in self.model.people.values()}
        assert {number: cause for number, cause in found.items() if number in known} == {
            number: cause for number, cause in self.model.suppressed.items() if number in known
        }, self.done

    def verify(self) -> None:
        """Seal what was recorded: the ledger is honest, and the state follows from it."""
        sealing.seal(self.database)
        found = verify.verify(self.database)
        assert not found.is_tampered, (self.done, found.as_json())
        assert found.sealed == found.events

    def ok(self, response: Response) -> None:
        assert response.status == 200, (getattr(self, "done", None), response.body)

    def forget_limits(self) -> None:
        with self.database.unit_of_work() as session:
            session.execute(delete(RateCounter))
