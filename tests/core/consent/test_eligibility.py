"""The rules in Python for one contact and in SQL for many agree."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import eligibility, eligibility_sql, rules, suppressions
from app.core.consent.eligibility import Reason
from app.core.contacts import erase, exact_counts
from app.core.contacts import filter_sql as contact_query
from app.core.contacts import records as contacts
from app.core.contacts import search as contact_search
from app.core.contacts.filters import Filter, Kind, Operator, SubscriptionStatus
from app.core.errors import InvalidState
from app.core.signing import keys_of
from app.core.sms import number_facts
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from app.models import Channel, ConsentType, Contact, SubscriptionType
from tests import make
from tests.listening import before_statements

LANDLINE = "+442079460018"
SAMS_ADDRESS, EVES_ADDRESS = "sam@example.com", "eve@example.com"
Change = Callable[[Session, Contact], object]


class _Undo(Exception):
    """Rolls the unit of work back."""


@dataclass(frozen=True)
class Person:
    phone: str | None
    email: str | None
    gdpr_optin: bool | None
    is_archived: bool
    is_blocked: bool
    is_unsubscribed: bool
    # For each subscription type: opted in or out, and whether with another number or address than the current one.
    acts: tuple[tuple[str | None, bool], ...]
    # Whether an opt-in to the first type waits to be confirmed.
    is_pending: bool


TYPES = [(channel, consent_type) for channel in Channel for consent_type in ConsentType]
STATES = ("live", "archived")
act = st.tuples(st.sampled_from((None, "opt_in", "opt_out")), st.booleans())
person = st.builds(
    Person,
    phone=st.sampled_from((None, "ask me", LANDLINE, make.SAMS_NUMBER, make.EVES_NUMBER, make.BRITISH_NUMBER)),
    email=st.sampled_from((None, "ask at the till", SAMS_ADDRESS, EVES_ADDRESS)),
    gdpr_optin=st.sampled_from((None, None, True, False)),
    is_archived=st.sampled_from((False, False, False, True)),
    is_blocked=st.sampled_from((False, False, False, True)),
    is_unsubscribed=st.sampled_from((False, False, True)),
    acts=st.tuples(*[act] * (len(TYPES) + 1)),
    is_pending=st.booleans(),
)


def test_there_is_one_rule_for_each_reason_in_the_order_of_reasons() -> None:
    assert [rule.reason for rule in rules.RULES] == list(Reason)


@hypothesis.settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(person, min_size=1, max_size=4),
    allowed_countries=st.sampled_from(([], ["US"], ["GB", "US"])),
    suppressed=st.sets(st.sampled_from((make.SAMS_NUMBER, make.BRITISH_NUMBER))),
    carrier_says=st.sampled_from((None, "undeliverable", "reassigned", "reassigned, then opted in")),
)
def test_python_and_sql_agree_for_each_contact_and_type(
    database: Database,
    people: list[Person],
    allowed_countries: list[str],
    suppressed: set[str],
    carrier_says: str | None,
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        types = [make.live_type(session, channel=each, consent_type=consent_type) for each, consent_type in TYPES]
        archived = make.live_type(session, consent_type=ConsentType.OPT_OUT)
        for each in people:
            add(session, each, [*types, archived])
        if carrier_says:
            state_fact(session, carrier_says, types)
        for number in sorted(suppressed):
            suppressions.add(session, number, "asked by letter", actor="agent:1", at=make.NOON)
        subscription_types.archive(session, archived, actor="agent:1", at=make.NOON)
        settings.change(session, {"allowed_countries": allowed_countries}, actor="agent:1", at=make.NOON)
        for subscription_type in (*types, archived, make.draft_type(session, consent_type=ConsentType.OPT_OUT)):
            assert_agreement(session, subscription_type)
        raise _Undo


def add(session: Session, described: Person, types: list[SubscriptionType]) -> Contact:
    contact = make.contact(
        session,
        phone_number=described.phone,
        email_address=described.email,
        gdpr_optin=described.gdpr_optin,
    )
    for subscription_type, (name, with_another) in zip(types, described.acts, strict=True):
        destination = described.phone if subscription_type.channel == Channel.SMS else described.email
        if name is None or destination is None:
            continue
        if with_another:
            change_destination(session, contact, subscription_type, other(subscription_type, destination))
        (make.opt_in if name == "opt_in" else make.opt_out)(session, contact, subscription_type)
        if with_another:
            change_destination(session, contact, subscription_type, destination)
    if described.is_pending and described.phone:
        make.pending_confirmation(session, contact, types[0])
    contact.unsubscribed_from_emails = described.is_unsubscribed
    contact.archived_at = make.NOON if described.is_archived else None
    if described.is_blocked:
        contacts.block(session, contact, at=make.NOON)
    contact.sms_block = eligibility.sms_block_of(contact)
    session.flush()
    return contact


def state_fact(session: Session, fact: str, types: list[SubscriptionType]) -> None:
    """What a carrier says of Sam's number; then the contacts who have it may opt in again."""
    sams_hash, later = keys_of(session).destination_hash(make.SAMS_NUMBER), make.NOON + timedelta(hours=2)
    if fact == "undeliverable":
        number_facts.mark_undeliverable(session, sams_hash, later)
        return
    number_facts.mark_reassigned(session, sams_hash, later)
    if fact != "reassigned":
        for contact in session.scalars(select(Contact).where(Contact.phone_hash == sams_hash)):
            for subscription_type in (each for each in types if each.channel == Channel.SMS):
                with contextlib.suppress(InvalidState):
                    make.opt_in(session, contact, subscription_type, at=later + timedelta(hours=1))


