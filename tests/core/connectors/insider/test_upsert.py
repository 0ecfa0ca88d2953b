"""Whatever a client reports, in whatever order: no one who said no is opted in."""

import contextlib
from datetime import timedelta

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from app.core.connectors.insider import channel, upsert
from app.core.connectors.insider.record import Identifiers, Record, evidence_of
from app.core.consent import eligibility, suppressions
from app.core.contacts import records as contacts
from app.core.workspace import settings
from app.db import Database
from app.models import Source, SuppressionCause
from tests import make
from tests.make import NOON, SAMS_NUMBER

SHOP = evidence_of("api:1", "shop")
YES_NO = st.sampled_from((None, True, False))
WHO = (
    Identifiers(uuid="sam"),
    Identifiers(phone_number=SAMS_NUMBER),
    Identifiers(uuid="sam", phone_number=SAMS_NUMBER),
)
reports = st.builds(Record, st.sampled_from(WHO), sms_optin=YES_NO, gdpr_optin=YES_NO)
acts = st.lists(
    st.one_of(reports, reports, st.sampled_from(("opt_out", "opt_in", "stop", "subscribe", "unsubscribe"))), max_size=8
)


class _Undo(Exception):
    """Rolls the unit of work back."""


@hypothesis.settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts)
def test_only_the_person_is_opted_in_again_after_they_said_no(database: Database, acts: list[Record | str]) -> None:
    has_refused = is_stopped = is_closed = False
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        offers = make.live_type(session)
        settings.change(session, {"site_subscription_type_id": offers.id}, actor="agent:1", at=NOON)
        sam = make.contact(session, external_id="sam", phone_number=SAMS_NUMBER)
        for number, act in enumerate(acts):
            at = NOON + timedelta(minutes=number)
            if isinstance(act, Record):
                upsert.upsert(session, act, SHOP, at=at)
                has_refused |= act.sms_optin is False
                is_closed |= act.gdpr_optin is False
            elif act == "opt_out":
                make.opt_out(session, sam, offers, at=at)
                has_refused = True
            elif act == "opt_in" and not is_closed:
                make.opt_in(session, sam, offers, at=at, evidence=make.evidence(Source.PREFERENCE_CENTER))
                has_refused = False
            elif act == "stop":
                suppressions.suppress(session, SAMS_NUMBER, SuppressionCause.KEYWORD, "", actor="contact", at=at)
                is_stopped = True
            elif act == "subscribe":
                channel.subscribe(session, SAMS_NUMBER, SHOP, at=at)
            elif act == "unsubscribe":
                channel.unsubscribe(session, SAMS_NUMBER, SHOP, at=at)
                has_refused = True
            contacts.find(session, sam.public_id)
            is_reached = not eligibility.status(session, sam, offers).reasons
            assert not (is_reached and (has_refused or is_stopped or is_closed)), (act, number)
        raise _Undo
