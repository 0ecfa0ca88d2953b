"""Sam asks in the chat of the shop before he signs in there, and stays the person that he was."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.make import SAMS_NUMBER
from tests.stories.test_insert import insert_form
from tests.web.api.client import ApiClient, database
from tests.web.embed.page import answer, open_form
from tests.web.messenger.panel import TOKEN, get, messages_of, post, session_of, signature, write


@pytest.mark.databases("sqlite")
def test_sam_signs_up_in_the_chat_and_then_signs_in(
    app: Flask, ana: FlaskClient, sam: FlaskClient, shop: ApiClient, offers: str
) -> None:
    assert write(sam, "News by text?", client_key="first").status_code == 200
    insert_form(ana, shop, offers)
    (form,) = [line["form"] for line in messages_of(get(sam, "poll", TOKEN)) if line.get("form")]
    assert answer(sam, open_form(sam, form["address"]), phone=SAMS_NUMBER).state == "done"
    (conversation,) = shop.get("/conversations")["conversations"]
    shop.post(f"/conversations/{conversation['id']}/parts", {"message_type": "close", "type": "admin", "admin_id": "1"})
    (lead,) = shop.search(f"subscription_types.{offers}", "=", "reachable")
    assert shop.get(f"/contacts/{lead}")["role"] == "lead"

    identity = signature(database(app), "sam")
    for _ in range(2):  # both tabs of the shop
        assert post(sam, "sign-in", {"token": TOKEN}, identity=identity).status_code == 200

    (user,) = shop.search(f"subscription_types.{offers}", "=", "reachable")
    known = shop.get(f"/contacts/{user}")
    assert (known["role"], known["external_id"], known["phone"]) == ("user", "sam", SAMS_NUMBER)
    assert shop.get(f"/contacts/{lead}").status == 410
    texts = [line["text"] for line in messages_of(get(sam, "poll", session_of(sam, database(app), "sam")))]
    assert "News by text?" in texts, "the closed conversation came along"
    assert get(sam, "poll", TOKEN).status_code == 404
    events = shop.get(f"/contacts/{user}/consent_events")["data"]
    assert [each["action"] for each in events] == ["opt_in", "merge", "opt_in"]
    assert events[0]["evidence_level"] == events[2]["evidence_level"]
