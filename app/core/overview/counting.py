"""Counts what outbox events tell: opt-ins and opt-outs of each type, insertions and answers of each form.

The counts follow the outbox, not the ids of ledger events. On PostgreSQL an event with a lower id can become visible
later than one with a higher id, so that a cursor of ids would miss it. An outbox event waits until it is routed, in
whatever order it becomes visible, and it is counted in the transaction that marks it as routed: exactly once.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from app.core.forms import daily_counts as form_counts
from app.core.forms import insertion
from app.core.forms.daily_counts import FormDay
from app.core.ledger import events as ledger
from app.core.ledger.events import FormAnswer
from app.core.submissions import seen
from app.core.subscriptions import daily_counts as subscription_counts
from app.core.subscriptions.daily_counts import DayCount
from app.core.workspace import days
from app.core.workspace.days import Zone
from app.models import Action, OutboxEvent

_CONSENT_TOPICS = {"granular.subscribe": DayCount(opted_in=1), "granular.unsubscribe": DayCount(opted_out=1)}
_FORM_TOPICS = {"form.inserted": "inserted", "form.submitted": "submitted"}


@dataclass
class _Counts:
    of_types: dict[tuple[int, date], DayCount] = field(default_factory=dict)
    of_forms: dict[FormDay, Counter[str]] = field(default_factory=dict)


def count(session: Session, events: Sequence[OutboxEvent]) -> None:
    """Add outbox events to the daily counts, on the day when each was written. Other topics are ignored.

    The caller routes these events in the same transaction.
    """
    counted = [event for event in events if event.topic in _CONSENT_TOPICS or event.topic in _FORM_TOPICS]
    if not counted:
        return
    zone, counts = days.zone(session), _Counts()
    _count_consents(session, counts, [event for event in counted if event.topic in _CONSENT_TOPICS], zone)
    _count_forms(session, counts, [event for event in counted if event.topic in _FORM_TOPICS], zone)
    subscription_counts.add_many(session, counts.of_types)
    form_counts.add_many(session, counts.of_forms)


def _count_consents(session: Session, counts: _Counts, events: Sequence[OutboxEvent], zone: Zone) -> None:
    """Events of a type that does not exist are left out: they must not keep the others from their webhooks."""
    known = subscription_counts.known(
        session, {each for event in events if (each := event.payload.get("subscription_type_id"))}
    )
    for event in events:
        if (type_id := event.payload.get("subscription_type_id")) in known:
            key = (type_id, zone.day(event.created_at))
            before, added = counts.of_types.get(key, DayCount()), _CONSENT_TOPICS[event.topic]
            counts.of_types[key] = DayCount(before.opted_in + added.opted_in, before.opted_out + added.opted_out)


def _count_forms(session: Session, counts: _Counts, events: Sequence[OutboxEvent], zone: Zone) -> None:
    inserted_ids = {each for event in events if (each := event.payload.get("inserted_form_id"))}
    form_ids = insertion.form_ids_of(session, inserted_ids)
    answers = ledger.form_answers(session, {each for event in events if (each := event.payload.get("event_id"))})
    submitted = {event.payload["inserted_form_id"] for event in events if event.topic == "form.submitted"}
    unseen = seen.only_by_answer(session, submitted)
    for event in events:
        inserted_id = event.payload["inserted_form_id"]
        if inserted_id not in form_ids:
            continue
        answer = answers.get(event.payload.get("event_id", 0), FormAnswer())
        key = FormDay(form_ids[inserted_id], zone.day(event.created_at), answer.locale)
        added = counts.of_forms.setdefault(key, Counter())
        added[_FORM_TOPICS[event.topic]] += 1
        added["seen"] += event.topic == "form.submitted" and inserted_id in unseen
        # A person who was signed up before has an earlier event, which is of another form or of none.
        added["signed_up"] += answer.inserted_form_id == inserted_id and answer.action == Action.OPT_IN