def other(subscription_type: SubscriptionType, destination: str) -> str:
    choices = (
        (make.SAMS_NUMBER, make.EVES_NUMBER)
        if subscription_type.channel == Channel.SMS
        else (SAMS_ADDRESS, EVES_ADDRESS)
    )
    return next(each for each in choices if each != destination)


def change_destination(
    session: Session, contact: Contact, subscription_type: SubscriptionType, destination: str
) -> None:
    if subscription_type.channel == Channel.SMS:
        contacts.change_phone(session, contact, destination, at=make.NOON)
    else:
        contacts.set_email(session, contact, destination)
        session.flush()


def assert_agreement(session: Session, subscription_type: SubscriptionType) -> None:
    session.expire_all()
    everyone = session.scalars(select(Contact)).all()
    python = {each.id: eligibility.status(session, each, subscription_type) for each in everyone}
    found = {
        SubscriptionStatus.REACHABLE: {key for key, each in python.items() if each.is_reachable},
        SubscriptionStatus.SUBSCRIBED: {key for key, each in python.items() if each.is_subscribed},
        **{
            SubscriptionStatus(state): {key for key, each in python.items() if each.state == state}
            for state in ("opted_in", "opted_out", "never_asked")
        },
    }
    assert {each: sql(session, subscription_type, each) for each in found} == found, {
        key: each.reasons for key, each in python.items()
    }
    listed = {each.id for each in everyone if each.archived_at is None}
    assert {each: counted(session, subscription_type, each) for each in found} == {
        each: len(ids & listed) for each, ids in found.items()
    }
    query = rules.Query(subscription_type, tuple(settings.get(session).allowed_countries))
    of_channel = [rule for rule in rules.RULES if subscription_type.channel in rule.channels]
    columns = [rule.condition(query).label(rule.reason.value) for rule in of_channel]
    for row in session.execute(select(Contact, *columns)):
        reasons = python[row[0].id].reasons
        hidden = _HIDDEN if row[0].sms_block not in {None, *_HIDDEN} else frozenset()
        in_sql = {rule.reason for rule, applies in zip(of_channel, row[1:], strict=True) if applies}
        assert in_sql == set(reasons) - hidden
    first = session.execute(select(Contact.id, eligibility_sql.first_reason(query))).all()
    assert {row[0]: row[1] for row in first} == {
        key: each.reasons[0].value if each.reasons else None for key, each in python.items()
    }


# ``contacts.sms_block`` holds what is wrong with a number only where no earlier reason stops all texts.
_HIDDEN = frozenset({Reason.PHONE_INVALID, Reason.PHONE_NOT_SMS_CAPABLE})


