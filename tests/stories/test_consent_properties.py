"""Rules that apply to every sequence of answers, number changes, opt-outs and type changes.

The consents are the fold of the ledger, no contact is opted in with a number that it did not submit, and no opt-out is
lost.
"""

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.consent import current as current_consents
from app.core.consent import eligibility, locking
from app.core.consent.eligibility import Reason
from app.core.contacts import merge as contact_merge
from app.core.contacts import profile as contact_profile
from app.core.contacts import records as contacts
from app.core.errors import AssentError
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView, State
from app.core.forms.render_token import RenderToken
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of, random_token
from app.core.submissions import submit as submissions
from app.core.subscriptions import attachments as subscriptions
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import (
    Consent,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    DestinationOptOut,
    EvidenceLevel,
    InsertedForm,
    OptInForm,
    Source,
    SubscriptionType,
)
from tests import make

NUMBERS = ("+12025550101", "+12025550102", "+447400123456")
PEOPLE = 3
person = st.integers(0, PEOPLE - 1)
number = st.integers(0, len(NUMBERS) - 1)
step = st.one_of(
    st.tuples(st.just("look"), person),
    st.tuples(st.just("answer"), person, number),
    st.tuples(st.just("answer_stale"), person, number),
    st.tuples(st.just("answer_publicly"), number),
    st.tuples(st.just("answer_link"), number),
    st.tuples(st.just("tamper"), person | st.none()),
    st.tuples(st.just("block"), person),
    st.tuples(st.just("refuse_gdpr"), person),
    st.tuples(st.just("change_number"), person, st.none() | number),
    st.tuples(st.just("opt_out"), person),
    st.tuples(
        st.just("archive"),
    ),
    st.tuples(
        st.just("bring_back"),
    ),
)


