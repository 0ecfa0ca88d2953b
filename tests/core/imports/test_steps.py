"""Imports and their dry runs, on both databases."""

from app.db import Database
from app.models import ConsentState
from tests import make
from tests.core.imports import files


def test_a_small_file_becomes_contacts_with_consents(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session).id
    data = files.as_csv(
        [
            ["Email", "Phone Number", "First Name", "Last Name", "Tags"],
            ["sam@example.com", "+447400123456", "Sam", "Sailor", "vip, harbour"],
            ["eve@example.com", "07400 123457", "Eve", "", ""],
            ["", "not a number", "X", "", ""],
        ]
    )
    job_id, report = files.run(database, data, default_country="GB", **files.opted_in(subscription_type_id=offers))
    assert report.groups == {"new": 2}
    assert report.refused == {"number_invalid": 1}
    assert report.recorded == {"opted_in": 2}
    assert [each.phone for each in files.contacts(database)] == ["+447400123456", "+447400123457"]
    assert set(files.consents(database).values()) == {ConsentState.OPTED_IN}
    _, again = files.run(database, data, default_country="GB", **files.opted_in(subscription_type_id=offers))
    assert again.groups == {"unchanged": 2}
    assert again.consents == {"unchanged": 2}
