"""The admin in whose name a token acts."""

from flask import Flask

from app.models import Role
from tests import make
from tests.web.api.client import ApiClient, api_client, database, token


def test_a_token_acts_for_who_made_it_else_for_the_oldest_admin(app: Flask) -> None:
    from_command_line = api_client(app)
    assert (from_command_line.get("/me")["id"], from_command_line.get("/me")["name"]) == ("1", "the shop")
    with database(app).unit_of_work() as session:
        make.agent(session)
        max_, second = (make.agent(session, role=Role.ADMIN).id for _ in range(2))
        disabled = make.agent(session)
        disabled.active = False
        ids = (max_, second, disabled.id)
    max_, second, gone = (str(each) for each in ids)
    assert from_command_line.get("/me")["id"] == max_
    assert ApiClient(app, token(app, actor=f"agent:{second}")).get("/me")["id"] == second
    assert ApiClient(app, token(app, actor=f"agent:{gone}")).get("/me")["id"] == max_


def test_a_bot_replies_as_the_admin_that_me_names(app: Flask) -> None:
    with database(app).unit_of_work() as session:
        make.agent(session, role=Role.ADMIN)
    bot = api_client(app)
    sam = bot.contact(external_id="70")
    begun = bot.post("/conversations", {"from": {"type": "user", "id": sam}, "body": "hi"})["conversation_id"]
    reply = {"message_type": "comment", "type": "admin", "admin_id": bot.get("/me")["id"], "body": "hello"}
    assert bot.post(f"/conversations/{begun}/reply", reply).status == 200
