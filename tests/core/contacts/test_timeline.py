"""The timeline of a contact: newest first, each entry once, page by page."""

from datetime import timedelta

import time_machine
from sqlalchemy.orm import Session

from app.core.consent import suppressions
from app.core.contacts import merge, notes, profile, tags, timeline
from app.core.contacts import records as contacts
from app.core.contacts.timeline import Entry, Kind, Only
from app.core.conversations import lifecycle
from app.core.sms import single
from app.db import Database
from app.models import Contact
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER


def _pages(session: Session, sam: Contact, only: Only, limit: int) -> list[Entry]:
    """Every entry, read page by page."""
    found, before = [], ""
    for _ in range(100):
        page = timeline.page(session, sam, only, before=before, limit=limit)
        found += page.entries
        assert len(page.entries) == limit or page.next_before is None
        if page.next_before is None:
            return found
        before = page.next_before
    raise AssertionError("the pages never end")


def _live(session: Session) -> Contact:
    """Sam, with a life of one act a minute."""
    offers = make.live_type(session)
    form = make.form(session, offers)
    with time_machine.travel(NOON, tick=False) as clock:
        sam = profile.create(
            session, {"name": "Sam", "email": "sam@example.com", "phone": SAMS_NUMBER}, actor="agent:1", at=NOON
        )
        vip = tags.create(session, "vip", actor="agent:1", at=NOON)
        lead = make.contact(session, role="lead", external_id=None, phone_number=SAMS_NUMBER)
        acts = [
            lambda at: make.opt_in(session, sam, offers, at=at),
            lambda at: lifecycle.start(session, sam.id, at=at),
            lambda at: make.inserted(session, form, sam, at=at),
            lambda at: notes.add(session, sam.public_id, "likes tea", None, actor="agent:1", at=at),
            lambda at: tags.attach(session, sam.public_id, vip.id, actor="agent:1", at=at),
            lambda at: single.queue_to(session, sam, offers, "Cake!", actor="agent:1", at=at),
            lambda at: make.opt_out(session, lead, offers, at=at),
            lambda at: suppressions.add(session, SAMS_NUMBER, "by phone", actor="agent:1", at=at),
            lambda at: merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=at),
            lambda at: profile.archive(session, sam, actor="agent:1", at=at),
            lambda at: contacts.change_phone(session, sam, BRITISH_NUMBER, evidence=make.evidence(), at=at),
        ]
        for number, act in enumerate(acts, 1):
            clock.move_to(NOON + timedelta(minutes=number))
            act(NOON + timedelta(minutes=number))
    return sam


def test_everything_is_shown_once_and_newest_first_however_it_is_paged(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = _live(session)
        whole = _pages(session, sam, Only.ALL, 100)
        assert [each.at for each in whole] == sorted((each.at for each in whole), reverse=True)
        assert {each.kind for each in whole} == set(Kind) - {Kind.NUMBER_EVENT}  # that of the former number
        for limit in (1, 3):
            paged = _pages(session, sam, Only.ALL, limit)
            assert {(each.kind, each.id) for each in paged} == {(each.kind, each.id) for each in whole}
            assert len(paged) == len(whole)
        actions = [each.value.event.action for each in whole if each.kind == Kind.EVENT]
        assert actions == ["number_change", "opt_out", "merge", "opt_out", "opt_in"]
        contacts.change_phone(session, sam, SAMS_NUMBER, evidence=make.evidence(), at=NOON)
        assert Kind.NUMBER_EVENT in {each.kind for each in _pages(session, sam, Only.CONSENTS, 2)}


def test_a_filter_shows_its_kinds_only_and_the_parts_add_up(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = _live(session)
        parts = {only: _pages(session, sam, only, 2) for only in Only}
        assert {each.kind for each in parts[Only.CONVERSATIONS]} == {Kind.CONVERSATION, Kind.FORM, Kind.NOTE, Kind.TEXT}
        assert {each.value.event.action for each in parts[Only.CONSENTS]} == {"opt_in", "opt_out"}
        assert {each.value.action for each in parts[Only.CHANGES] if each.kind == Kind.CHANGE} == {
            "contact.created",
            "contact.tagged",
            "contact.archived",
        }
        assert len(parts[Only.ALL]) == sum(len(found) for only, found in parts.items() if only != Only.ALL)


def test_a_position_that_is_none_shows_the_first_page(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = _live(session)
        for before in ("x", "e", "e²", "e" + "9" * 40, "zz9.;"):
            first = timeline.page(session, sam, Only.ALL, before=before, limit=3)
            assert [each.at for each in first.entries] == [each.at for each in _pages(session, sam, Only.ALL, 3)[:3]]