def sql(
    session: Session, subscription_type: SubscriptionType, status: SubscriptionStatus = SubscriptionStatus.REACHABLE
) -> set[int]:
    """The ids of the contacts that the SQL conditions find."""
    query = Filter(Kind.SUBSCRIPTION, str(subscription_type.id), Operator.EQUALS, (status.value,))
    condition = contact_query.condition(query, contact_search.context_of(session, query))
    return set(session.scalars(select(Contact.id).where(condition)))


def counted(session: Session, subscription_type: SubscriptionType, status: SubscriptionStatus) -> int | None:
    """How many listed contacts the exact count finds."""
    query = Filter(Kind.SUBSCRIPTION, str(subscription_type.id), Operator.EQUALS, (status.value,))
    return exact_counts.of_subscription(session, query, contact_search.context_of(session, query))


def archive(_session: Session, contact: Contact) -> None:
    contact.archived_at = make.NOON
    contact.sms_block = eligibility.sms_block_of(contact)


def unsubscribe(_session: Session, contact: Contact) -> None:
    contact.unsubscribed_from_emails = True


CAUSES: Mapping[str, tuple[Reason, Change, frozenset[Channel]]] = {
    "archived": (Reason.ARCHIVED, archive, frozenset(Channel)),
    "blocked": (Reason.BLOCKED, lambda s, sam: contacts.block(s, sam, at=make.NOON), frozenset(Channel)),
    "refused everything": (
        Reason.GDPR_OPTOUT,
        lambda s, sam: contacts.change_gdpr_optin(s, sam, gdpr_optin=False, at=make.NOON),
        frozenset(Channel),
    ),
    "no phone": (
        Reason.NO_PHONE,
        lambda s, sam: contacts.change_phone(s, sam, None, at=make.NOON),
        frozenset({Channel.SMS}),
    ),
    "no number": (
        Reason.PHONE_INVALID,
        lambda s, sam: contacts.change_phone(s, sam, "ask me", at=make.NOON),
        frozenset({Channel.SMS}),
    ),
    "landline": (
        Reason.PHONE_NOT_SMS_CAPABLE,
        lambda s, sam: contacts.change_phone(s, sam, LANDLINE, at=make.NOON),
        frozenset({Channel.SMS}),
    ),
    "country": (
        Reason.COUNTRY_NOT_ALLOWED,
        lambda s, _: settings.change(s, {"allowed_countries": ["GB"]}, actor="agent:1", at=make.NOON),
        frozenset({Channel.SMS}),
    ),
    "suppressed": (
        Reason.SUPPRESSED,
        lambda s, _: suppressions.add(s, make.SAMS_NUMBER, "a letter", actor="agent:1", at=make.NOON),
        frozenset({Channel.SMS}),
    ),
    "undeliverable": (
        Reason.NUMBER_UNDELIVERABLE,
        lambda s, sam: number_facts.mark_undeliverable(s, str(sam.phone_hash), make.NOON),
        frozenset({Channel.SMS}),
    ),
    "reassigned": (
        Reason.NUMBER_REASSIGNED,
        lambda s, sam: number_facts.mark_reassigned(s, str(sam.phone_hash), make.NOON),
        frozenset({Channel.SMS}),
    ),
    "no address": (Reason.NO_EMAIL, lambda s, sam: contacts.set_email(s, sam, None), frozenset({Channel.EMAIL})),
    "odd address": (Reason.EMAIL_INVALID, lambda s, sam: contacts.set_email(s, sam, "?"), frozenset({Channel.EMAIL})),
    "unsubscribed": (Reason.OPTED_OUT, unsubscribe, frozenset({Channel.EMAIL})),
}


@pytest.mark.parametrize(
    ("cause", "channel"), [(cause, each) for cause, (_, _, channels) in CAUSES.items() for each in sorted(channels)]
)
def test_python_and_sql_exclude_a_contact_for_each_reason_alone(
    database: Database, cause: str, channel: Channel
) -> None:
    reason, apply, _ = CAUSES[cause]
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session, channel=channel, consent_type=ConsentType.OPT_OUT)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address=SAMS_ADDRESS)
        assert sql(session, subscription_type) == {sam.id}
        apply(session, sam)
        session.flush()
        session.expire_all()
        assert reason in eligibility.status(session, sam, subscription_type).reasons
        assert sql(session, subscription_type) == set()
        assert_agreement(session, subscription_type)