class World:
    """The system under test, with a model of what each person did that does not read the system's tables."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.offers: SubscriptionType = make.live_type(session)
        self.form: OptInForm = make.form(session, self.offers)
        self.people: list[Contact] = [
            make.contact(session, phone_number=NUMBERS[index] if index else None) for index in range(PEOPLE)
        ]
        self.tokens = [make.inserted(session, self.form, each, at=make.NOON).token for each in self.people]
        self.open_link = make.inserted(session, self.form, None, at=make.NOON).token
        self.pages: dict[int, RenderToken] = {}
        self.views: dict[int, FormView] = {}
        self.closed: dict[int, int] = {}
        self.at = make.NOON
        self.submitted: dict[int, set[str]] = {}
        self.opted_out: set[int] = set()
        self.numbers_opted_out: set[tuple[str, int]] = set()

    def take(self, step: tuple[object, ...]) -> None:
        self.at += timedelta(seconds=1)
        getattr(self, str(step[0]))(*step[1:])
        self.session.expire_all()

    def look(self, index: int) -> None:
        view = form_views.inserted_view(self.session, self.tokens[index])
        saved = form_views.saved_destination(keys_of(self.session), view)
        self.views[index] = view
        self.pages[index] = self._shown(self.tokens[index], view.form.version_id, saved.hash if saved else None)

    def answer(self, index: int, typed: int) -> None:
        if index not in self.pages:
            self.look(index)
        self._answer(index, form_views.inserted_view(self.session, self.tokens[index]), typed)

    def answer_stale(self, index: int, typed: int) -> None:
        """Answer with a view that was read when the page was rendered, before all later steps."""
        self.look(index) if index not in self.views else None
        before, now = self.views[index], form_views.inserted_view(self.session, self.tokens[index])
        unanswered = replace(now.insertion, answered_at=before.insertion.answered_at)
        self._answer(index, replace(now, insertion=unanswered, respondent=before.respondent), typed)

    def _answer(self, index: int, view: FormView, typed: int) -> None:
        outcome = submissions.submit(
            self.session, view, self.pages[index], typed=self._typed(typed), evidence=make.evidence(), at=self.at
        )
        if outcome.state == State.DONE and outcome.destination:
            self._opts_in(self.people[index].id, outcome.destination.value, outcome.event_id)

    def answer_link(self, typed: int) -> None:
        """Answer by a link without a contact: the first answer creates a lead, and it stays the only one."""
        view = form_views.inserted_view(self.session, self.open_link)
        shown = self._shown(self.open_link, view.form.version_id, None)
        view = replace(view, insertion=replace(view.insertion, answered_at=None), respondent=None)
        outcome = submissions.submit(
            self.session, view, shown, typed=self._typed(typed), evidence=make.evidence(), at=self.at
        )
        if outcome.state == State.DONE and outcome.event_id is not None:
            event = self.session.get_one(ConsentEvent, outcome.event_id)
            self._opts_in(event.contact_id, NUMBERS[typed], outcome.event_id)
        answered = select(ConsentEvent.contact_id).join(InsertedForm, InsertedForm.id == ConsentEvent.inserted_form_id)
        theirs = self.session.scalars(answered.where(InsertedForm.token == self.open_link))
        assert len(set(theirs)) <= 1

    def tamper(self, index: int | None) -> None:
        """Submit an email address to a form that asks for a number."""
        key = self.form.key if index is None else self.tokens[index]
        read = form_views.public_view if index is None else form_views.inserted_view
        view = read(self.session, key)
        address = destinations.read(keys_of(self.session), "eve@example.com", "email", region=None)
        typed = submissions.Typed({"email": address})
        shown = self._shown(key, view.form.version_id, None)
        submissions.submit(self.session, view, shown, typed=typed, evidence=make.evidence(), at=self.at)

    def block(self, index: int) -> None:
        locked = locking.lock_contact(self.session, self.people[index].id)
        contacts.block(self.session, locked, at=self.at)
        self._close(locked)

    def refuse_gdpr(self, index: int) -> None:
        locked = locking.lock_contact(self.session, self.people[index].id)
        contacts.change_gdpr_optin(self.session, locked, gdpr_optin=False, at=self.at)
        self._close(locked)

    def _close(self, contact: Contact) -> None:
        newest = self.session.scalar(select(func.max(ConsentEvent.id))) or 0
        self.closed.setdefault(contact.id, newest)

    def answer_publicly(self, typed: int) -> None:
        shown = self._shown(self.form.key, self._version_id(), None)
        view = form_views.public_view(self.session, self.form.key, shown=shown)
        outcome = submissions.submit(
            self.session, view, shown, typed=self._typed(typed), evidence=make.evidence(), at=self.at
        )
        if outcome.state == State.DONE:
            event = self.session.get_one(ConsentEvent, outcome.event_id)
            assert event.contact_id not in {each.id for each in self.people}
            self._opts_in(event.contact_id, NUMBERS[typed], outcome.event_id)

    def change_number(self, index: int, to: int | None) -> None:
        locked = locking.lock_contact(self.session, self.people[index].id)
        contacts.change_phone(self.session, locked, None if to is None else NUMBERS[to], at=self.at)

    def opt_out(self, index: int) -> None:
        locked = locking.lock_contact(self.session, self.people[index].id)
        before = current_consents.find(self.session, locked.id, self.offers.id)
        make.opt_out(self.session, locked, self.offers, at=self.at)
        self.opted_out.add(locked.id)
        for said in (locked.phone, before.destination if before else None):
            if said:
                self.numbers_opted_out.add((said, locked.id))

    def archive(self) -> None:
        if self.offers.state == "live":
            subscription_types.archive(self.session, self.offers, actor="agent:1", at=self.at)

    def bring_back(self) -> None:
        if self.offers.state == "archived":
            subscription_types.unarchive(self.session, self.offers, actor="agent:1", at=self.at)

    def check(self) -> None:
        folded = self._folded()
        rows = self.session.scalars(select(Consent).where(Consent.subscription_type_id == self.offers.id)).all()
        assert folded == {row.contact_id: (row.state, row.destination, row.event_id) for row in rows}
        for row in rows:
            if row.state == "opted_in":
                assert row.event_id <= self.closed.get(row.contact_id, row.event_id)
                assert row.destination in self.submitted[row.contact_id]
            assert (row.state == "opted_out") == (row.contact_id in self.opted_out)
        assert self.opted_out <= {row.contact_id for row in rows}
        for contact_id in self.closed:
            assert self.session.get_one(Contact, contact_id).sms_block in {"blocked", "gdpr_optout"}
        for said, _ in self.numbers_opted_out:
            for holder in self.session.scalars(select(Contact).where(Contact.phone == said)):
                assert Reason.OPTED_OUT in eligibility.status(self.session, holder, self.offers).reasons

    def _opts_in(self, contact_id: int, value: str, event_id: int | None) -> None:
        assert self.offers.state == "live"
        self.submitted.setdefault(contact_id, set()).add(value)
        if event_id is not None:
            self.opted_out.discard(contact_id)
            self.numbers_opted_out.discard((value, contact_id))

    def _folded(self) -> dict[int, tuple[str, str | None, int]]:
        events = self.session.execute(
            select(ConsentEvent, ConsentEvidence.destination)
            .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
            .where(ConsentEvent.subscription_type_id == self.offers.id)
            .order_by(ConsentEvent.id)
        )
        states = {"opt_in": "opted_in", "opt_out": "opted_out"}
        return {event.contact_id: (states[event.action], given_for, event.id) for event, given_for in events}

    def _shown(self, place: str, version_id: int, saved_hash: str | None) -> RenderToken:
        return RenderToken(place, version_id, "en", "words", saved_hash, None, None, random_token(), self.at)

    def _typed(self, index: int) -> submissions.Typed:
        return submissions.Typed({"sms": destinations.read(keys_of(self.session), NUMBERS[index], "sms", region=None)})

    def _version_id(self) -> int:
        return form_views.public_view(self.session, self.form.key).form.version_id


class _Undo(Exception):
    """Ends an example; what it wrote is rolled back."""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, max_size=14))
def test_consents_are_the_fold_of_the_ledger_and_follow_each_persons_statements(
    database: Database, steps: list[tuple[object, ...]]
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        world = World(session)
        for step in steps:
            world.take(step)
            world.check()
        raise _Undo


client = st.integers(0, PEOPLE - 1)
client_step = st.one_of(
    st.tuples(st.sampled_from(("opts_out", "opts_in", "detach")), client),
    st.tuples(st.just("attach"), client, st.booleans()),
    st.tuples(st.just("put_phone"), client, number),
    st.tuples(st.just("merge"), client, client),
)


class Clients:
    """Changes by API clients, with a model of the persons' own opt-outs: only they, or a note, revoke one."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.offers = make.live_type(session)
        self.people = [make.contact(session, phone_number=each) for each in NUMBERS]
        self.own_opt_outs: set[int] = set()
        self.numbers: set[tuple[str, int]] = set()
        self.at = make.NOON

    def take(self, step: tuple[object, ...]) -> None:
        self.at += timedelta(seconds=1)
        said = [self.people[each] if type(each) is int else each for each in step[1:]]
        if any(isinstance(each, Contact) and each.merged_into_id for each in said):
            return  # merged contacts cannot be changed
        with contextlib.suppress(AssentError), self.session.begin_nested():
            getattr(self, str(step[0]))(*said)
        self.session.expire_all()

    def opts_out(self, contact: Contact) -> None:
        before = current_consents.find(self.session, contact.id, self.offers.id)
        make.opt_out(self.session, contact, self.offers, at=self.at)
        self.own_opt_outs.add(contact.id)
        self.numbers |= {(said, contact.id) for said in (contact.phone, before and before.destination) if said}

    def opts_in(self, contact: Contact) -> None:
        make.opt_in(self.session, contact, self.offers, at=self.at)
        self.own_opt_outs.discard(contact.id)
        self.numbers.discard((contact.phone or "", contact.id))
        left = select(DestinationOptOut).where(DestinationOptOut.contact_id == contact.id)
        assert not self.session.scalars(left.where(DestinationOptOut.destination_hash == contact.phone_hash)).all()

    def detach(self, contact: Contact) -> None:
        subscriptions.detach(self.session, contact.public_id, self.offers.id, self._client(), at=self.at)

    def attach(self, contact: Contact, has_note: bool) -> None:  # noqa: FBT001
        evidence = self._client(note="They asked for it." if has_note else None)
        before = current_consents.find(self.session, contact.id, self.offers.id)
        subscriptions.attach(self.session, contact.public_id, self.offers.id, "opt_in", evidence, at=self.at)
        if has_note and before != current_consents.find(self.session, contact.id, self.offers.id):
            self.own_opt_outs.discard(contact.id)
            self.numbers = {(said, by) for said, by in self.numbers if said != contact.phone}

    def put_phone(self, contact: Contact, to: Contact) -> None:
        given = {"phone": NUMBERS[self.people.index(to)]}
        contact_profile.change(self.session, contact, given, actor="api:1", at=self.at)

    def merge(self, source: Contact, target: Contact) -> None:
        contact_merge.merge(
            self.session,
            source.public_id,
            target.public_id,
            actor="api:1",
            at=self.at,
            skip_duplicate_validation=True,
        )
        ended, stays = source.id, target.id
        if ended in self.own_opt_outs:
            self.own_opt_outs = self.own_opt_outs - {ended} | {stays}
        self.numbers = {(said, stays if by == ended else by) for said, by in self.numbers}

    def check(self) -> None:
        for contact_id in self.own_opt_outs:
            current = current_consents.find(self.session, contact_id, self.offers.id)
            assert current
            assert current.state == "opted_out"
            assert self.session.get_one(ConsentEvent, current.event_id).source != "api"
        for said, _ in self.numbers:
            for holder in self.session.scalars(select(Contact).where(Contact.phone == said)):
                assert Reason.OPTED_OUT in eligibility.status(self.session, holder, self.offers).reasons

    def _client(self, **values: str | None) -> Evidence:
        return make.evidence(Source.API, actor="api:1", level=EvidenceLevel.REPORTED, **values)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(client_step, max_size=12))
