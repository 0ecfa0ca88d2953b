from datetime import timedelta

from sqlalchemy import select

from app.core.consent import destination_opt_outs, eligibility
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.contacts import merge
from app.core.contacts import records as contacts
from app.db import Database
from app.models import ContactRole, DestinationOptOut, Source
from tests import make


def test_an_earlier_opt_out_that_is_added_later_leaves_the_newer_time(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        event_id = make.opt_out(session, sam, offers, at=make.NOON + timedelta(hours=1)).event_id
        key = DestinationKey(sam.id, offers.id, sam.phone_hash)
        destination_opt_outs.add(session, [key], event_id, replaces_event=False, at=make.NOON)
        assert session.scalars(select(DestinationOptOut.created_at)).all() == [make.NOON + timedelta(hours=1)]


def test_an_opt_out_of_an_api_client_leaves_the_persons_own_as_the_reason(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        own = make.opt_out(session, sam, offers).event_id
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        of_client = make.opt_out(session, eve, offers, evidence=make.evidence(Source.API)).event_id
        key = DestinationKey(sam.id, offers.id, sam.phone_hash)
        destination_opt_outs.add(session, [key], of_client, replaces_event=False, at=make.NOON + timedelta(hours=3))
        kept = select(DestinationOptOut.event_id).where(DestinationOptOut.contact_id == sam.id)
        assert session.scalars(kept).all() == [own]


def test_an_opt_in_of_one_contact_leaves_the_opt_out_of_another_with_the_same_number(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, eve = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        for each in (sam, eve):
            make.opt_out(session, each, offers)
        make.opt_in(session, sam, offers, at=make.NOON + timedelta(hours=2))
        assert session.scalars(select(DestinationOptOut.contact_id)).all() == [eve.id]


def test_an_opt_out_of_a_former_number_holds_for_its_new_holder_after_a_merge(database: Database) -> None:
    """The merged contact had another number, and opted in with it, so no consent tells of the opt-out."""
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        lead = make.contact(session, role=ContactRole.LEAD, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, lead, offers)
        contacts.change_phone(session, lead, make.EVES_NUMBER, at=make.NOON)
        make.opt_in(session, lead, offers)
        user = make.contact(session, role=ContactRole.USER, external_id="70")
        merge.merge(session, lead.public_id, user.public_id, actor="agent:1", at=make.NOON)
        holder = make.contact(session, phone_number=make.SAMS_NUMBER)
        assert eligibility.status(session, holder, offers).reasons == ("opted_out",)
        [(key, _)] = destination_opt_outs.of_contact(session, user.id)
        assert key.contact_id == user.id, "the user may revoke it now"
