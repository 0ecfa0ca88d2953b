"""The daily counts equal what the ledger and the inserted forms say, whatever happened in which order."""

import random
import threading
from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import outbox
from app.core.forms import daily_counts as form_counts
from app.core.forms.daily_counts import FormTotals
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import daily_counts as type_counts
from app.core.subscriptions.daily_counts import DayCount
from app.core.workspace import settings
from app.db import Database
from app.jobs.route_outbox import sweep_outbox
from app.models import Action, ConsentEvent, Contact, EvidenceLevel, OptInForm, Source, SubscriptionType
from tests import make

ZONE = "Pacific/Auckland"
EVER = date(2026, 1, 1)


def test_counts_of_a_random_history_equal_the_events_of_the_ledger_by_local_day(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"time_zone": ZONE}, actor="agent:1", at=make.NOON)
        types = [make.live_type(session, name=name) for name in ("Offers", "News")]
        people = [make.contact(session, phone_number=f"+120255501{number}") for number in range(10, 14)]
        live(session, people, types, random.Random(11))
    sweep_outbox(database)
    with database.read_only() as session:
        naive = Counter(
            (event.subscription_type_id, event.occurred_at.astimezone(ZoneInfo(ZONE)).date(), event.action)
            for event in session.scalars(select(ConsentEvent))
        )
        found = type_counts.since(session, EVER)
    counted = {(type_id, day): found[type_id][day] for type_id in found for day in found[type_id]}
    assert len(counted) > 6
    assert counted == {
        (type_id, day): DayCount(naive[type_id, day, Action.OPT_IN], naive[type_id, day, Action.OPT_OUT])
        for type_id, day, _ in naive
    }


def live(session: Session, people: list[Contact], types: list[SubscriptionType], chance: random.Random) -> None:
    """Sixty changes at random times of ten days."""
    minutes = sorted(chance.randrange(10 * 24 * 60) for _ in range(60))
    for at in (make.NOON + timedelta(minutes=each) for each in minutes):
        act = chance.choice([make.opt_in, make.opt_out])
        act(session, chance.choice(people), chance.choice(types), at=at)


def test_two_workers_count_each_change_once(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for number in range(10, 30):
            make.opt_in(session, make.contact(session, phone_number=f"+120255501{number}"), offers)
    workers = [threading.Thread(target=sweep_outbox, args=(database,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with database.read_only() as session:
        assert type_counts.since(session, EVER) == {offers.id: {make.NOON.date(): DayCount(20, 0)}}


def test_a_form_is_counted_by_the_language_it_was_shown_in(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        form, other = make.form(session, offers), make.form(session, offers)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        answer(session, form, sam, offers, "es")
        answer(session, other, sam, offers, "es")  # signed up already
        answer(session, form, eve, offers, "de")
        make.inserted(session, form, eve)
    sweep_outbox(database)
    with database.read_only() as session:
        counted = form_counts.totals_since(session, EVER)
    assert counted == {
        (form.id, ""): FormTotals(inserted=3),
        (form.id, "es"): FormTotals(0, 0, 1, 1),
        (form.id, "de"): FormTotals(0, 0, 1, 1),
        (other.id, ""): FormTotals(inserted=1),
        (other.id, "es"): FormTotals(0, 0, 1, 0),
    }


def answer(
    session: Session, form: OptInForm, contact: Contact, subscription_type: SubscriptionType, locale: str
) -> None:
    """An answer as ``submissions.submit`` records it: a repeated opt-in writes no event."""
    inserted = make.inserted(session, form, contact)
    evidence = Evidence(
        Source.FORM, "contact", EvidenceLevel.PERSONAL_LINK, locale=locale, inserted_form_id=inserted.id
    )
    change = make.opt_in(session, contact, subscription_type, evidence=evidence)
    payload = {"event_id": change.event_id, "inserted_form_id": inserted.id}
    outbox.add(session, ["form.submitted"], contact_id=contact.id, payload=payload, at=make.NOON)
