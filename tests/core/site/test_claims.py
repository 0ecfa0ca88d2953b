"""Claims of pages in the database: at the same time, erased and merged."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from app.core.contacts import erase, merge
from app.core.messenger.identity import SignedUser
from app.core.site import claims, repeats
from app.core.site.claim import Claim, evidence_of
from app.core.site.user_object import UserObject
from app.core.workspace import settings
from app.db import Database
from app.models import ConsentEvent, Contact, OutboxEvent, SiteClaim
from tests import make

SIGNED = SignedUser("sam")


@pytest.fixture(autouse=True)
def offers(database: Database) -> None:
    with database.unit_of_work() as session:
        settings.get(session).site_subscription_type_id = make.live_type(session).id


def claim(signed: SignedUser | None = SIGNED, *, sms_optin: bool = True) -> Claim:
    user = UserObject(make.SAMS_NUMBER, sms_optin)
    return Claim(user, evidence_of(make.evidence(), user, "", is_signed=signed is not None), signed)


def record(database: Database, said: Claim) -> None:
    with database.unit_of_work() as session:
        claims.record(session, said, at=make.NOON)


@pytest.mark.parametrize("signed", [SIGNED, None])
def test_the_same_first_claim_at_the_same_time_is_one_event(database: Database, signed: SignedUser | None) -> None:
    ready = Barrier(4)

    def page(_number: int) -> None:
        ready.wait()
        record(database, claim(signed))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(page, range(4)))
    with database.read_only() as session:
        assert session.scalars(select(ConsentEvent.action)).all() == ["opt_in"]
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
        topics = sorted(session.scalars(select(OutboxEvent.topic)))
        assert topics == ["contact.created", "granular.subscribe"]
        assert repeats.find(session, claim(signed), at=make.NOON) is not None
        assert repeats.find(session, claim(signed, sms_optin=False), at=make.NOON) is None


def test_nothing_is_kept_of_an_erased_contact_and_one_that_was_merged(database: Database) -> None:
    record(database, claim())
    record(database, claim(None))
    with database.unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(SiteClaim)) == 2
        lead = session.scalars(select(Contact).where(Contact.role == "lead")).one()
        sam = session.scalars(select(Contact).where(Contact.external_id == "sam")).one()
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=make.NOON)
        assert session.scalars(select(SiteClaim.contact_id)).all() == [sam.id]
        erase.erase(session, sam, actor="agent:1", at=make.NOON)
        assert session.scalars(select(SiteClaim.contact_id)).all() == []
