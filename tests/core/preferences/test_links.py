"""Links to the preference center."""

from datetime import timedelta

import pytest

from app.core.contacts import erase, merge
from app.core.errors import NotFound
from app.core.preferences import links
from app.db import Database
from app.models import EvidenceLevel
from tests import make
from tests.make import NOON

PERSONAL, UNVERIFIED = EvidenceLevel.PERSONAL_LINK, EvidenceLevel.WEB_UNVERIFIED


def test_a_link_has_sixteen_characters_and_finds_its_contact(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        token = links.issue(session, sam, level=PERSONAL, at=NOON)
        assert len(token) == 16
        assert links.find(session, token) == links.Link(token, sam.id, PERSONAL, NOON)
        for unknown in ("", token[:-1], token + "x", "é" * 16, token.swapcase()):
            with pytest.raises(NotFound):
                links.find(session, unknown)


def test_a_link_of_the_same_level_is_used_again_for_a_day(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session), make.contact(session)
        token = links.issue(session, sam, level=PERSONAL, at=NOON)
        assert links.issue(session, sam, level=PERSONAL, at=NOON + timedelta(hours=23)) == token
        later = links.issue(session, sam, level=PERSONAL, at=NOON + timedelta(days=1))
        others = {
            links.issue(session, sam, level=UNVERIFIED, at=NOON),
            links.issue(session, eve, level=PERSONAL, at=NOON),
        }
        assert len({token, later, *others}) == 4
        with pytest.raises(ValueError, match="level"):
            links.issue(session, sam, level=EvidenceLevel.OTP, at=NOON)


def test_a_link_that_is_given_out_today_changes_for_sixty_days_and_finds_its_contact_for_ever(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        links.issue(session, sam, level=PERSONAL, at=NOON)
        given_out = NOON + links.REUSED_FOR - timedelta(seconds=1)
        link = links.find(session, links.issue(session, sam, level=PERSONAL, at=given_out))
        assert link.issued_at == NOON
        assert not link.is_expired(given_out + timedelta(days=60))
        assert link.is_expired(NOON + timedelta(days=61))


def test_a_link_of_a_merged_contact_acts_for_the_target_unless_it_proves_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        lead, sam = make.contact(session, role="lead", external_id=None), make.contact(session)
        token, unproven = (links.issue(session, lead, level=level, at=NOON) for level in (PERSONAL, UNVERIFIED))
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=NOON)
        assert links.find(session, token).contact_id == sam.id
        with pytest.raises(NotFound):
            links.find(session, unproven)


def test_a_link_of_an_erased_contact_finds_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        token = links.issue(session, sam, level=PERSONAL, at=NOON)
        erase.erase(session, sam, actor="agent:1", at=NOON)
        with pytest.raises(NotFound):
            links.find(session, token)
