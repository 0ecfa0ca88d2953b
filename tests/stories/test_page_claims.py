"""Whatever pages claim, in whatever order, between whatever people say themselves."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import suppressions
from app.core.contacts import leads, records
from app.core.destinations import Destination
from app.core.ledger import sealing, verify
from app.core.messenger.identity import SignedUser
from app.core.signing import keys_of
from app.core.site import claims
from app.core.site.claim import Claim, evidence_of
from app.core.site.user_object import UserObject
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import (
    Channel,
    Consent,
    ConsentState,
    ConsentType,
    Contact,
    EvidenceLevel,
    Source,
    SubscriptionType,
    SuppressionCause,
)
from tests import make

_serial = count()
UNVERIFIED = make.evidence(level=EvidenceLevel.WEB_UNVERIFIED)
NOTED = make.evidence(Source.AGENT, actor="agent:1", level=EvidenceLevel.REPORTED, note="by phone")
CLIENT = make.evidence(Source.API, actor="api:1", level=EvidenceLevel.REPORTED)


@dataclass
class World:
    """A user and a lead with the same number, a second number, and what the people said themselves.

    :param left: contacts whose last own word is an opt-out
    :param numbers_left: numbers that a contact opted out with, by number and contact
    """

    session: Session
    offers: SubscriptionType
    numbers: tuple[str, str]
    at: datetime = make.NOON
    people: list[Contact] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    numbers_left: set[tuple[str | None, int]] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)

    def add_people(self) -> None:
        number, _ = self.numbers
        self.people.append(make.contact(self.session, external_id=f"sam-{number}", phone_number=number))
        destination = Destination(number, keys_of(self.session).destination_hash(number), "US")
        lead = leads.lead_for(self.session, Channel.SMS, destination, locale="en", at=self.at)
        self.people.append(self.session.get_one(Contact, lead.id))

    def act(self, name: str, who: int, *given: Any) -> None:
        self.at += timedelta(minutes=1)
        getattr(self, name)(self.people[who], *given)
        self.session.flush()

    def leave(self, contact: Contact, how: str) -> None:
        evidence = {"page": make.evidence(Source.PREFERENCE_CENTER), "form": UNVERIFIED, "agent": NOTED, "api": CLIENT}
        before = self.consent(contact)
        make.opt_out(self.session, contact, self.offers, evidence=evidence[how], at=self.at)
        self.left.add(contact.id)
        if how != "form":
            self.numbers_left |= {(contact.phone, contact.id), (before.destination if before else None, contact.id)}

    def sign_up(self, contact: Contact) -> None:
        if contact.gdpr_optin is not False:
            make.opt_in(self.session, contact, self.offers, at=self.at)
            self.left.discard(contact.id)
            self.numbers_left.discard((contact.phone, contact.id))

    def stop(self, contact: Contact) -> None:
        suppressions.suppress(
            self.session, str(contact.phone), SuppressionCause.KEYWORD, "", actor="contact", at=self.at
        )
        self.stopped.add(str(contact.phone))

    def refuse_everything(self, contact: Contact) -> None:
        records.change_gdpr_optin(self.session, contact, gdpr_optin=False, at=self.at)

    def claim(self, _contact: Contact, sms: Any, gdpr: Any, number: Any, proof: str) -> None:
        """A page speaks about the user (signed) or about a number (unsigned, also with a signature that is wrong)."""
        phone = None if number is None else self.numbers[number]
        user = UserObject(phone, sms, gdpr, None if proof == "unsigned" else self.people[0].external_id)
        signed = None
        if proof in {"hash", "jwt"}:
            signed = SignedUser(str(self.people[0].external_id), phone=phone if proof == "jwt" else None)
        evidence = evidence_of(make.evidence(), user, "insider_object", is_signed=signed is not None)
        before, profile = self.states(), self.profile_of_user()
        claims.record(self.session, Claim(user, evidence, signed), at=self.at)
        self.session.flush()
        self.check(before)
        if signed is None:
            assert self.profile_of_user() == profile, "nothing reaches a known user without a signature"

    def check(self, before: dict[int, ConsentState | None]) -> None:
        for contact_id, state in self.states().items():
            if state != ConsentState.OPTED_IN or before.get(contact_id) == ConsentState.OPTED_IN:
                continue
            contact = self.session.get_one(Contact, contact_id)
            assert contact_id not in self.left, "who opted out themself is not opted in by a page"
            assert contact.phone not in self.stopped, "nor is a number that said STOP"
            assert contact.gdpr_optin is not False
            assert not [each for each in self.numbers_left if each[0] == contact.phone]

    def states(self) -> dict[int, Any]:
        rows = self.session.execute(
            select(Contact.id, Consent.state)
            .join(Consent, Consent.contact_id == Contact.id)
            .where(Consent.subscription_type_id == self.offers.id)
        )
        return {row.id: row.state for row in rows}

    def consent(self, contact: Contact) -> Consent | None:
        return self.session.get(Consent, (contact.id, self.offers.id), populate_existing=True)

    def profile_of_user(self) -> tuple[object, ...]:
        sam = self.people[0]
        self.session.refresh(sam)
        consent = self.consent(sam)
        return sam.phone, sam.gdpr_optin, sam.updated_at, consent and (consent.state, consent.event_id)


PROOFS = ("unsigned", "wrong", "hash", "jwt")
who = st.integers(0, 1)
word = st.sampled_from([True, False, None])
step = st.one_of(
    st.tuples(st.just("claim"), who, word, st.sampled_from([None, True, None, False]),
              st.sampled_from([0, 0, 1, None]), st.sampled_from(PROOFS)),
    st.tuples(st.just("leave"), who, st.sampled_from(["page", "form", "agent", "api"])),
    st.tuples(st.sampled_from(["sign_up", "stop", "sign_up"]), who),
    st.tuples(st.just("refuse_everything"), who),
)  # fmt: skip


def played(database: Database, steps: list[Any]) -> None:
    """Do these steps, and in the end let pages of every kind say everything about the number."""
    number = f"+1202555{next(_serial):04d}"
    with database.unit_of_work() as session:
        offers = make.live_type(session, consent_type=ConsentType.OPT_IN)
        policy = {"site_subscription_type_id": offers.id, "submissions_per_number": 10**6}
        workspace_settings.change(session, policy | {"submissions_per_address": 10**6}, actor="agent:1", at=make.NOON)
        world = World(session, offers, (number, number[:-4] + "9999"))
        world.add_people()
        for each in steps:
            world.act(*each)
        for proof, sms in product(PROOFS, (True, False, True)):
            world.act("claim", 0, sms, None, 0, proof)


@pytest.mark.databases("sqlite")
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(step, min_size=1, max_size=7))
def test_no_page_opts_in_who_left_and_none_reaches_a_known_user_unsigned(database: Database, steps: list[Any]) -> None:
    played(database, steps)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(step, min_size=5, max_size=15))
def test_the_state_after_claims_follows_from_the_ledger(database: Database, steps: list[Any]) -> None:
    played(database, steps)
    sealing.seal(database)
    found = verify.verify(database)
    assert not found.is_tampered, found.as_json()
