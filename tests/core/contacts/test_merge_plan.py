"""What a merge would do is shown before, and it does exactly that."""

import contextlib
from collections.abc import Sequence

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.core.consent import eligibility
from app.core.consent.eligibility import SubscriptionStatus
from app.core.contacts import merge, merge_plan
from app.core.contacts import records as contacts
from app.core.errors import Conflict, InvalidInput
from app.db import Database
from app.models import Channel, ConsentState, ConsentType, Contact, SubscriptionType
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER

NUMBERS = (None, SAMS_NUMBER, BRITISH_NUMBER)
SHOWN = ("name", "email", "phone", "custom_attributes", "gdpr_optin", "blocked_at", "sms_block", "external_id")
act = st.tuples(st.sampled_from((None, None, "opt_in", "opt_out")), st.sampled_from(NUMBERS[1:]))
someone = st.fixed_dictionaries(
    {
        "phone": st.sampled_from(NUMBERS),
        "email": st.sampled_from((None, "sam@example.com")),
        "gdpr_optin": st.sampled_from((None, None, True, False)),
        "is_blocked": st.sampled_from((False, False, True)),
        "acts": st.tuples(act, act, act),
    }
)


class _Undo(Exception):
    """Rolls the unit of work back."""


def _said(statuses: Sequence[SubscriptionStatus]) -> list[tuple[int, ConsentState, bool, tuple[str, ...]]]:
    return [(each.subscription_type.id, each.state, each.is_subscribed, each.reasons) for each in statuses]


def _person(session: Session, values: dict[str, object], types: Sequence[SubscriptionType], **more: object) -> Contact:
    """A contact that said what ``values`` tell, partly with another number than it has now."""
    person = make.contact(session, **more)
    contacts.set_email(session, person, values["email"])  # type: ignore[arg-type]
    for (said, number), each in zip(values["acts"], types, strict=True):  # type: ignore[call-overload]
        contacts.set_phone(session, person, number)
        if said and (each.channel == Channel.SMS or person.email):
            (make.opt_in if said == "opt_in" else make.opt_out)(session, person, each)
    contacts.set_phone(session, person, values["phone"])  # type: ignore[arg-type]
    contacts.change_gdpr_optin(session, person, gdpr_optin=values["gdpr_optin"], at=NOON)  # type: ignore[arg-type]
    if values["is_blocked"]:
        contacts.block(session, person, at=NOON)
    session.flush()
    return person


@pytest.mark.databases("sqlite")
@hypothesis.settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lead=someone, user=someone, other=someone)
def test_the_result_of_a_merge_is_what_its_plan_said(
    database: Database, lead: dict[str, object], user: dict[str, object], other: dict[str, object]
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        types = [
            make.live_type(session),
            make.live_type(session, consent_type=ConsentType.OPT_OUT),
            make.live_type(session, channel=Channel.EMAIL),
        ]
        _person(session, {**other, "email": None}, types)
        source = _person(session, lead, types, role="lead", external_id=None, name="Lead")
        target = _person(session, user, types, name=None)
        plan = merge_plan.decide(session, source, target)
        shown = _said(plan.after), {name: getattr(plan.merged, name) for name in SHOWN}
        both_out = [
            any(eligibility.status(session, each, subscription_type).state == ConsentState.OPTED_OUT for each in pair)
            for pair, subscription_type in (((source, target), each) for each in types)
        ]
        merge.merge(session, source.public_id, target.public_id, actor="agent:1", at=NOON)
        session.expire_all()
        result = _said(eligibility.statuses(session, target)), {name: getattr(target, name) for name in SHOWN}
        assert result == shown
        after = {each: state for each, state, *_ in result[0]}
        assert all(after[each.id] == ConsentState.OPTED_OUT for each, out in zip(types, both_out, strict=True) if out)
        raise _Undo


def test_a_plan_is_refused_like_the_merge(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session), make.contact(session)
        lead = make.contact(session, role="lead", external_id=None, email_address="max@example.com")
        make.contact(session, email_address="max@example.com")
        for source, target, error in ((sam, sam, InvalidInput), (sam, eve, InvalidInput), (sam, lead, InvalidInput)):
            with pytest.raises(error):
                merge_plan.decide(session, source, target)
        with pytest.raises(Conflict, match="id="):
            merge_plan.decide(session, lead, sam)
        assert merge_plan.decide(session, sam, eve, skip_duplicate_validation=True).merged.id == eve.id


@pytest.mark.databases("sqlite")
def test_a_user_stays_rather_than_a_lead_and_the_older_rather_than_the_younger(database: Database) -> None:
    with database.unit_of_work() as session:
        lead = make.contact(session, role="lead", external_id=None)
        old, young = make.contact(session), make.contact(session)
        archived = make.contact(session)
        archived.archived_at = NOON
        for ends, stays in ((lead, old), (lead, young), (young, old), (archived, lead), (archived, old)):
            assert merge_plan.ends_and_stays(stays, ends) == merge_plan.ends_and_stays(ends, stays) == (ends, stays)
