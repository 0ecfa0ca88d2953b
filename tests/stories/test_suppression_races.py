"""A number is suppressed at the moment in which a contact with it is made or changed: it is never texted."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.consent import eligibility, eligibility_sql, locking, rules, suppressions
from app.core.consent.eligibility import Reason
from app.core.contacts import leads, profile
from app.core.messenger import signing_in
from app.core.messenger.identity import SignedUser
from app.core.signing import keys_of
from app.db import Database
from app.models import Channel, ConsentType, Contact, SubscriptionType
from tests import make
from tests.processes import PATIENCE_S

ROUNDS = int(os.environ.get("RACE_ROUNDS", "4"))
Act = Callable[[Session], object]


def create(session: Session, number: str, _sam: int) -> None:
    profile.create(session, {"role": "lead", "phone": number}, actor="api:1", at=make.NOON)


def change_number(session: Session, number: str, sam: int) -> None:
    contact = locking.lock_contact(session, sam)
    profile.change(session, contact, {"phone": number}, actor="api:1", at=make.NOON)


def unarchive(session: Session, _number: str, sam: int) -> None:
    profile.unarchive(session, locking.lock_contact(session, sam), actor="api:1", at=make.NOON)


def sign_in(session: Session, number: str, sam: int) -> None:
    user = SignedUser(session.get_one(Contact, sam).external_id or "", phone=number)
    signing_in.sign_in(session, user, None, address=None, at=make.NOON)


def answer_form(session: Session, number: str, _sam: int) -> None:
    typed = destinations.read(keys_of(session), number, Channel.SMS, region=None)
    leads.lead_for(session, Channel.SMS, typed, locale="en", at=make.NOON)


def at_once(database: Database, *acts: Act) -> None:
    """Each act in a transaction and its own thread; all begin before one of them commits."""
    begun = threading.Barrier(1 if database.is_sqlite else len(acts))

    def run(act: Act) -> None:
        with database.unit_of_work() as session:
            session.scalar(select(Contact.id).limit(1))
            begun.wait(PATIENCE_S)
            act(session)

    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(run, acts))


def blocked(session: Session, offers: SubscriptionType, number: str) -> Iterator[tuple[bool, bool]]:
    """For each contact with the number: whether it is suppressed in Python, and in SQL."""
    reason = eligibility_sql.first_reason(rules.Query(offers, ()))
    reachable = eligibility_sql.reachable(rules.Query(offers, ()))
    for contact, first, is_found in session.execute(select(Contact, reason, reachable).where(Contact.phone == number)):
        is_suppressed = Reason.SUPPRESSED in eligibility.status(session, contact, offers).reasons
        yield is_suppressed, first == Reason.SUPPRESSED and not is_found


@pytest.mark.parametrize("is_lifted", [False, True], ids=["suppressed", "lifted"])
@pytest.mark.parametrize("act", [create, change_number, unarchive, sign_in, answer_form])
def test_a_contact_that_changes_while_its_number_is_suppressed_or_lifted_has_the_right_reasons(
    database: Database,
    act: Callable[[Session, str, int], None],
    is_lifted: bool,  # noqa: FBT001
) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session, consent_type=ConsentType.OPT_OUT)
        people = [make.contact(session).id for _ in range(ROUNDS)]
    for turn, sam in enumerate(people):
        number = f"+1202555{turn + 100:04}"
        with database.unit_of_work() as session:
            phone_hash = keys_of(session).destination_hash(number)
            if act is unarchive:
                contact = locking.lock_contact(session, sam)
                profile.change(session, contact, {"phone": number}, actor="api:1", at=make.NOON)
                profile.archive(session, contact, actor="api:1", at=make.NOON)
            if is_lifted:
                suppressions.add(session, number, "by letter", actor="api:1", at=make.NOON)

        def suppress(session: Session, number: str = number) -> None:
            suppressions.add(session, number, "by letter", actor="api:1", at=make.NOON)

        def lift(session: Session, phone_hash: str = phone_hash) -> None:
            suppressions.lift(session, phone_hash, actor="api:1", at=make.NOON)

        at_once(database, lift if is_lifted else suppress, lambda s, n=number, i=sam: act(s, n, i))  # type: ignore[misc]
        with database.read_only() as session:
            expected = (False, False) if is_lifted else (True, True)
            assert list(blocked(session, offers, number)) == [expected], turn
