"""For every sequence of answers, number changes, opt-outs and type changes: the ledger folds to the state, nobody is
opted in to a number that they did not submit, and nobody's opt-out is lost."""

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.consent import current as current_consents
from app.core.consent import eligibility
from app.core.consent.eligibility import Reason
from app.core.contacts import merge as contact_merge
from app.core.contacts import profile as contact_profile
from app.core.contacts import records as contacts
from app.core.errors import AssentError
from app.core.forms import views as form_views
from app.core.forms.render_token import RenderToken
from app.core.forms.views import FormView, State
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
    st.tuples(st.just("answer_at_once"), person, number),
    st.tuples(st.just("answer_publicly"), number),
    st.tuples(st.just("answer_for_nobody"), number),
    st.tuples(st.just("tamper"), person | st.none()),
    st.tuples(st.just("block"), person),
    st.tuples(st.just("refuse_everything"), person),
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
    """The system under test, and beside it what each person did, kept apart from the system's own tables."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.kind: SubscriptionType = make.live_type(session)
        self.form: OptInForm = make.form(session, self.kind)
        self.people: list[Contact] = [
            make.contact(session, phone_number=NUMBERS[index] if index else None) for index in range(PEOPLE)
        ]
        self.tokens = [make.inserted(session, self.form, each, at=make.NOON).token for each in self.people]
        self.link_for_nobody = make.inserted(session, self.form, None, at=make.NOON).token
        self.pages: dict[int, RenderToken] = {}
        self.views: dict[int, FormView] = {}
        self.closed: dict[int, int] = {}
        self.at = make.NOON
        self.submitted: dict[int, set[str]] = {}
        self.said_no: set[int] = set()
        self.numbers_said_no: set[tuple[str, int]] = set()

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

    def answer_at_once(self, index: int, typed: int) -> None:
        """What is known of the person was read when they looked: everything since came in between."""
        self.look(index) if index not in self.views else None
        before, now = self.views[index], form_views.inserted_view(self.session, self.tokens[index])
        unanswered = replace(now.insertion, answered_at=before.insertion.answered_at)
        self._answer(index, replace(now, insertion=unanswered, respondent=before.respondent), typed)

    def _answer(self, index: int, view: FormView, typed: int) -> None:
        outcome = submissions.submit(
            self.session, view, self.pages[index], typed=self._typed(typed), evidence=make.evidence(), at=self.at
        )
        if outcome.state == State.DONE and outcome.destination:
            self._says_yes(self.people[index].id, outcome.destination.value, outcome.event_id)

    def answer_for_nobody(self, typed: int) -> None:
        """By a link that was made for nobody in particular: whoever answers first is a lead, and stays the only one."""
        view = form_views.inserted_view(self.session, self.link_for_nobody)
        shown = self._shown(self.link_for_nobody, view.form.version_id, None)
        view = replace(view, insertion=replace(view.insertion, answered_at=None), respondent=None)
        outcome = submissions.submit(
            self.session, view, shown, typed=self._typed(typed), evidence=make.evidence(), at=self.at
        )
        if outcome.state == State.DONE and outcome.event_id is not None:
            event = self.session.get_one(ConsentEvent, outcome.event_id)
            self._says_yes(event.contact_id, NUMBERS[typed], outcome.event_id)
        answered = select(ConsentEvent.contact_id).join(InsertedForm, InsertedForm.id == ConsentEvent.inserted_form_id)
        theirs = self.session.scalars(answered.where(InsertedForm.token == self.link_for_nobody))
        assert len(set(theirs)) <= 1

    def tamper(self, index: int | None) -> None:
        """An address comes where the form asked for a number."""
        place = self.form.key if index is None else self.tokens[index]
        read = form_views.public_view if index is None else form_views.inserted_view
        view = read(self.session, place)
        typed = {"email": destinations.read(keys_of(self.session), "eve@example.com", "email", region=None)}
        shown = self._shown(place, view.form.version_id, None)
        submissions.submit(self.session, view, shown, typed=typed, evidence=make.evidence(), at=self.at)

    def block(self, index: int) -> None:
        held = contacts.hold(self.session, self.people[index].id)
        contacts.block(self.session, held, at=self.at)
        self._close(held)

    def refuse_everything(self, index: int) -> None:
        held = contacts.hold(self.session, self.people[index].id)
        contacts.change_gdpr_optin(self.session, held, gdpr_optin=False, at=self.at)
        self._close(held)

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
            self._says_yes(event.contact_id, NUMBERS[typed], outcome.event_id)

    def change_number(self, index: int, to: int | None) -> None:
        held = contacts.hold(self.session, self.people[index].id)
        contacts.change_phone(self.session, held, None if to is None else NUMBERS[to], at=self.at)

    def opt_out(self, index: int) -> None:
        held = contacts.hold(self.session, self.people[index].id)
        before = current_consents.find(self.session, held.id, self.kind.id)
        make.opt_out(self.session, held, self.kind, at=self.at)
        self.said_no.add(held.id)
        for said in (held.phone, before.destination if before else None):
            if said:
                self.numbers_said_no.add((said, held.id))

    def archive(self) -> None:
        if self.kind.state == "live":
            subscription_types.archive(self.session, self.kind, actor="agent:1", at=self.at)

    def bring_back(self) -> None:
        if self.kind.state == "archived":
            subscription_types.unarchive(self.session, self.kind, actor="agent:1", at=self.at)

    def check(self) -> None:
        folded = self._folded()
        rows = self.session.scalars(select(Consent).where(Consent.subscription_type_id == self.kind.id)).all()
        assert folded == {row.contact_id: (row.state, row.destination, row.event_id) for row in rows}
        for row in rows:
            if row.state == "opted_in":
                assert row.event_id <= self.closed.get(row.contact_id, row.event_id)
                assert row.destination in self.submitted[row.contact_id]
            assert (row.state == "opted_out") == (row.contact_id in self.said_no)
        assert self.said_no <= {row.contact_id for row in rows}
        for contact_id in self.closed:
            assert self.session.get_one(Contact, contact_id).sms_block in {"blocked", "gdpr_optout"}
        for said, _ in self.numbers_said_no:
            for holder in self.session.scalars(select(Contact).where(Contact.phone == said)):
                assert Reason.OPTED_OUT in eligibility.status(self.session, holder, self.kind).reasons

    def _says_yes(self, contact_id: int, value: str, event_id: int | None) -> None:
        assert self.kind.state == "live"
        self.submitted.setdefault(contact_id, set()).add(value)
        if event_id is not None:
            self.said_no.discard(contact_id)
            self.numbers_said_no.discard((value, contact_id))

    def _folded(self) -> dict[int, tuple[str, str | None, int]]:
        events = self.session.execute(
            select(ConsentEvent, ConsentEvidence.destination)
            .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
            .where(ConsentEvent.subscription_type_id == self.kind.id)
            .order_by(ConsentEvent.id)
        )
        states = {"opt_in": "opted_in", "opt_out": "opted_out"}
        return {event.contact_id: (states[event.action], given_for, event.id) for event, given_for in events}

    def _shown(self, place: str, version_id: int, saved_hash: str | None) -> RenderToken:
        return RenderToken(place, version_id, "en", "words", saved_hash, None, None, random_token(), self.at)

    def _typed(self, index: int) -> submissions.Typed:
        return {"sms": destinations.read(keys_of(self.session), NUMBERS[index], "sms", region=None)}

    def _version_id(self) -> int:
        return form_views.public_view(self.session, self.form.key).form.version_id


class _Undo(Exception):
    """Ends an example; what it wrote is rolled back."""


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, max_size=14))
def test_the_ledger_folds_to_the_state_and_every_word_of_a_person_stands(
    database: Database, steps: list[tuple[object, ...]]
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        world = World(session)
        for taken in steps:
            world.take(taken)
            world.check()
        raise _Undo


client = st.integers(0, PEOPLE - 1)
client_step = st.one_of(
    st.tuples(st.sampled_from(("says_no", "says_yes", "detach")), client),
    st.tuples(st.just("attach"), client, st.booleans()),
    st.tuples(st.just("put_phone"), client, number),
    st.tuples(st.just("merge"), client, client),
)


class Clients:
    """What API clients do with people, and beside it whose own no stands: only they, or a note, take it back."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.kind = make.live_type(session)
        self.people = [make.contact(session, phone_number=each) for each in NUMBERS]
        self.their_own: set[int] = set()
        self.numbers: set[tuple[str, int]] = set()
        self.at = make.NOON

    def take(self, step: tuple[object, ...]) -> None:
        self.at += timedelta(seconds=1)
        said = [self.people[each] if type(each) is int else each for each in step[1:]]
        if any(isinstance(each, Contact) and each.merged_into_id for each in said):
            return  # their address leads to somebody else now
        with contextlib.suppress(AssentError), self.session.begin_nested():
            getattr(self, str(step[0]))(*said)
        self.session.expire_all()

    def says_no(self, who: Contact) -> None:
        before = current_consents.find(self.session, who.id, self.kind.id)
        make.opt_out(self.session, who, self.kind, at=self.at)
        self.their_own.add(who.id)
        self.numbers |= {(said, who.id) for said in (who.phone, before and before.destination) if said}

    def says_yes(self, who: Contact) -> None:
        make.opt_in(self.session, who, self.kind, at=self.at)
        self.their_own.discard(who.id)
        self.numbers.discard((who.phone or "", who.id))
        left = select(DestinationOptOut).where(DestinationOptOut.contact_id == who.id)
        assert not self.session.scalars(left.where(DestinationOptOut.destination_hash == who.phone_hash)).all()

    def detach(self, who: Contact) -> None:
        subscriptions.detach(self.session, who.public_id, self.kind.id, self._client(), at=self.at)

    def attach(self, who: Contact, has_note: bool) -> None:  # noqa: FBT001
        evidence = self._client(note="They asked for it." if has_note else None)
        was_in = current_consents.find(self.session, who.id, self.kind.id)
        subscriptions.attach(self.session, who.public_id, self.kind.id, "opt_in", evidence, at=self.at)
        if has_note and was_in != current_consents.find(self.session, who.id, self.kind.id):
            self.their_own.discard(who.id)
            self.numbers = {(said, by) for said, by in self.numbers if said != who.phone}

    def put_phone(self, who: Contact, to: Contact) -> None:
        given = {"phone": NUMBERS[self.people.index(to)]}
        contact_profile.change(self.session, who, given, actor="api:1", at=self.at)

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
        if ended in self.their_own:
            self.their_own = self.their_own - {ended} | {stays}
        self.numbers = {(said, stays if by == ended else by) for said, by in self.numbers}

    def check(self) -> None:
        for contact_id in self.their_own:
            held = current_consents.find(self.session, contact_id, self.kind.id)
            assert held
            assert held.state == "opted_out"
            assert self.session.get_one(ConsentEvent, held.event_id).source != "api"
        for said, _ in self.numbers:
            for holder in self.session.scalars(select(Contact).where(Contact.phone == said)):
                assert Reason.OPTED_OUT in eligibility.status(self.session, holder, self.kind).reasons

    def _client(self, **values: str | None) -> Evidence:
        return make.evidence(Source.API, actor="api:1", level=EvidenceLevel.REPORTED, **values)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(client_step, max_size=12))
