"""Acts of people, agents and API clients over HTTP, each chosen at random, and the model beside them."""

import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import jwt

from tests.stories.acts_by_link import ActsByLink
from tests.stories.acts_in_time import ActsInTime
from tests.stories.consent_model import By, Person
from tests.stories.world import SITE, Answer, plain
from tests.web import pages
from tests.web.embed.page import EmbedPage, answer, open_form
from tests.web.messenger import panel


class RandomActs(ActsByLink, ActsInTime):
    """One sequence of acts: ``step`` does the next one."""

    def step(self) -> None:
        acts = [name for name in dir(self) if name.startswith("do_")]
        name = self.random.choice(acts)
        keys = list(self.model.people)
        self.done.append(name)
        self.clock.shift(timedelta(minutes=1))
        self.model.at = datetime.now(UTC)
        if keys:
            getattr(self, name)(self.random.choice(keys))
        self.check(keys)

    def attach(self, key: str, **more: str) -> None:
        body = {"id": self.offers, "consent_type": "opt_in", **more}
        person = self.model.people[key]
        is_repeated = person.is_in(person.number)
        if self.shop.post(f"/contacts/{key}/subscriptions", body).status == 200 and not is_repeated:
            assert not self.model.must_refuse(person, person.number, self.model.at, has_note=bool(more))
            self.model.opt_in(key, by=By.PERSON if more else By.CLIENT, is_for_everyone=bool(more))

    def do_attach(self, key: str) -> None:
        self.attach(key)

    def do_attach_with_a_note(self, key: str) -> None:
        self.attach(key, source_note="by phone")

    def do_attach_as_of_earlier(self, key: str) -> None:
        person, at = self.model.people[key], self.model.at - timedelta(minutes=self.random.randint(1, 6))
        note = self.random.choice(({}, {"source_note": "by phone"}))
        body = {"id": self.offers, "consent_type": "opt_in", "occurred_at": int(at.timestamp()), **note}
        is_repeated = person.is_in(person.number_at(at))
        if self.shop.post(f"/contacts/{key}/subscriptions", body).status == 200 and not is_repeated:
            assert not self.model.must_refuse(person, person.number_at(at), at, has_note=bool(note))
            self.model.opt_in(key, by=By.PERSON if note else By.CLIENT, is_for_everyone=bool(note), at=at)

    def do_many_calls(self, _key: str) -> None:
        for _ in range(4):
            call = self.random.choice((self.do_attach, self.do_attach_with_a_note, self.do_detach))
            call(self.random.choice(list(self.model.people)))

    def do_detach(self, key: str) -> None:
        note = self.random.choice(("", "?source_note=by%20phone"))
        detached = self.shop.delete(f"/contacts/{key}/subscriptions/{self.offers}{note}")
        if self.model.is_live:
            assert detached.status == 200, "an opt-out is never refused"
            self.model.opt_out(key, By.PERSON if note else By.CLIENT)

    def do_agents_no(self, key: str) -> None:
        self.by_agent(key, "opt-outs")
        self.model.opt_out(key)

    def do_agents_yes(self, key: str) -> None:
        person = self.model.people[key]
        is_repeated = person.is_in(person.number)
        if self.by_agent(key, "opt-ins") == 303 and not is_repeated:
            assert self.model.is_live
            assert not person.is_closed
            assert person.number not in self.model.suppressed
            self.model.opt_in(key, is_for_everyone=True)

    def by_agent(self, key: str, what: str) -> int:
        values = {"subscription_type_id": self.offers, "note": "by phone"}
        return pages.submit(self.ana, f"/contacts/{key}/{what}", values, page=f"/contacts/{key}").status_code

    def do_change_number(self, key: str) -> None:
        number = self.random.choice(self.numbers)
        self.ok(self.shop.put(f"/contacts/{key}", {"phone": number}))
        self.model.change_number(key, plain(number))

    def do_sign_in_with_a_number(self, key: str) -> None:
        """Sam's shop proves who Sam is, and says another number."""
        person, number = self.model.people[key], self.random.choice(self.numbers)
        if person.user_id is None:
            return
        now_s = int(self.model.at.timestamp())
        claims = {"user_id": person.user_id, "phone": number, "iat": now_s, "exp": now_s + 600}
        proof = {"user_jwt": jwt.encode(claims, self.secret, algorithm="HS256")}
        assert panel.post(self.visitor, "sign-in", {}, identity=proof).status_code == 200
        if not person.is_closed:
            self.model.change_number(key, plain(number))

    def do_claim_on_a_page(self, key: str) -> None:
        """A page of the shop proves who its visitor is, and says that they want texts."""
        person = self.model.people[key]
        if person.user_id is None:
            return
        self.forget_limits()
        claim = (person.number, self.model.is_live)
        proof = hmac.new(self.secret.encode(), person.user_id.encode(), "sha256").hexdigest()
        body = {"key": self.key, "user": {"phone_number": person.number, "sms_optin": True}}
        body |= {"user_id": person.user_id, "user_hash": proof}
        assert self.visitor.post("/site/collect", json=body, headers={"Origin": SITE}).status_code == 202
        if self.claimed.get(key) == claim:
            return
        if person.is_closed:
            self.claimed.pop(key, None)
            return
        self.claimed[key] = claim
        if self.model.is_live and not person.is_out and not self.model.is_refused(person.number):
            self.model.opt_in(key, by=By.CLIENT)

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
        done = answer(self.visitor, page, number)
        if not self.model.is_live or page.state != "ask":
            assert done.state != "done"
            return
        if self.model.is_gdpr_off(plain(number)):
            assert done.state == "done", "a stranger must not learn it"
            return
        lead = self.model.leads.get(plain(number)) or self.newest_lead()
        self.model.leads[plain(number)] = lead
        self.model.people.setdefault(lead, Person([(self.model.at, plain(number))], is_user=False))
        self.answers.append(Answer(lead, self.model.claim(lead), False, self.model.at, done))

    def newest_lead(self) -> str:
        return str(self.shop.get("/contacts")["data"][0]["id"])

    def do_answer_a_link_for_anybody(self, _key: str) -> None:
        inserted = self.shop.post(f"/forms/{self.form}/insert", {})
        if inserted.status == 200:
            self.answer_publicly(open_form(self.visitor, urlsplit(inserted["embed_url"]).path))

    def do_open_a_personal_page(self, key: str) -> None:
        inserted = self.shop.post(f"/forms/{self.form}/insert", {"contact_id": key})
        if inserted.status == 200:
            page = open_form(self.visitor, urlsplit(inserted["embed_url"]).path)
            self.personal = (key, page, self.model.at) if page.state == "saved" else None

    def do_answer_an_old_personal_page(self, _key: str) -> None:
        if self.personal is None:
            return
        (key, page, shown_at), self.personal = self.personal, None
        self.forget_limits()
        done = answer(self.visitor, page)
        if done.state == "done":
            person = self.model.people[key]
            assert self.model.is_live
            assert not person.is_archived
            assert not person.is_closed
            if not person.is_user and (self.model.is_gdpr_off(person.number) or person.number in self.model.suppressed):
                return  # nothing is recorded, which a stranger must not learn
            assert person.said is None or person.said.is_in or person.said.at < shown_at
            self.answered(key, done)

    def do_answer_an_inserted_form(self, key: str) -> None:
        person = self.model.people[key]
        inserted = self.shop.post(f"/forms/{self.form}/insert", {"contact_id": key})
        if inserted.status != 200:
            assert person.is_closed or person.is_archived or not self.model.is_live
            return
        self.forget_limits()
        page = open_form(self.visitor, urlsplit(inserted["embed_url"]).path)
        if page.state == "saved":
            done = answer(self.visitor, page)
            assert done.state == "done"
            self.answered(key, done)

    def answered(self, key: str, done: EmbedPage) -> None:
        is_user = self.model.people[key].is_user
        serial = self.model.opt_in(key) if is_user else self.model.claim(key)
        self.answers.append(Answer(key, serial, is_user, self.model.at, done))

    def do_merge(self, key: str) -> None:
        other = self.random.choice(list(self.model.people))
        body = {"from": key, "into": other, "skip_duplicate_validation": True}
        if self.shop.post("/contacts/merge", body).status == 200:
            self.model.merge(key, other)
            self.check_news()
            self.move_links(key, other)
            if self.personal is not None and self.personal[0] == key:
                self.personal = (other, *self.personal[1:])

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

    def do_stop_or_allow_messages(self, key: str) -> None:
        person = self.model.people[key]
        if person.is_gdpr_off or self.random.random() < 0.3:
            on = {"gdpr_optin": True, "source_note": "by phone"}
            self.ok(self.shop.put(f"/contacts/{key}", on if person.is_gdpr_off else {"gdpr_optin": False}))
            person.is_gdpr_off = not person.is_gdpr_off

    def do_add(self, _key: str) -> None:
        if len(self.model.people) < 4:
            self.add(is_user=self.random.random() < 0.7)

    def do_suppress(self, key: str) -> None:
        self.ok(self.shop.post("/suppressions", {"phone": self.model.people[key].number, "note": "by letter"}))
        self.model.suppress(self.model.people[key].number, "manual")
        self.check_suppressions()

    def do_lift(self, _key: str) -> None:
        for each in self.shop.get("/suppressions")["data"]:
            lifted = self.shop.delete(f"/suppressions/{each['id']}")
            assert lifted.status == (200 if each["cause"] == "manual" else 409), self.done
        by_people = {number: cause for number, cause in self.model.suppressed.items() if cause != "manual"}
        self.model.suppressed = by_people
        self.check_suppressions()

    def do_erase(self, key: str) -> None:
        if self.random.random() < 0.3:
            self.ok(self.shop.post(f"/contacts/{key}/erase"))
            self.forget_person(key)

    def do_archive_or_bring_back_the_type(self, _key: str) -> None:
        step = "archive" if self.model.is_live else "unarchive"
        if not self.model.is_live or self.random.random() < 0.4:
            self.ok(self.shop.post(f"/subscription_types/{self.offers}/{step}"))
            self.model.is_live = step == "unarchive"
