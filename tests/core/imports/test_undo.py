"""The undo of an import, on both databases."""

from app.core import clock
from app.core.contacts import notes, profile, tags
from app.core.contacts import records as records
from app.db import Database
from app.models import Contact
from tests import make
from tests.core.imports import files

HEADINGS = ["User ID", "Email", "Phone", "Name", "Tags", "Plan"]
COLUMNS = ["external_id", "email", "phone", "name", "tags", "attribute:text:Plan"]


def test_an_undo_archives_restores_and_takes_back_except_where_somebody_acted_since(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        known = make.contact(session, external_id="known", name="", phone_number="+447400123450", email_address=None)
        known.custom_attributes = {"Plan": "free"}
        renamed = make.contact(session, external_id="renamed", name="Old", phone_number=None)
        left = make.contact(session, external_id="left", phone_number="+447400123459")
        ids = {each.external_id: each.id for each in (known, renamed, left)}
        type_id = offers.id
    data = files.as_csv(
        [
            HEADINGS,
            ["known", "known@example.com", "+447400123451", "Known", "vip", "gold"],
            ["renamed", "", "", "New", "", ""],
            ["left", "", "+447400123459", "", "", ""],
            ["fresh", "fresh@example.com", "+447400123452", "Fresh", "vip", ""],
            ["noted", "", "+447400123453", "Noted", "", ""],
            ["opted", "", "+447400123454", "Opted", "", ""],
        ]
    )
    options = files.opted_in(subscription_type_id=type_id, existing="overwrite")
    job_id, report = files.run(database, data, COLUMNS, **options)
    assert report.groups == {"new": 3, "changed": 2, "unchanged": 1}
    assert report.recorded == {"opted_in": 5}
    assert report.consents == {"changed": 5, "no_destination": 1}
    with database.unit_of_work() as session:
        by = {each.external_id: each for each in session.query(Contact)}
        profile.change(session, by["renamed"], {"name": "Newest"}, actor="agent:1", at=clock.now())
        notes.add(session, by["noted"].public_id, "Called", make.agent(session), actor="agent:1", at=clock.now())
        make.opt_out(session, by["opted"], session.get_one(type(offers), type_id), at=clock.now())
    undone = files.undo(database, job_id)
    assert undone["changed"] == 3  # known, left, fresh
    assert undone["skipped"] == {"changed_since": 3}
    after = {each.external_id: each for each in files.contacts(database)}
    assert (after["known"].name, after["known"].email, after["known"].phone) == ("", None, "+447400123450")
    assert after["known"].custom_attributes == {"Plan": "free"}
    assert after["renamed"].name == "Newest"
    assert after["fresh"].archived_at is not None
    assert after["noted"].archived_at is None
    assert after["opted"].archived_at is None
    with database.read_only() as session:
        assert tags.of_contact(session, ids["known"]) == []
    assert files.consents(database) == {after["opted"].id: "opted_out"}
