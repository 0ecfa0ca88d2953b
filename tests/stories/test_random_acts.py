"""Random acts of people, agents and API clients over HTTP: after each, exactly those are reachable who should be.

A small model of the promises says who should be. ``ACTS_SEQUENCES=1000 pytest tests/stories/test_random_acts.py`` tries
more sequences; ``ACTS_SEED`` begins with another one. A failure names the seed and the acts of its sequence.
"""

import os
import random
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from app.core import phone
from app.db import Database
from app.models import RateCounter
from tests.installations import Installation
from tests.web import pages
from tests.web.api.client import ApiClient, Response, api_client
from tests.web.embed.page import EmbedPage, answer, open_form

SEQUENCES = int(os.environ.get("ACTS_SEQUENCES", "3"))
FIRST_SEED = int(os.environ.get("ACTS_SEED", "1"))
ACTS = 14
COUNTRIES = ("US", "GB", "DE", "FR", "ES", "BR", "IN", "AU", "EG", "NG", "MX", "AR")
OLD_SPELLINGS = ("+5215512345678", "+541123456789")


def spellings() -> list[str]:
    """Mobile numbers of twelve countries, and older spellings that are stored like the newer ones."""
    examples = [str(phone.read(phone.example(each), region=each).e164) for each in COUNTRIES]
    return examples + [each for each in OLD_SPELLINGS if phone.normalize(each)[0] == plain(each)]


def plain(number: str) -> str:
    return str(phone.read(number, region=None).e164)


@dataclass
class Person:
    """What the model knows of one contact. ``said``: opted in or out, and the number it was for."""

    number: str
    is_user: bool
    said: tuple[str, str] | None = None
    is_archived: bool = False
    is_blocked: bool = False


@dataclass
class Model:
    """The promises: an opt-out belongs to the person and the number, a suppression to the number."""

    people: dict[str, Person] = field(default_factory=dict)
    opt_outs: set[tuple[str, str]] = field(default_factory=set)
    suppressed: set[str] = field(default_factory=set)
    leads: dict[str, str] = field(default_factory=dict)
    is_live: bool = True

    def is_refused(self, number: str) -> bool:
        return number in self.suppressed or any(each == number for each, _ in self.opt_outs)

    def is_closed(self, person: Person) -> bool:
        return person.is_blocked or self.is_refused(person.number)

    def reachable(self) -> set[str]:
        return {
            key
            for key, each in self.people.items()
            if self.is_live
            and not (each.is_archived or each.is_blocked)
            and each.said == ("in", each.number)
            and not self.is_refused(each.number)
        }

    def opt_in(self, key: str, *, is_for_everyone: bool = False) -> None:
        person = self.people[key]
        if person.said == ("in", person.number):
            return
        person.said = ("in", person.number)
        whose = {by for number, by in self.opt_outs if number == person.number}
        self.opt_outs -= {(person.number, by) for by in (whose if is_for_everyone else {key})}

    def claim(self, key: str) -> None:
        person = self.people[key]
        is_out = person.said is not None and person.said[0] == "out"
        if not (is_out or self.is_closed(person)):
            self.opt_in(key)

    def opt_out(self, key: str) -> None:
        person = self.people[key]
        if person.said is not None and person.said[0] == "in":
            self.opt_outs.add((person.said[1], key))
        self.opt_outs.add((person.number, key))
        person.said = ("out", person.number)

    def merge(self, source: str, target: str) -> None:
        ended, stays = self.people.pop(source), self.people[target]
        stays.is_blocked |= ended.is_blocked
        moved = {number for number, by in self.opt_outs if by == source}
        self.opt_outs = {(number, target if by == source else by) for number, by in self.opt_outs}
        if ended.said is not None and ended.said[0] == "out":
            self.opt_out(target)
        elif stays.said is None and ended.said == ("in", stays.number) and not self.is_closed(stays):
            self.opt_in(target)
        if moved and (stays.said is None or stays.number in moved):
            self.opt_out(target)
        self.forget_lead(source)

    def forget_lead(self, key: str) -> None:
        self.leads = {number: lead for number, lead in self.leads.items() if lead != key}


