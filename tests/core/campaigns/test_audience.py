"""Whom a campaign would reach, and the others by their first reason."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.core.campaigns import audience
from app.core.consent import eligibility, suppressions
from app.core.contacts import profile, records, segments
from app.core.errors import AssentError
from app.core.sms import number_facts
from app.db import Database
from app.models import Channel, Consent, ConsentType, Contact, SubscriptionType, SuppressionCause
from tests import make

NUMBERS = [f"+1202555{number:04}" for number in range(100, 200)]


def opted_in(session: Session, live: SubscriptionType, phone: str, **values: object) -> Contact:
    at = values.pop("opted_in_at", make.NOON)
    contact = make.contact(session, phone_number=phone, **values)
    make.opt_in(session, contact, live, at=at)
    return contact


def test_the_parts_of_an_audience_add_up_and_name_their_people(database: Database) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session)
        sam = opted_in(session, live, NUMBERS[0], name="Sam")
        eve = opted_in(session, live, NUMBERS[1], name="Eve")
        suppressions.suppress(session, NUMBERS[1], SuppressionCause.KEYWORD, "asked", actor="agent:1", at=make.NOON)
        left = opted_in(session, live, NUMBERS[2])
        make.opt_out(session, left, live)
        nobody = make.contact(session, phone_number=NUMBERS[3])
        without = make.contact(session)
        archived = opted_in(session, live, NUMBERS[4])
        profile.archive(session, archived, actor="agent:1", at=make.NOON)
        session.flush()

        found = audience.preview(session, live.id, None)
        assert (found.total, found.eligible, found.sample) == (6, 1, (sam.id,))
        expected = {"suppressed": eve, "opted_out": left, "not_opted_in": nobody, "no_phone": without}
        assert found.excluded == dict.fromkeys([*expected, "archived"], 1)
        for reason, contact in expected.items():
            assert audience.people(session, live.id, None, reason, limit=5) == [contact.id]
            assert audience.why(session, live.id, None, contact.id).reasons[0] == reason
        assert audience.people(session, live.id, None, None, limit=5) == [sam.id]
        assert audience.why(session, live.id, None, sam.id).is_eligible

        named = {"field": "name", "operator": "=", "value": "Eve"}
        saved = segments.create(session, "Eves", named, actor="agent:1", at=make.NOON)
        for query in (named, {"field": "segment_id", "operator": "=", "value": saved.public_id}):
            found = audience.preview(session, live.id, query)
            assert (found.total, found.eligible, found.excluded) == (1, 0, {"suppressed": 1})
            assert not audience.why(session, live.id, query, sam.id).is_in_audience


def test_of_contacts_with_one_number_the_newest_opt_in_keeps_it(database: Database) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session)
        times = [make.NOON + timedelta(minutes=each) for each in (1, 3, 2)]
        first, newest, last = [opted_in(session, live, NUMBERS[0], opted_in_at=at) for at in times]
        never = make.contact(session, phone_number=NUMBERS[0])
        found = audience.preview(session, live.id, None)
        assert (found.total, found.eligible) == (4, 1)
        assert found.excluded == {"duplicate_number": 2, "not_opted_in": 1}
        assert found.sample == (newest.id,)
        assert audience.people(session, live.id, None, "duplicate_number", limit=5) == [last.id, first.id]
        assert audience.people(session, live.id, None, "duplicate_number", after=last.id, limit=5) == [first.id]
        assert audience.why(session, live.id, None, first.id).reasons == ("duplicate_number",)
        assert audience.why(session, live.id, None, never.id).reasons == ("not_opted_in",)

        objecting = make.live_type(session, name="Orders", consent_type=ConsentType.OPT_OUT)
        found = audience.preview(session, objecting.id, None)
        assert (found.eligible, found.excluded) == (1, {"duplicate_number": 3})
        assert found.sample == (never.id,)


@pytest.mark.databases("sqlite")
def test_a_draft_type_reaches_nobody_and_an_email_type_is_refused(database: Database) -> None:
    with database.unit_of_work() as session:
        draft = make.draft_type(session)
        make.contact(session, phone_number=NUMBERS[0])
        assert audience.preview(session, draft.id, None).excluded == {"type_not_live": 1}
        letter = make.live_type(session, name="Letter", channel=Channel.EMAIL)
        for type_id, query in ((letter.id, None), (99, None), (draft.id, {"field": "nothing"})):
            with pytest.raises(AssentError):
                audience.preview(session, type_id, query)


class Person(NamedTuple):
    """One contact: its number, what it said about the type and when, and what else is against texts."""

    number: int
    said: str
    minute: int
    obstacle: str


FACTS = {"undeliverable": number_facts.mark_undeliverable, "reassigned": number_facts.mark_reassigned}
PEOPLE = st.lists(
    st.builds(
        Person,
        st.sampled_from([0, 0, 1]),
        st.sampled_from(["in", "in", "out", "nothing", "in before"]),
        st.integers(0, 3),
        st.sampled_from(["", "", "", "archived", "blocked", "suppressed", "undeliverable", "reassigned", "pending"]),
    ),
    max_size=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE, consent_type=st.sampled_from(ConsentType))
@example(
    people=[
        Person(0, "in", 0, "undeliverable"),
        Person(1, "in", 1, "reassigned"),
        Person(1, "in", 3, ""),  # after the number got another holder
        Person(3, "nothing", 0, "pending"),
    ],
    consent_type=ConsentType.OPT_IN,
)
def test_the_audience_in_sql_is_what_the_rules_say_of_each_contact(
    people: list[Person], consent_type: ConsentType, database: Database
) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session, consent_type=consent_type)
        contacts = {_made(session, live, person).id: person for person in people}
        expected: dict[str | None, set[int]] = defaultdict(set)
        for contact_id in contacts:
            reasons = eligibility.status(session, session.get_one(Contact, contact_id), live).reasons
            expected[reasons[0].value if reasons else None].add(contact_id)
        for phone_hash in {session.get_one(Contact, each).phone_hash for each in expected[None]}:
            same = [each for each in expected[None] if session.get_one(Contact, each).phone_hash == phone_hash]
            losing = set(same) - {max(same, key=lambda each: _newest(session, each, live))}
            expected["duplicate_number"] |= losing
            expected[None] -= losing
        found = audience.preview(session, live.id, None)
        assert found.eligible == len(expected[None])
        assert found.excluded == {str(name): len(ids) for name, ids in expected.items() if name and ids}
        for reason, ids in expected.items():
            assert set(audience.people(session, live.id, None, reason, limit=9)) == ids, reason
            for contact_id in ids:
                reasons = audience.why(session, live.id, None, contact_id).reasons
                assert (reasons[0] if reasons else None) == reason
        session.rollback()


def _made(session: Session, live: SubscriptionType, person: Person) -> Contact:
    at = make.NOON + timedelta(minutes=person.minute)
    contact = make.contact(session, phone_number=NUMBERS[2 if person.said == "in before" else person.number])
    if person.said != "nothing":
        (make.opt_out if person.said == "out" else make.opt_in)(session, contact, live, at=at)
    if person.said == "in before":
        records.set_phone(session, contact, NUMBERS[person.number])
    if person.obstacle == "suppressed":
        suppressions.suppress(session, contact.phone or "", SuppressionCause.MANUAL, "?", actor="agent:1", at=at)
    elif person.obstacle in FACTS:
        FACTS[person.obstacle](session, contact.phone_hash or "", at + timedelta(minutes=1))
    elif person.obstacle == "pending":
        for _ in range(2):  # asked for again
            make.pending_confirmation(session, contact, live)
    elif person.obstacle == "blocked":
        records.block(session, contact, at=at)
    elif person.obstacle == "archived":
        profile.archive(session, contact, actor="agent:1", at=at)
    contact.sms_block = eligibility.sms_block_of(contact)
    session.flush()
    return contact


def _newest(session: Session, contact_id: int, live: SubscriptionType) -> tuple[bool, datetime, int]:
    consent = session.get(Consent, (contact_id, live.id))
    return consent is not None, consent.changed_at if consent else make.NOON, contact_id
