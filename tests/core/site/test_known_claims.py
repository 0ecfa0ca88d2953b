"""What one process remembers of claims, beside others."""

from datetime import timedelta

from app.core.site import claims
from app.core.site.claim import Claim, evidence_of
from app.core.site.known_claims import CLAIMS_MAX, KnownClaims
from app.core.site.user_object import UserObject
from app.core.workspace import settings
from app.db import Database
from tests import make

VERSION = (1, 1)


def claim(*, sms_optin: bool, number: str = make.SAMS_NUMBER) -> Claim:
    user = UserObject(number, sms_optin)
    return Claim(user, evidence_of(make.evidence(), user, "", is_signed=False))


def test_a_claim_is_known_until_the_person_is_said_to_think_otherwise(database: Database) -> None:
    first, second = KnownClaims(), KnownClaims()
    yes, no, at = claim(sms_optin=True), claim(sms_optin=False), make.NOON
    with database.unit_of_work() as session:
        settings.get(session).site_subscription_type_id = make.live_type(session).id
    for known in (first, second):
        known.policy(database, at=at)

    def record(known: KnownClaims, said: Claim) -> None:
        with database.unit_of_work() as session:
            known.keep(said, VERSION, claims.record(session, said, at=at), at=at)

    record(first, yes)
    assert first.find(yes, VERSION, at=at) is not None
    assert first.find(yes, (2, 1), at=at) is None, "the settings changed"
    assert first.find(no, VERSION, at=at) is None
    at += timedelta(seconds=6)
    record(second, no)
    assert first.find(yes, VERSION, at=at) is not None, "for a few seconds"
    first.policy(database, at=at)
    assert first.find(yes, VERSION, at=at) is None, "another process recorded another claim"
    second.policy(database, at=at)
    assert second.find(no, VERSION, at=at) is not None
    assert second.find(no, VERSION, at=at + timedelta(hours=1)) is None


def test_memory_is_bounded() -> None:
    known, at = KnownClaims(), make.NOON
    for number in range(CLAIMS_MAX + 10):
        known.keep(claim(sms_optin=True, number=f"+1{number}"), VERSION, claims.Recorded(about=str(number)), at=at)
    assert len(known._claims) == len(known._subjects) == CLAIMS_MAX
    assert known.find(claim(sms_optin=True, number="+10"), VERSION, at=at) is None


def test_one_address_may_only_call_so_often_in_a_minute() -> None:
    known, at = KnownClaims(), make.NOON
    waits = [known.seconds_to_wait("192.0.2.1", at=at) for _ in range(6_001)]
    assert (waits[-2], waits[-1]) == (None, 60)
    assert known.seconds_to_wait("192.0.2.2", at=at) is None
    assert known.seconds_to_wait("192.0.2.1", at=at + timedelta(minutes=1)) is None