@pytest.mark.parametrize("channel", Channel)
def test_contacts_with_a_destination_that_another_contact_opted_out_with_are_not_reachable(
    database: Database, channel: Channel
) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session, channel=channel)
        sam, eve = (make.contact(session, phone_number=make.SAMS_NUMBER, email_address=SAMS_ADDRESS) for _ in range(2))
        for each in (sam, eve):
            make.opt_in(session, each, subscription_type)
        assert sql(session, subscription_type) == {sam.id, eve.id}
        make.opt_out(session, sam, subscription_type)
        assert eligibility.status(session, eve, subscription_type).reasons == (Reason.OPTED_OUT,)
        assert sql(session, subscription_type) == set()


def test_two_contacts_with_the_same_text_that_is_no_address_are_two_people(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session, channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT)
        sam, eve = (make.contact(session, email_address="ask at the till") for _ in range(2))
        make.opt_out(session, sam, news)
        assert eligibility.status(session, sam, news).reasons == (Reason.EMAIL_INVALID, Reason.OPTED_OUT)
        assert eligibility.status(session, eve, news).reasons == (Reason.EMAIL_INVALID,)
        assert_agreement(session, news)


def test_an_erased_contacts_opt_out_applies_to_the_next_contact_with_its_address(database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session, channel=Channel.EMAIL, consent_type=ConsentType.OPT_OUT)
        sam = make.contact(session, email_address=SAMS_ADDRESS)
        make.opt_out(session, sam, subscription_type)
        erase.erase(session, sam, actor="agent:1", at=make.NOON)
        eve = make.contact(session, email_address=SAMS_ADDRESS)
        assert session.get_one(Contact, sam.id).email_hash is None
        assert eligibility.status(session, eve, subscription_type).reasons == (Reason.OPTED_OUT,)
        assert sql(session, subscription_type) == set()


def test_a_number_of_an_allowed_countrys_territory_is_allowed(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        jersey = make.contact(session, phone_number="+447797712345")
        make.opt_in(session, jersey, offers)
        for allowed, is_reachable in ((["GB"], True), (["IE"], False)):
            settings.change(session, {"allowed_countries": allowed}, actor="agent:1", at=make.NOON)
            session.flush()
            assert eligibility.status(session, jersey, offers).is_reachable is is_reachable
            condition = eligibility_sql.reachable(rules.Query(offers, tuple(allowed)))
            assert session.scalars(select(Contact.id).where(condition)).all() == [jersey.id] * is_reachable


def test_the_statuses_of_many_types_take_as_many_statements_as_that_of_one(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER, email_address=SAMS_ADDRESS)
        make.opt_in(session, sam, make.live_type(session))
    counts = [_statements_of_statuses(database, sam.public_id)]
    with database.unit_of_work() as session:
        sam = contacts.find(session, sam.public_id)
        types = [make.live_type(session, channel=channel) for channel in Channel for _ in range(6)]
        make.opt_out(session, sam, types[0])
        make.opt_in(session, sam, types[-1])
        make.pending_confirmation(session, sam, types[1])
    counts.append(_statements_of_statuses(database, sam.public_id))
    assert counts[0] == counts[1]
    with database.read_only() as session:
        sam = contacts.find(session, sam.public_id)
        found = eligibility.statuses(session, sam)
        assert found == [eligibility.status(session, sam, each.subscription_type) for each in found]
    assert len(found) == 13


def _statements_of_statuses(database: Database, public_id: str) -> int:
    """How many statements read the statuses of a contact."""
    began: list[str] = []
    database.trace = began.append
    with database.read_only() as session, before_statements(database, lambda *seen: began.append(seen[2])):
        assert eligibility.statuses(session, contacts.find(session, public_id))
    database.trace = None
    return len(began)
