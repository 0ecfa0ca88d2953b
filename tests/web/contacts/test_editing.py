"""Agents create contacts and edit their details; a new number is saved once its effects were seen."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.workspace import settings
from app.db import Database
from app.models import AuditEntry, ConsentEvent, Contact
from tests import make
from tests.make import BRITISH_NUMBER, EVES_NUMBER, SAMS_NUMBER
from tests.web import pages


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        sam = make.contact(session, name="Sam", external_id="sam-1", phone_number=SAMS_NUMBER)
        sam.custom_attributes = {"tier": "gold", "orders": 7, "vip": True}
        return sam


def _values(**values: str) -> dict[str, str]:
    fields = {
        "name": "Sam",
        "role": "user",
        "country": "US",
        "phone": "+1 202-555-0123",
        "email": "",
        "external_id": "sam-1",
        "locale": "",
        "time_zone": "",
        "owner_id": "",
        "new_name": "",
        "new_type": "string",
        "new_value": "",
        "attribute-tier": "gold",
        "attribute-orders": "7",
        "attribute-vip": "true",
    }
    return fields | values


def _edit(client: FlaskClient, sam: Contact, **values: str) -> tuple[int, str]:
    address = f"/contacts/{sam.public_id}/edit"
    answer = pages.submit(client, address, _values(**values))
    return answer.status_code, answer.text


def _stored(database: Database, sam: Contact) -> Contact:
    with database.read_only() as session:
        return session.get_one(Contact, sam.id)


def test_a_contact_is_created_with_a_number_read_in_the_chosen_country(ana: FlaskClient, database: Database) -> None:
    values = {"role": "lead", "name": "Sam", "country": "GB", "phone": "07400 123456", "new_type": "float"}
    values |= {"new_name": "visits", "new_value": "3", "locale": "de", "time_zone": "Europe/Berlin"}
    answer = pages.submit(ana, "/contacts/new", values, follow_redirects=True)
    assert "The contact is created." in answer.text
    with database.read_only() as session:
        found = session.scalars(select(Contact)).one()
        assert (found.role, found.phone, found.locale, found.time_zone) == (
            "lead",
            BRITISH_NUMBER,
            "de",
            "Europe/Berlin",
        )
        assert found.custom_attributes == {"visits": 3}
        audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.created")).one()
        assert audited.actor.startswith("agent:")


def test_all_mistakes_are_reported_together_and_nothing_is_saved(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    status, html = _edit(
        ana,
        sam,
        name="Samira",
        phone="020 55",
        email="sam@",
        time_zone="Mars/Base",
        external_id="",
        owner_id="9" * 30,
        new_value="5",
        **{"attribute-orders": "many"},
    )
    assert status == 422
    for says in (
        "No teammate has this id.",
        "too short (United States",
        "Choose a time zone such as Europe/Berlin.",
        "Enter a number, for example 12 or 4.5.",
        "Give the attribute a name",
        "Email address</a>:",
    ):
        assert says in html, says
    assert 'value="Samira"' in html
    assert _stored(database, sam).name == "Sam"
    for owner_id in ("4711", "9" * 30, "²", "-1"):
        status, html = _edit(ana, sam, owner_id=owner_id)
        assert (status, "No teammate has this id." in html) == (422, True)
    status, html = _edit(ana, sam, external_id="", email="")
    assert status == 422
    assert "A user needs an email address or an external id." in html


def test_details_are_saved_and_the_audit_log_names_those_that_changed(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    status, _ = _edit(
        ana,
        sam,
        name="Sam Rivera",
        email="Sam@Example.com",
        new_name="birthday",
        new_value="1 May",
        **{"attribute-tier": "", "attribute-orders": "8", "attribute-vip": "false"},
    )
    found = _stored(database, sam)
    assert (status, found.name, found.email, found.phone) == (303, "Sam Rivera", "sam@example.com", SAMS_NUMBER)
    assert found.custom_attributes == {"orders": 8, "vip": False, "birthday": "1 May"}
    with database.read_only() as session:
        changed = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.updated")).one()
        assert changed.details == {"fields": ["custom_attributes", "email", "name"]}


def test_an_attribute_that_is_in_use_keeps_its_type(ana: FlaskClient, database: Database, sam: Contact) -> None:
    with database.unit_of_work() as session:
        eve = make.contact(session, external_id="eve", phone_number=None)
    for chosen, value, status in (("string", "nine", 422), ("float", "nine", 422), ("float", "9", 303)):
        values = {"external_id": "eve", "role": "user", "new_name": "orders", "new_type": chosen, "new_value": value}
        answer = pages.submit(ana, f"/contacts/{eve.public_id}/edit", values)
        assert answer.status_code == status
    assert _stored(database, eve).custom_attributes == {"orders": 9}


def test_a_conflict_links_to_the_other_contact_and_offers_to_merge(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        eve = make.contact(session, name="Eve", email_address="eve@example.com")
    status, html = _edit(ana, sam, email="eve@example.com")
    assert status == 422
    assert f'href="/contacts/{eve.public_id}/merge/{sam.public_id}"' in html
    new = {"role": "user", "email": "eve@example.com", "new_type": "string"}
    created = pages.submit(ana, "/contacts/new", new)
    assert created.status_code == 422
    assert f'href="/contacts/{eve.public_id}"' in created.text
    assert _stored(database, sam).email is None


def test_a_new_number_is_shown_with_what_it_does_before_it_is_saved(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, sam, make.live_type(session))
        eve = make.contact(session, name="Eve", phone_number=EVES_NUMBER)
    status, html = _edit(ana, sam, phone="202 555 0199", name="Sam <R>")
    assert status == 200
    assert "No longer counts: they opted in with the old number." in html
    assert f'href="/contacts/{eve.public_id}/merge/{sam.public_id}"' in html
    assert 'name="name" value="Sam &lt;R&gt;"' in html
    assert _stored(database, sam).phone == SAMS_NUMBER
    status, _ = _edit(ana, sam, phone="202 555 0199", confirmed=SAMS_NUMBER)
    assert status == 200, "another number was confirmed"
    status, _ = _edit(ana, sam, phone="202 555 0199", name="Sam <R>", confirmed=EVES_NUMBER)
    assert status == 303
    assert (_stored(database, sam).phone, _stored(database, sam).name) == (EVES_NUMBER, "Sam <R>")
    with database.read_only() as session:
        assert session.scalars(select(ConsentEvent.action).order_by(ConsentEvent.id.desc()).limit(1)).one() == (
            "number_change"
        )
    status, html = _edit(ana, sam, phone="+12025550123")
    assert "Counts again: they opted in with this number before." in html
    assert _edit(ana, sam, phone="+12025550123", confirmed=SAMS_NUMBER)[0] == 303
    assert "Save without a number" in _edit(ana, sam, phone="")[1]
    assert _edit(ana, sam, phone="", confirmed="-")[0] == 303
    assert _stored(database, sam).phone is None


def test_a_number_of_a_country_that_is_not_allowed_is_refused(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"allowed_countries": ["US"]}, actor="agent:1", at=make.NOON)
    status, html = _edit(ana, sam, phone=BRITISH_NUMBER)
    assert status == 422
    assert "texts to this country" in html
    assert _edit(ana, sam, name="Samira")[0] == 303