def test_nobody_but_the_person_or_a_note_takes_back_what_the_person_opted_out_of(
    database: Database, steps: list[tuple[object, ...]]
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        clients = Clients(session)
        for taken in steps:
            clients.take(taken)
            clients.check()
        raise _Undo


def test_a_lead_is_kept_apart_from_the_people_whose_number_it_has(database: Database) -> None:
    with database.unit_of_work() as session:
        world = World(session)
        for taken in (("opt_out", 1), ("answer_publicly", 1), ("change_number", 1, 2), ("answer", 1, 0)):
            world.take(taken)
            world.check()
        assert world.numbers_said_no == {(NUMBERS[1], world.people[1].id)}


def at(hours: int) -> datetime:
    return make.NOON + timedelta(hours=hours)


def test_a_new_number_was_never_asked_and_going_back_revives_the_old_answer(database: Database) -> None:
    with database.unit_of_work() as session:
        kind, sam = make.live_type(session), make.contact(session, phone_number=NUMBERS[0])
        make.opt_in(session, sam, kind)
        contacts.change_phone(session, sam, NUMBERS[1], at=at(1))
        changed = eligibility.status(session, sam, kind)
        assert (changed.state, changed.reasons) == ("never_asked", (Reason.NUMBER_CHANGED,))
        contacts.change_phone(session, sam, NUMBERS[0], at=at(2))
        assert eligibility.status(session, sam, kind).is_reachable


def test_an_opt_out_survives_a_change_of_number_and_holds_for_whoever_gets_the_old_one(database: Database) -> None:
    with database.unit_of_work() as session:
        kind, sam = make.live_type(session), make.contact(session, phone_number=NUMBERS[0])
        make.opt_in(session, sam, kind)
        make.opt_out(session, sam, kind)
        contacts.change_phone(session, sam, NUMBERS[1], at=at(3))
        assert eligibility.status(session, sam, kind).reasons == (Reason.OPTED_OUT,)
        other = make.contact(session, phone_number=NUMBERS[0])
        make.opt_in(session, other, kind, at=at(4))
        assert eligibility.status(session, other, kind).reasons == (Reason.OPTED_OUT,)
