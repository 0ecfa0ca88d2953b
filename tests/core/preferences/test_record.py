"""One's own consent record."""

from datetime import timedelta

from app.core.consent import suppressions
from app.core.contacts import merge
from app.core.preferences import acts, links, record
from app.db import Database
from app.models import EvidenceLevel, SmsMessage, Source
from tests import make
from tests.make import EVES_NUMBER, NOON, SAMS_NUMBER

PERSONAL = EvidenceLevel.PERSONAL_LINK


def test_the_record_has_every_event_once_over_all_pages_and_nothing_of_others(database: Database) -> None:
    said = make.evidence(Source.PREFERENCE_CENTER)
    with database.unit_of_work() as session:
        offers = make.live_type(session, translations={"de": ("Angebote", "")})
        sam, lead = (make.contact(session, phone_number=SAMS_NUMBER, role=role) for role in ("user", "lead"))
        eve = make.contact(session, phone_number=EVES_NUMBER)
        for each in (sam, lead, eve):
            make.opt_in(session, each, offers)
        link = links.find(session, links.issue(session, sam, level=PERSONAL, at=NOON))
        acts.stop_texts(session, link, said, at=NOON + timedelta(hours=1))
        suppressions.add(session, EVES_NUMBER, "by letter", actor="agent:1", at=NOON)
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=NOON + timedelta(hours=2))
        entries = record.read_all(session, link, "de", at=NOON)
        assert [each.action for each in entries] == ["merge", "opt_out", "suppress", "opt_in", "opt_in"]
        assert {each.subscription_type.name for each in entries if each.subscription_type} == {"Angebote"}
        assert {each.destination for each in entries} == {None, "+1 ••• ••• ••23"}
        paged, before = [], None
        for _ in range(9):
            page = record.read(session, link, "de", before=before, limit=2, at=NOON)
            paged += page.entries
            if (before := page.next_before) is None:
                break
        assert paged == entries


def test_the_download_lists_texts_without_their_words_and_none_for_a_link_that_proves_nothing(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        sam, eve = (make.contact(session, phone_number=number) for number in (SAMS_NUMBER, EVES_NUMBER))
        for each in (sam, eve):
            values = {"phone": each.phone, "phone_hash": each.phone_hash, "created_by": "system", "created_at": NOON}
            text = {"direction": "inbound", "state": "received", "body": "Where is my order?"}
            session.add(SmsMessage(contact_id=each.id, **values, **text))
        session.flush()
        link = links.find(session, links.issue(session, sam, level=PERSONAL, at=NOON))
        assert record.texts_of(session, link, at=NOON) == [
            {"time": NOON.isoformat(timespec="seconds"), "direction": "inbound", "purpose": None, "state": "received"}
        ]
        public = links.find(session, links.issue(session, eve, level=EvidenceLevel.WEB_UNVERIFIED, at=NOON))
        assert record.texts_of(session, public, at=NOON) == []


def test_a_link_that_proves_nothing_shows_the_events_of_its_lead_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead, other, sam = (make.contact(session, phone_number=SAMS_NUMBER, role="lead") for _ in range(3))
        link = links.find(session, links.issue(session, lead, level=EvidenceLevel.WEB_UNVERIFIED, at=NOON))
        known = links.find(session, links.issue(session, sam, level=PERSONAL, at=NOON))
        for each in (lead, other):
            make.opt_in(session, each, offers)
        acts.stop_texts(session, known, make.evidence(Source.PREFERENCE_CENTER), at=NOON)
        merge.merge(session, other.public_id, lead.public_id, actor="agent:1", at=NOON)
        entries = record.read_all(session, link, "en", at=NOON)
        assert [each.action for each in entries] == ["merge", "opt_in"]
