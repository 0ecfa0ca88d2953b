"""What each act does to a closed contact: the same on every surface that has the act, and a refusal changes no row.

``ACTS`` is the rule. Opt-outs are never refused, except where only the row of the contact remains.
"""

from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock
from app.core.contacts import records as contacts
from app.core.conversations import contact_messages
from app.core.errors import InvalidState
from app.db import Database
from app.models import Contact, ContactRole
from tests import make
from tests.make import SAMS_NUMBER
from tests.stories import acts_on_contacts as acts
from tests.stories.acts_on_contacts import Case, Shop, api_call
from tests.web import pages
from tests.web.api.client import ApiClient

HOWS = ("blocked", "gdpr", "archived", "merged", "erased")
# ``nothing``: it is answered like another act, and no row changes. ``claim``: the ledger keeps what was said, and no
# consent changes. ``gone``: the API names the contact that it was merged into, and a staff page acts on that one.
GONE = ("gone", "not_found")
REFUSED = ("blocked", "gdpr_optout", "invalid_state", *GONE)
CLOSED = ("blocked", "gdpr_optout", "ok", *GONE)
CLOSED_IN_CHAT = ("blocked", "gdpr_optout", "ok", "ok", "not_found")
OPEN = ("ok", "ok", "ok", *GONE)


@dataclass(frozen=True)
class Row:
    """One act: what it gives for a contact closed in each of ``HOWS``, and how each surface does it."""

    act: str
    expected: tuple[str, ...]
    api: tuple[acts.Prepare, ...] = ()
    pages: tuple[acts.Prepare, ...] = ()
    person: tuple[acts.Prepare, ...] = ()


def put(**fields: object) -> acts.Prepare:
    return api_call("PUT", "/contacts/{}", fields)


ACTS = (
    Row("opt in", CLOSED, api=(acts.attach, acts.detach_from_opt_out_type), pages=(acts.opt_in_by_agent,)),
    Row("opt out", OPEN, api=(acts.detach, acts.attach_to_opt_out_type), pages=(acts.opt_out_by_agent,)),
    Row("insert a form", REFUSED, api=(acts.insert_by_api,), pages=(acts.insert_by_agent,)),
    Row(
        "place a form in a conversation",
        ("blocked", "gdpr_optout", "invalid_state", "ok", "not_found"),
        api=(acts.place_by_api, acts.place_inline_by_api),
        pages=(acts.place_by_agent, acts.configure_by_agent),
    ),
    Row("start a conversation", REFUSED, api=(acts.start_by_api,), pages=(acts.start_by_agent,)),
    Row("reply", CLOSED_IN_CHAT, api=(acts.reply_by_api, acts.close_with_a_text), pages=(acts.reply_by_agent,)),
    Row(
        "note in a conversation",
        ("ok", "ok", "ok", "ok", "not_found"),
        api=(acts.note_by_api,),
        pages=(acts.note_by_agent,),
    ),
    Row("write in the contact's name", CLOSED, api=(acts.begin_as_contact, acts.reply_as_contact)),
    # the user id belongs to the survivor, and after the erasure to a new contact; the token of a lead ends
    Row("write as a signed user", ("blocked", "gdpr_optout", "ok", "ok", "ok"), person=(acts.write_as_user,)),
    Row(
        "write as a lead",
        ("blocked", "gdpr_optout", "ok", "not_found", "not_found"),
        person=(acts.write_as_lead,),
    ),
    Row("see messages", ("nothing", "nothing", "ok", "ok", "not_found"), person=(acts.see_messages,)),
    Row(
        "sign in with another number",
        ("nothing", "nothing", "ok", "ok", "nothing"),
        person=(acts.sign_in_with_another_number,),
    ),
    Row(
        "answer a personal link",
        ("unavailable", "unavailable", "unavailable", "ok", "expired"),
        person=(acts.answer_personal_link,),
    ),
    Row("see a personal link", ("nothing", "nothing", "nothing", "ok", "nothing"), person=(acts.see_personal_link,)),
    Row(
        "answer as a signed user",
        ("unavailable", "unavailable", "unavailable", "ok", "shown_again"),
        person=(acts.answer_as_signed_user,),
    ),
    # a stranger learns nothing: the page always says that it is done
    Row("answer publicly", ("ok", "nothing", "ok", "ok", "ok"), person=(acts.answer_publicly_with_a_users_number,)),
    Row("answer publicly as the lead", ("claim", "nothing", "ok", "ok", "ok"), person=(acts.answer_publicly_as_lead,)),
    Row("change the number", OPEN, api=(put(phone="+12025570100"),)),
    Row("change the profile", OPEN, api=(put(name="Sam R.", email="sam@example.com"),)),
    Row(
        "stop all messages",
        ("ok", "nothing", "ok", *GONE),
        api=(put(gdpr_optin=False),),
        pages=(acts.page_form("/contacts/{}/gdpr", {"gdpr-action": "off", "gdpr-note": "by phone"}),),
    ),
    Row(
        "allow messages again",
        OPEN,
        api=(put(gdpr_optin=True, source_note="by phone"),),
        pages=(acts.page_form("/contacts/{}/gdpr", {"gdpr-action": "on", "gdpr-note": "by phone"}),),
    ),
    Row("allow messages again without a note", ("ok", "parameter_invalid", "ok", *GONE), api=(put(gdpr_optin=True),)),
    Row("block", ("nothing", "ok", "ok", *GONE), api=(api_call("POST", "/contacts/{}/block"),)),
    Row("archive", ("ok", "ok", "nothing", *GONE), api=(api_call("POST", "/contacts/{}/archive"),)),
    Row("bring back", ("nothing", "nothing", "ok", *GONE), api=(api_call("POST", "/contacts/{}/unarchive"),)),
    Row("merge it into another", OPEN, api=(acts.merge_from,)),
    Row("merge another into it", ("ok", "ok", "invalid_merge", *GONE), api=(acts.merge_into,)),
    Row(
        "erase",
        OPEN,
        api=(api_call("POST", "/contacts/{}/erase"), api_call("DELETE", "/contacts/{}")),
    ),
    Row("tag", OPEN, api=(acts.tag,)),
    Row("untag", ("nothing", "nothing", "nothing", *GONE), api=(acts.untag,)),
    Row("note about the contact", OPEN, api=(api_call("POST", "/contacts/{}/notes", {"body": "Careful"}),)),
)