class World:
    """Acts over HTTP, and the model beside them."""

    def __init__(self, app: Flask, seed: int) -> None:
        self.app, self.random, self.model = app, random.Random(seed), Model()
        self.shop: ApiClient = api_client(app)
        self.ana: FlaskClient = pages.agent(app)
        self.visitor = app.test_client()
        self.offers = self.shop.live_type(name="Offers")
        form = self.shop.post("/forms", {"subscription_type_id": self.offers, "title": "Texts from Harbour Coffee"})
        self.form, self.public = form["id"], urlsplit(form["embed_url"]).path
        self.numbers = self.random.sample(spellings(), 3)
        self.old_page: EmbedPage | None = None
        self.done: list[str] = []
        for index in range(self.random.randint(1, 3)):
            self.add(is_user=index != 1)

    def add(self, *, is_user: bool) -> None:
        number = self.random.choice(self.numbers)
        role = {"role": "user", "external_id": os.urandom(4).hex()} if is_user else {"role": "lead"}
        key = str(self.shop.post("/contacts", {**role, "phone": number})["id"])
        self.model.people[key] = Person(plain(number), is_user)

    def step(self) -> None:
        acts = [name for name in dir(self) if name.startswith("do_")]
        name = self.random.choice(acts)
        keys = sorted(self.model.people)
        self.done.append(name)
        if keys:
            getattr(self, name)(self.random.choice(keys))
        self.check(keys)

    def check(self, keys: list[str]) -> None:
        expected = self.model.reachable()
        found = set(self.shop.search(f"subscription_types.{self.offers}", "=", "reachable"))
        assert found == expected, self.done
        if not self.model.is_live:
            return
        for key in sorted(self.model.people):
            (consent,) = self.shop.get(f"/contacts/{key}/consents")["data"]
            assert consent["reachable"] == (key in expected), (self.done, consent, keys)

    def attach(self, key: str, **more: str) -> None:
        body = {"id": self.offers, "consent_type": "opt_in", **more}
        if self.shop.post(f"/contacts/{key}/subscriptions", body).status == 200:
            self.model.opt_in(key, is_for_everyone=bool(more))

    def do_attach(self, key: str) -> None:
        self.attach(key)

    def do_attach_with_a_note(self, key: str) -> None:
        self.attach(key, source_note="by phone")

    def do_detach(self, key: str) -> None:
        note = self.random.choice(("", "?source_note=by%20phone"))
        detached = self.shop.delete(f"/contacts/{key}/subscriptions/{self.offers}{note}")
        if self.model.is_live:
            assert detached.status == 200, "an opt-out is never refused"
            self.model.opt_out(key)

    def do_agents_no(self, key: str) -> None:
        self.by_agent(key, "opt-outs", "")
        self.model.opt_out(key)

    def do_agents_yes(self, key: str) -> None:
        person = self.model.people[key]
        is_repeated = person.said == ("in", person.number)
        if self.by_agent(key, "opt-ins", "yes-") == 303 and not is_repeated:
            assert self.model.is_live
            assert not person.is_blocked
            assert person.number not in self.model.suppressed
            self.model.opt_in(key, is_for_everyone=True)

    def by_agent(self, key: str, what: str, prefix: str) -> int:
        values = {f"{prefix}subscription_type_id": self.offers, f"{prefix}note": "by phone"}
        return pages.submit(self.ana, f"/contacts/{key}/{what}", values, page=f"/contacts/{key}").status_code

    def do_change_number(self, key: str) -> None:
        number = self.random.choice(self.numbers)
        self.ok(self.shop.put(f"/contacts/{key}", {"phone": number}))
        if plain(number) != self.model.people[key].number:
            self.model.people[key].number = plain(number)
            self.model.forget_lead(key)

    def do_answer_publicly(self, _key: str) -> None:
        self.answer_publicly(open_form(self.visitor, self.public))

    def do_open_a_page(self, _key: str) -> None:
        self.old_page = open_form(self.visitor, self.public)

    def do_answer_an_old_page(self, _key: str) -> None:
        if self.old_page is not None:
            self.answer_publicly(self.old_page)
            self.old_page = None

    def answer_publicly(self, page: EmbedPage) -> None:
        number = self.random.choice(self.numbers)
        self.forget_limits()
        answered = answer(self.visitor, page, number)
        if not self.model.is_live or page.state != "ask":
            assert answered.state != "done"
            return
        lead = self.model.leads.get(plain(number)) or self.newest_lead()
        self.model.leads[plain(number)] = lead
        self.model.people.setdefault(lead, Person(plain(number), is_user=False))
        self.model.claim(lead)

    def newest_lead(self) -> str:
        return str(self.shop.get("/contacts")["data"][0]["id"])

    def do_answer_an_inserted_form(self, key: str) -> None:
        person = self.model.people[key]
        inserted = self.shop.post(f"/forms/{self.form}/insert", {"contact_id": key})
        if inserted.status != 200:
            assert person.is_blocked or person.is_archived or not self.model.is_live
            return
        self.forget_limits()
        page = open_form(self.visitor, urlsplit(inserted["embed_url"]).path)
        if page.state == "saved":
            assert answer(self.visitor, page).state == "done"
            self.model.opt_in(key) if person.is_user else self.model.claim(key)

    def do_merge(self, key: str) -> None:
        other = self.random.choice(sorted(self.model.people))
        body = {"from": key, "into": other, "skip_duplicate_validation": True}
        if self.shop.post("/contacts/merge", body).status == 200:
            self.model.merge(key, other)

    def do_archive(self, key: str) -> None:
        self.ok(self.shop.post(f"/contacts/{key}/archive"))
        self.model.people[key].is_archived = True

    def do_unarchive(self, key: str) -> None:
        self.ok(self.shop.post(f"/contacts/{key}/unarchive"))
        self.model.people[key].is_archived = False

    def do_block(self, key: str) -> None:
        if self.random.random() < 0.3:
            self.ok(self.shop.post(f"/contacts/{key}/block"))
            self.model.people[key].is_blocked = True

    def do_suppress(self, key: str) -> None:
        self.ok(self.shop.post("/suppressions", {"phone": self.model.people[key].number, "note": "by letter"}))
        self.model.suppressed.add(self.model.people[key].number)

    def do_lift(self, _key: str) -> None:
        for each in self.shop.get("/suppressions")["data"]:
            self.ok(self.shop.delete(f"/suppressions/{each['id']}"))
        self.model.suppressed.clear()

    def do_erase(self, key: str) -> None:
        if self.random.random() < 0.3:
            self.ok(self.shop.post(f"/contacts/{key}/erase"))
            del self.model.people[key]
            self.model.forget_lead(key)

    def do_archive_or_bring_back_the_type(self, _key: str) -> None:
        step = "archive" if self.model.is_live else "unarchive"
        if not self.model.is_live or self.random.random() < 0.4:
            self.ok(self.shop.post(f"/subscription_types/{self.offers}/{step}"))
            self.model.is_live = step == "unarchive"

    def ok(self, response: Response) -> None:
        assert response.status == 200, (self.done, response.body)

    def forget_limits(self) -> None:
        database: Database = self.app.extensions["assent"].database
        with database.unit_of_work() as session:
            session.execute(delete(RateCounter))


def test_after_every_act_exactly_those_are_reachable_who_should_be(installation: Installation) -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + SEQUENCES):
        installation.close()
        installation.reset()
        world = World(installation.app, seed)
        for _ in range(ACTS):
            try:
                world.step()
            except AssertionError as error:
                raise AssertionError(f"ACTS_SEED={seed}: {world.done}") from error
