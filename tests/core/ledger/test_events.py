from sqlalchemy import select

from app.core.wording import FrozenWording
from app.db import Database
from app.db.statements import DRIVER
from app.models import ConsentEvidence
from tests import make


def test_a_wording_that_was_rolled_back_is_stored_with_the_next_event(database: Database) -> None:
    words = FrozenWording("en", "By signing up you agree to get texts.", "c0ffee")
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
    with database.unit_of_work() as session:
        make.opt_in(session, sam, offers, evidence=make.evidence(words=words))
        session.rollback()
    with database.unit_of_work() as session:
        make.opt_in(session, sam, offers, evidence=make.evidence(words=words))
    with database.read_only() as session:
        assert [each.wording_hash for each in session.scalars(select(ConsentEvidence))] == ["c0ffee"]


def test_a_process_stores_a_wording_until_it_finds_it_stored(database: Database) -> None:
    words = FrozenWording("en", "By signing up you agree to get texts.", "c0ffee")
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
    stored = []
    for change in (make.opt_in, make.opt_out, make.opt_in):
        with database.unit_of_work() as session:
            seen: list[str] = []
            session.info[DRIVER].trace = seen.append
            change(session, sam, offers, evidence=make.evidence(words=words))
            stored.append(sum("INTO wordings" in each for each in seen))
    assert stored == [1, 1, 0]


def test_every_evidence_has_its_own_salt(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        make.opt_out(session, sam, offers)
        salts = [each.salt for each in session.scalars(select(ConsentEvidence))]
    assert len(set(salts)) == 2
    assert all(salt and len(salt) == 16 for salt in salts)
