"""Who gets an outbound chat: the rules in SQL are what they say of each contact."""

from collections import defaultdict
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.core.consent import suppressions
from app.core.contacts import profile, records
from app.core.messenger import tokens
from app.core.outbound_chats import audience
from app.db import Database
from app.models import Channel, Contact, ContactRole, OptInForm, SubscriptionType, SuppressionCause
from tests import make

NUMBERS = ("+12025550101", "+12025550102", "+12025550103")


class Person(NamedTuple):
    """One contact: a lead with or without a living token, what it said about the type, and what is against it."""

    lead: str
    number: int
    said: str
    obstacle: str


PEOPLE = st.lists(
    st.builds(
        Person,
        st.sampled_from(["", "", "token", "ended token", "no token"]),
        st.sampled_from([0, 0, 1]),
        st.sampled_from(["nothing", "nothing", "in", "in before", "out"]),
        st.sampled_from(["", "", "", "archived", "blocked", "gdpr", "suppressed"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE, channel=st.sampled_from([Channel.SMS, Channel.SMS, Channel.EMAIL]))
def test_the_audience_in_sql_is_what_the_rules_say_of_each_contact(
    people: list[Person], channel: Channel, database: Database
) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session, channel=channel)
        form = make.form(session, live)
        contacts = [_made(session, live, person, place) for place, person in enumerate(people)]
        for chosen in (form, None):
            _compare(session, chosen, contacts)
        session.rollback()


def _compare(session: Session, form: OptInForm | None, contacts: list[Contact]) -> None:
    expected: dict[str | None, set[int]] = defaultdict(set)
    for contact in contacts:
        expected[audience.first_reason(session, contact, form)].add(contact.id)
    form_id = form.id if form else None
    found = audience.preview(session, form_id, None)
    assert (found.total, found.eligible) == (len(contacts), len(expected[None]))
    assert found.excluded == {str(name): len(ids) for name, ids in expected.items() if name and ids}
    for reason, ids in expected.items():
        assert set(audience.people(session, form_id, None, reason, limit=9)) == ids, reason


def _made(session: Session, live: SubscriptionType, person: Person, place: int) -> Contact:
    phone = NUMBERS[2 if person.said == "in before" else person.number]
    key = {"role": ContactRole.LEAD, "external_id": None} if person.lead else {}
    contact = make.contact(session, phone_number=phone, email_address=f"sam{place}@example.com", **key)
    session.flush()
    if person.lead.endswith("ken") and person.lead != "no token":
        token = f"t_{contact.id:043}"
        tokens.store(session, token, contact.id, at=make.NOON)
        if person.lead == "ended token":
            tokens.end(session, token, at=make.NOON)
    if person.said != "nothing":
        (make.opt_out if person.said == "out" else make.opt_in)(session, contact, live)
    if person.said == "in before":
        records.set_phone(session, contact, NUMBERS[person.number])
    if person.obstacle == "suppressed":
        suppressions.suppress(session, contact.phone or "", SuppressionCause.MANUAL, "?", actor="agent:1", at=make.NOON)
    elif person.obstacle == "archived":
        profile.archive(session, contact, actor="agent:1", at=make.NOON)
    elif person.obstacle == "blocked":
        records.block(session, contact, at=make.NOON)
    elif person.obstacle == "gdpr":
        records.change_gdpr_optin(session, contact, gdpr_optin=False, evidence=make.evidence(), at=make.NOON)
    session.flush()
    return contact


def test_who_said_no_or_has_no_messenger_is_left_out_for_a_reason_that_is_named(database: Database) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session)
        form = make.form(session, live)
        sam = make.contact(session, phone_number=NUMBERS[0])
        asked = make.contact(session, phone_number=NUMBERS[1])
        make.opt_in(session, asked, live)
        left = make.contact(session, phone_number=NUMBERS[2])
        make.opt_out(session, left, live)
        lead = make.contact(session, role=ContactRole.LEAD, external_id=None)
        session.flush()
        found = audience.preview(session, form.id, None)
        assert (found.total, found.eligible) == (4, 1)
        assert found.excluded == {"already_opted_in": 1, "no_messenger": 1, "opted_out": 1}
        assert audience.people(session, form.id, None, None, limit=5) == [sam.id]
        assert audience.people(session, form.id, None, "no_messenger", limit=5) == [lead.id]
        without_form = audience.preview(session, None, None)
        assert (without_form.eligible, without_form.excluded) == (3, {"no_messenger": 1})
        named = {"field": "phone", "operator": "=", "value": NUMBERS[0]}
        assert audience.preview(session, form.id, named).total == 1