@pytest.mark.databases("sqlite")  # what a refusal says; tests/core runs the rules on both
@pytest.mark.parametrize("how", HOWS)
def test_every_surface_gives_the_same_answer_and_a_refusal_changes_nothing(app: Flask, how: str) -> None:
    shop, wrong = Shop(app), []
    for row in ACTS:
        expected = row.expected[HOWS.index(how)]
        for prepare in row.api:
            wrong += differences(shop, how, row.act, prepare, "contact_merged" if expected == "gone" else expected)
        for prepare in (*row.pages, *row.person):
            wrong += differences(shop, how, row.act, prepare, "ok" if expected == "gone" else expected)
    assert not wrong, "\n".join(wrong)


def differences(shop: Shop, how: str, act: str, prepare: acts.Prepare, expected: str) -> list[str]:
    """What is wrong about one act by one surface."""
    case = Case(shop)
    do = prepare(case)
    case.close(how)
    before = shop.rows()
    code = do()
    after = shop.rows()
    changed = sorted(name for name in before if before[name] != after[name])
    if code == "ok":
        is_claim = any("claim" in each for each in after["consent_events"] - before["consent_events"])
        code = "nothing" if not changed else "claim" if is_claim else "ok"
    elif changed:
        code += f" although it changed {', '.join(changed)}"
    where = getattr(prepare, "__name__", "")
    return [] if code == expected else [f"{act} ({where}): {code}, not {expected}; {changed}"]


def test_gdpr_optin_goes_back_to_true_only_with_a_note(shop: ApiClient, offers: str, sams_id: str) -> None:
    assert shop.put(f"/contacts/{sams_id}", {"gdpr_optin": False}).status == 200
    for value in (True, None):
        refused = shop.put(f"/contacts/{sams_id}", {"gdpr_optin": value})
        assert (refused.status, refused.field) == (400, "source_note")
    body = shop.get(f"/contacts/{sams_id}").body
    assert shop.put(f"/contacts/{sams_id}", {"gdpr_optin": body["gdpr_optin"], "name": "Sam R."}).status == 200
    assert shop.put(f"/contacts/{sams_id}", {"gdpr_optin": True, "source_note": "by phone"})["gdpr_optin"] is True
    assert shop.post(f"/contacts/{sams_id}/subscriptions", {"id": offers, "consent_type": "opt_in"}).status == 200


@pytest.mark.parametrize("role", ["user", "lead"])
def test_a_conversation_is_started_only_with_somebody_who_can_read_it(
    shop: ApiClient, ana: FlaskClient, database: Database, role: str
) -> None:
    body = {"role": role, "phone": SAMS_NUMBER} | ({"external_id": "sam"} if role == "user" else {})
    sams_id = shop.post("/contacts", body)["id"]
    begun = pages.submit(ana, f"/inbox/new/{sams_id}", {"body": "Hello", "form_id": "", "client_key": "k"})
    assert begun.status_code == (303 if role == "user" else 422)
    sender = {"type": "admin", "id": shop.get("/admins")["admins"][0]["id"]}
    message = {"message_type": "inapp", "body": "Hi", "from": sender, "to": {"type": role, "id": sams_id}}
    by_client = shop.post("/messages", message)
    assert by_client.status == 200 if role == "user" else by_client.code == "no_messenger"
    if role == "lead":
        assert "send the personal link" in begun.text
        assert f"/contacts/{sams_id}#insert" in begun.text


def test_a_fast_message_is_refused_like_a_slow_one(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, role=ContactRole.USER)
        contact_messages.post(
            session, contact_messages.lock(session, sam.id), body="Hi", client_key="1", at=clock.now()
        )
        contacts.change_gdpr_optin(session, sam, gdpr_optin=False, at=clock.now())
        with pytest.raises(InvalidState) as refused:
            contact_messages.post(
                session, contact_messages.lock(session, sam.id), body="Hi again", client_key="2", at=clock.now()
            )
        assert refused.value.code == "gdpr_optout"
        assert session.get_one(Contact, sam.id).gdpr_optin is False
