"""Acts of the person: by a link to the preference center, in the messenger, and on the form that they answered."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core import clock
from app.core.ledger.evidence import Evidence
from app.core.preferences import acts, erasure_requests, links
from app.core.submissions import undo
from app.models import Contact, EvidenceLevel, Source
from tests.stories.consent_model import By
from tests.stories.world import Answer, World
from tests.web import pages
from tests.web.messenger import panel
from tests.web.preferences.page import Page, open_page, read


@dataclass
class Held:
    """A link of a person. ``key`` is null once it leads nowhere."""

    path: str
    key: str | None
    by: By
    issued_at: datetime


class ActsByLink(World):
    """``held``: links that were given out, ``asked``: contacts whose deletion was asked for."""

    def __init__(self, *given: object) -> None:
        self.held: list[Held] = []
        self.asked: set[str] = set()
        self.old_preferences: tuple[Held, Page, str, datetime] | None = None
        super().__init__(*given)  # type: ignore[arg-type]

    def link(self, key: str) -> Held:
        """A new link of this contact, or one that was given out before. A lead's may be one that proves nothing."""
        if self.held and self.random.random() < 0.3:
            return self.random.choice(self.held)
        if self.model.people[key].is_user or self.random.random() < 0.3:
            by, url = By.PERSON, self.shop.get(f"/contacts/{key}/consents")["preference_center_url"]
            path = urlsplit(url).path
        else:
            with self.database.unit_of_work() as session:
                contact = session.scalars(select(Contact).where(Contact.public_id == key)).one()
                token = links.issue(session, contact, level=EvidenceLevel.WEB_UNVERIFIED, at=self.model.at)
            by, path = By.UNVERIFIED, f"/p/{token}"
        known = next((each for each in self.held if each.path == path), None)
        if known is None:
            self.held.append(Held(path, key, by, self.model.at))
        return known or self.held[-1]

    def post(self, held: Held, part: str, **data: str) -> TestResponse:
        self.forget_limits()
        return self.visitor.post(f"{held.path}/{part}", data=data)

    def switch(self, held: Held) -> str:
        return f"{held.path}/subscription_types/{self.offers}"

    def is_expired(self, held: Held) -> bool:
        return self.model.at - held.issued_at >= timedelta(days=61)

    def do_leave_by_link(self, key: str) -> None:
        held = self.link(key)
        left = self.post(held, f"subscription_types/{self.offers}", action="unsubscribe")
        assert left.status_code == (303 if held.key else 404), self.done
        if held.key:
            self.model.opt_out(held.key, held.by)

    def do_stop_all_texts(self, key: str) -> None:
        held = self.link(key)
        assert self.post(held, "stop").status_code == (303 if held.key else 404), self.done
        if held.key:
            self.model.stop_texts(held.key, held.by)
            self.check_suppressions()

    def do_allow_texts(self, key: str) -> None:
        held = self.link(key)
        allowed = self.post(held, "allow").status_code
        number = self.model.people[held.key].number if held.key else ""
        cause = self.model.suppressed.get(number)
        if held.key is None or self.is_expired(held):
            assert allowed == (410 if held.key else 404), self.done
        elif cause is not None and (cause, held.by) != ("preference_center", By.PERSON):
            assert allowed == 409, (self.done, cause)
        else:
            assert allowed == 303, self.done
            self.model.suppressed.pop(number, None)
        self.check_suppressions()

    def do_leave_all_emails_by_one_click(self, key: str) -> None:
        held = self.link(key)
        body = {"List-Unsubscribe": "One-Click"}
        assert self.post(held, f"one-click?type={self.offers}", **body).status_code == 404, self.done
        assert self.post(held, "one-click", **body).status_code == (200 if held.key else 404), self.done
        if held.key:
            self.model.people[held.key].left_news = True
            self.check_news()

    def do_opt_in_by_link(self, key: str) -> None:
        held = self.link(key)
        page = open_page(self.visitor, self.switch(held))
        assert page.status == self.status_of_form(held), (self.done, page.text)
        if page.status == 200 and held.key:
            self.answer_preferences(held, page)

    def do_open_the_form_of_a_link(self, key: str) -> None:
        held = self.link(key)
        page = open_page(self.visitor, self.switch(held))
        if page.status == 200 and held.key:
            self.old_preferences = (held, page, self.model.people[held.key].number, self.model.at)

    def do_answer_the_old_form_of_a_link(self, _key: str) -> None:
        if self.old_preferences is None:
            return
        (held, page, number, shown_at), self.old_preferences = self.old_preferences, None
        status = self.status_of_form(held)
        if status == 200 and held.key:
            person = self.model.people[held.key]
            is_older = person.is_out and person.said is not None and person.said.at >= shown_at
            if is_older or person.number != number:
                status = 409
        self.forget_limits()
        sent = self.visitor.post(self.switch(held), data=page.forms[self.switch(held)])
        assert sent.status_code == (303 if status == 200 else status), (self.done, sent.text)
        if status == 200 and held.key:
            self.opt_in_by_link(held)

    def status_of_form(self, held: Held) -> int:
        """200 where the person may opt in, 303 where they are subscribed, and nothing else leads there."""
        if held.key is None or self.is_expired(held):
            return 410 if held.key else 404
        person = self.model.people[held.key]
        is_stopped = held.by == By.PERSON and (person.is_gdpr_off or self.model.is_refused(person.number))
        is_stopped_by_another = set(self.model.opted_out_of(person.number)) - {held.key}
        if self.model.is_live and person.is_in(person.number) and not is_stopped:
            return 303
        is_against = is_stopped_by_another or person.number in self.model.suppressed
        is_against = is_against and held.by == By.PERSON
        is_open = self.model.is_live and not (person.is_closed or person.is_archived or is_against)
        return 200 if is_open else 404

    def answer_preferences(self, held: Held, page: Page) -> None:
        self.forget_limits()
        sent = self.visitor.post(self.switch(held), data=page.forms[self.switch(held)])
        assert sent.status_code == 303, (self.done, read(sent).text)
        self.opt_in_by_link(held)

    def opt_in_by_link(self, held: Held) -> None:
        if held.key and held.by == By.PERSON:
            self.model.opt_in(held.key)
        elif held.key:
            self.model.claim(held.key)

    def do_ask_for_erasure(self, key: str) -> None:
        held = self.link(key)
        asked = self.post(held, "erasure").status_code
        if held.key is None or self.is_expired(held):
            assert asked == (410 if held.key else 404), self.done
        else:
            assert asked == (303 if held.by == By.PERSON else 404), self.done
            self.asked |= {held.key} if held.by == By.PERSON else set()

    def do_decide_about_an_erasure(self, _key: str) -> None:
        with self.database.read_only() as session:
            waiting = [(each.request.id, each.contact.public_id) for each in erasure_requests.open_requests(session)]
        assert {key for _, key in waiting} == self.asked, self.done
        if not waiting:
            return
        request_id, key = self.random.choice(waiting)
        verb = self.random.choice(("erase", "refuse"))
        note = {f"request-{request_id}-note": "An invoice is open."} if verb == "refuse" else {}
        path = f"/deletion-requests/{request_id}/{verb}"
        assert pages.submit(pages.admin(self.app), path, note, page="/deletion-requests").status_code == 303
        if verb == "erase":
            self.forget_person(key)
        elif [each for _, each in waiting].count(key) == 1:
            self.asked.discard(key)

    def forget_person(self, key: str) -> None:
        del self.model.people[key]
        self.model.forget_lead(key)
        self.asked.discard(key)
        for held in self.held:
            held.key = None if held.key == key else held.key

    def move_links(self, key: str, into: str) -> None:
        """A link of a person goes on to the contact that they are now; one that proves nothing ends."""
        self.asked = {into if each == key else each for each in self.asked}
        for held in self.held:
            if held.key == key:
                held.key = into if held.by == By.PERSON else None

    def do_leave_in_the_messenger(self, key: str) -> None:
        person = self.model.people[key]
        if person.user_id is not None:
            bearer = panel.session_of(self.visitor, self.database, person.user_id)
            left = panel.post(self.visitor, f"subscriptions/{self.offers}/unsubscribe", {}, bearer)
            assert left.status_code == 200, self.done
            self.model.opt_out(key)
        elif not person.is_user:
            self.leave_as_visitor(key)
            self.model.opt_out(key, By.UNVERIFIED)

    def leave_as_visitor(self, key: str) -> None:
        """As a visitor whom the page around the messenger does not sign in."""
        evidence = Evidence(Source.MESSENGER, "contact", EvidenceLevel.WEB_UNVERIFIED)
        with self.database.unit_of_work() as session:
            contact_id = session.scalars(select(Contact.id).where(Contact.public_id == key)).one()
            link = links.of_visitor(contact_id, is_signed=False, at=clock.now())
            acts.leave(session, link, int(self.offers), evidence, at=clock.now())

    def an_answer(self) -> Answer | None:
        return self.random.choice(self.answers) if self.answers else None

    def do_withdraw_on_the_form(self, _key: str) -> None:
        found = self.an_answer()
        if found is None:
            return
        withdrawn = self.visitor.post(f"/f/{found.done.main['data-token']}/withdraw")
        if not found.is_user:
            self.model.withdraw(found.key, found.serial)
        elif found.key in self.model.people:
            assert withdrawn.status_code == 303, "an opt-out is never refused"
            self.model.opt_out(found.key)

    def do_undo_an_answer(self, _key: str) -> None:
        found = self.an_answer()
        if found is None or not re.search(r"/undo(\?|$)", found.done.action):
            return
        undone = self.visitor.post(found.done.action, data={"done": found.done.fields["done"]})
        if self.model.at - found.at > undo.WINDOW:
            assert undone.status_code == 409, self.done
        elif found.serial is not None:
            self.model.undo(found.key, found.serial, By.PERSON if found.is_user else By.UNVERIFIED)
