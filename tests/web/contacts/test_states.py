"""Archiving, blocking, stopping a number, erasing, tagging: each from the contact's page, and audited."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.consent import suppressions
from app.core.contacts import profile
from app.db import Database
from app.models import AuditEntry, Contact, Suppression, SuppressionCause
from tests import make
from tests.make import NOON, SAMS_NUMBER
from tests.web import pages


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(session, name="Sam", external_id="sam-1", phone_number=SAMS_NUMBER)


def _post(client: FlaskClient, sam: Contact, name: str, **values: str) -> tuple[int, str]:
    """Status and text of the page that follows."""
    page = f"/contacts/{sam.public_id}"
    answer = pages.submit(client, f"{page}/{name}", values, page=page, follow_redirects=True)
    return answer.status_code, answer.text


def _stored(database: Database, sam: Contact) -> Contact:
    with database.read_only() as session:
        return session.get_one(Contact, sam.id)


def test_a_contact_is_archived_and_blocked_and_both_are_taken_back(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    for action, block, says in (
        ("block", "blocked", "The contact is blocked"),
        ("unblock", None, "no longer blocked"),
        ("archive", "archived", f'action="/contacts/{sam.public_id}/unarchive"'),
        ("unarchive", None, "The contact is restored."),
    ):
        status, html = _post(ana, sam, action)
        assert (status, _stored(database, sam).sms_block) == (200, block)
        assert says in html
    with database.read_only() as session:
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject == f"contact:{sam.id}").order_by(AuditEntry.id)
        ).all()
    assert actions == ["contact.blocked", "contact.unblocked", "contact.archived", "contact.unarchived"]


def test_a_contact_whose_address_another_one_has_now_is_offered_for_merge(
    ana: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        old = make.contact(session, external_id=None, email_address="sam@example.com")
        profile.archive(session, old, actor="agent:1", at=NOON)
        old.email = "eve@example.com"
        make.contact(session, email_address="eve@example.com")
    status, html = _post(ana, old, "unarchive")
    assert status == 200
    assert "Merge two contacts" in html
    assert "has this email address or external id now" in html
    assert _stored(database, old).archived_at is not None


def test_a_number_is_stopped_by_hand_with_a_note_and_allowed_by_a_marketer_or_admin(
    ana: FlaskClient, max_: FlaskClient, database: Database, sam: Contact
) -> None:
    assert _post(ana, sam, "number/stop", **{"stop-note": " "})[0] == 422
    status, html = _post(ana, sam, "number/stop", **{"stop-note": "A child has it"})
    assert status == 200
    assert "A child has it" in html
    assert "A marketer or an admin can allow texts again." in html
    assert _post(ana, sam, "number/allow")[0] == 403
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).all() == ["manual"]
    assert _post(max_, sam, "number/allow")[0] == 200
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).all() == []
    assert "allowed already" in _post(max_, sam, "number/allow")[1]


def test_a_number_whose_holder_said_stop_is_not_allowed_by_anyone_here(
    max_: FlaskClient, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        suppressions.suppress(session, SAMS_NUMBER, SuppressionCause.KEYWORD, "STOP", actor="system", at=NOON)
    status, html = _post(max_, sam, "number/allow")
    assert (status, "Only they can change that." in html) == (200, True)
    assert "Allow texts to the number" not in html
    with database.read_only() as session:
        assert session.scalars(select(Suppression.cause)).all() == ["keyword"]


def test_a_person_is_erased_by_those_who_may_when_they_say_so(
    ana: FlaskClient, max_: FlaskClient, database: Database, sam: Contact
) -> None:
    assert "A marketer or an admin can erase this person." in ana.get(f"/contacts/{sam.public_id}").text
    assert _post(ana, sam, "erase", sure="y")[0] == 403
    status, html = _post(max_, sam, "erase")
    assert status == 422
    assert "Check the box to erase this person." in html
    assert _stored(database, sam).erased_at is None
    status, html = _post(max_, sam, "erase", sure="y")
    assert status == 200
    assert "The contact is erased." in html
    assert _stored(database, sam).name is None


def test_tags_are_added_by_name_and_removed(ana: FlaskClient, database: Database, sam: Contact) -> None:
    assert _post(ana, sam, "tags", **{"tag-name": ""})[0] == 422
    for typed in ("VIP <1>", "vip <1>"):
        status, html = _post(ana, sam, "tags", **{"tag-name": typed})
        assert (status, html.count("Remove the tag VIP &lt;1&gt;")) == (200, 1)
    address = html.partition('/remove"')[0].rpartition('action="')[2]
    assert "No tags." in _post(ana, sam, address.partition(f"{sam.public_id}/")[2] + "/remove")[1]


def test_the_timeline_shows_what_was_done_and_by_whom(ana: FlaskClient, database: Database, sam: Contact) -> None:
    _post(ana, sam, "tags", **{"tag-name": "vip"})
    _post(ana, sam, "notes", body="Likes tea")
    _post(ana, sam, "block")
    html = ana.get(f"/contacts/{sam.public_id}").text.partition('id="timeline"')[2]
    for shown in ("Blocked", "Tag added", "vip ·", "Likes tea", "Ana"):
        assert shown in html
    only = ana.get(f"/contacts/{sam.public_id}?show=conversations").text.partition('id="timeline"')[2]
    assert "Likes tea" in only.partition("<aside")[0]
    assert "Tag added" not in only
    assert "Nothing of this kind" in ana.get(f"/contacts/{sam.public_id}?show=consents").text