def test_only_the_person_or_a_note_revokes_the_persons_opt_out(
    database: Database, steps: list[tuple[object, ...]]
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        clients = Clients(session)
        for step in steps:
            clients.take(step)
            clients.check()
        raise _Undo


def test_a_lead_with_the_number_of_another_contact_does_not_change_that_contact(database: Database) -> None:
    with database.unit_of_work() as session:
        world = World(session)
        for step in (("opt_out", 1), ("answer_publicly", 1), ("change_number", 1, 2), ("answer", 1, 0)):
            world.take(step)
            world.check()
        assert world.numbers_opted_out == {(NUMBERS[1], world.people[1].id)}


def at(hours: int) -> datetime:
    return make.NOON + timedelta(hours=hours)


def test_a_new_number_was_never_asked_and_the_old_one_keeps_its_opt_in(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=NUMBERS[0])
        make.opt_in(session, sam, offers)
        contacts.change_phone(session, sam, NUMBERS[1], at=at(1))
        changed = eligibility.status(session, sam, offers)
        assert (changed.state, changed.reasons) == ("never_asked", (Reason.NUMBER_CHANGED,))
        contacts.change_phone(session, sam, NUMBERS[0], at=at(2))
        assert eligibility.status(session, sam, offers).is_reachable


def test_an_opt_out_survives_a_change_of_number_and_applies_to_the_next_holder(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=NUMBERS[0])
        make.opt_in(session, sam, offers)
        make.opt_out(session, sam, offers)
        contacts.change_phone(session, sam, NUMBERS[1], at=at(3))
        assert eligibility.status(session, sam, offers).reasons == (Reason.OPTED_OUT,)
        other = make.contact(session, phone_number=NUMBERS[0])
        make.opt_in(session, other, offers, at=at(4))
        assert eligibility.status(session, other, offers).reasons == (Reason.OPTED_OUT,)
