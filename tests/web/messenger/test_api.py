"""The panel's API, for visitors, signed users and strangers."""

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from app.core import clock
from app.core.conversations import messages
from app.core.conversations.appending import NewMessage
from app.core.messenger import signing_in, visitors
from app.core.signing import hash_of_token
from app.db import Database
from app.models import Contact, Conversation, Message, MessengerToken
from tests import make
from tests.web.messenger.panel import OTHERS, TOKEN, get, headers, messages_of, post, session_of, signature, write
from tests.web.pages import one_window, statements


@pytest.mark.databases("sqlite", "postgresql")
def test_a_message_and_its_reply_are_returned_by_the_next_poll(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        agent = f"agent:{make.agent(session, name='Ana').id}"
    written = write(client).get_json()
    assert written["number"] == 1
    first = get(client, "poll", TOKEN).get_json()["conversations"][0]
    assert [first["id"], first["seen"], first["earlier"]] == [written["conversation"], 0, False]
    assert first["messages"][0] | {"at": 0} == {
        "number": 1,
        "from": "visitor",
        "name": "",
        "text": "Hello",
        "client_key": "Hello",
        "at": 0,
        "form": None,
    }
    after = f"poll?after={first['id']}:{first['revision']}"
    assert get(client, after, TOKEN).get_json() == {"conversations": [], "more": False}
    with database.unit_of_work() as session:
        messages.post(session, first["id"], NewMessage(agent, "Hi", client_key="x"), at=clock.now())
    answered = messages_of(get(client, after, TOKEN))
    assert [(each["from"], each["name"], each["client_key"]) for each in answered] == [("office", "Ana", None)]


def test_the_seen_number_is_returned_to_other_browsers_of_the_visitor(client: FlaskClient, database: Database) -> None:
    conversation = write(client).get_json()["conversation"]
    with database.unit_of_work() as session:
        messages.post(session, conversation, NewMessage("agent:1", "Hi"), at=clock.now())
    assert post(client, "seen", {"seen": {str(conversation): 2}}, TOKEN).status_code == 200
    assert get(client, "poll", TOKEN).get_json()["conversations"][0]["seen"] == 2


def test_strangers_get_the_same_404_for_everything(client: FlaskClient, database: Database) -> None:
    conversation = write(client).get_json()["conversation"]
    write(client, bearer=OTHERS)
    with database.unit_of_work() as session:
        ended = session.scalars(select(MessengerToken).where(MessengerToken.token_hash == hash_of_token(TOKEN)))
        ended.one().ended_at = clock.now()
    answers = [
        (answer.status_code, answer.get_data())
        for bearer in ("", TOKEN, "t_" + "c" * 43, "s_nonsense", "nonsense")
        for answer in (
            get(client, "poll", bearer),
            get(client, f"earlier?conversation={conversation}&before=9", bearer),
            write(client, "x", bearer, new=False),
            post(client, "seen", {"seen": {str(conversation): 1}}, bearer),
        )
    ]
    answers += [
        (answer.status_code, answer.get_data())
        for answer in (
            get(client, f"earlier?conversation={conversation}&before=9", OTHERS),
            get(client, "earlier?conversation=999999&before=9", OTHERS),
            post(client, "seen", {"seen": {str(conversation): 1}}, OTHERS),
            post(client, "sign-in", {"token": OTHERS}, OTHERS, {"user_id": "sam", "user_hash": "0" * 64}),
        )
    ]
    assert set(answers) == {(404, b'{"error":"not_found"}\n')}


def test_a_poll_for_a_conversation_of_another_visitor_returns_nothing(client: FlaskClient) -> None:
    theirs = write(client).get_json()["conversation"]
    write(client, "mine", OTHERS)
    assert [each["text"] for each in messages_of(get(client, f"poll?after={theirs}:0", OTHERS))] == ["mine"]


def test_a_signed_user_has_a_session_and_a_claim_has_none(client: FlaskClient, database: Database) -> None:
    assert get(client, "session", identity=signature(database, "sam")).get_json()["session"].startswith("s_")
    wrong = signature(database, "sam") | {"user_id": "eve"}
    for identity, problem in ((None, None), ({}, None), ({"user_id": "sam"}, None), (wrong, "user_hash_wrong")):
        assert get(client, "session", identity=identity).get_json() == {
            "session": None,
            "person": "",
            "stale": False,
            "identity_problem": problem,
        }
    assert client.get("/messenger/api/session", headers={"Assent-Identity": "%7Bnonsense"}).status_code == 200
    assert client.get("/messenger/api/session", headers={"Assent-Identity": "[1]"}).get_json()["session"] is None


def test_get_requests_write_nothing(app: Flask, client: FlaskClient, database: Database) -> None:
    write(client)
    bearer = session_of(client, database, "sam")
    with statements(app) as sent:
        get(client, "session", identity=signature(database, "sam"))
        for each in (TOKEN, bearer, OTHERS):
            get(client, "poll", each)
    assert sent
    assert all(each.lstrip().startswith("SELECT") for each in sent)


@pytest.mark.databases("sqlite", "postgresql")
def test_a_poll_without_news_is_one_small_statement_or_none(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    write(client)
    sessions = {"t": TOKEN, "s": session_of(client, database, "never wrote")}
    first = get(client, "poll", TOKEN).get_json()["conversations"][0]
    after = f"poll?after={first['id']}:{first['revision']}"
    for fresh_for_s, statements_each in ((0, 1), (60, 0)):
        for bearer in sessions.values():
            get(client, after, bearer)
            app.extensions["assent"].changes.fresh_for_s = fresh_for_s
            with statements(app) as sent:
                assert get(client, after, bearer).get_json() == {"conversations": [], "more": False}
            assert len(sent) == statements_each, sent


def test_too_many_seen_reports_and_sign_ins_are_refused_with_429(client: FlaskClient, database: Database) -> None:
    identity = signature(database, "sam")
    with one_window():
        conversation = write(client).get_json()["conversation"]
        for path, body, most, more in (
            ("seen", {"seen": {str(conversation): 1}}, visitors.SEEN_A_MINUTE, {"bearer": TOKEN}),
            ("sign-in", {}, signing_in.SIGN_INS_A_MINUTE, {"identity": identity}),
        ):
            answers = [post(client, path, body, **more) for _ in range(most + 1)]
            assert {answer.status_code for answer in answers[:-1]} == {200}
            assert answers[-1].status_code == 429
            assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


@pytest.mark.databases("sqlite", "postgresql")
def test_two_concurrent_first_messages_create_one_lead(app: Flask, database: Database) -> None:
    def send(number: int) -> None:
        client = app.test_client()
        answers.extend(write(client, client_key=key).status_code for key in (f"own-{number}", "shared"))

    answers: list[int] = []
    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}
    with database.read_only() as session:
        counts = [session.scalar(select(func.count()).select_from(each)) for each in (Contact, Conversation, Message)]
        numbers = list(session.scalars(select(Message.number).order_by(Message.number)))
    assert counts == [1, 1, 7]
    assert numbers == list(range(1, 8))


@pytest.mark.databases("sqlite", "postgresql")
def test_two_concurrent_sign_ins_move_the_conversation_once(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    write(client)
    identity = signature(database, "sam")
    threads = [
        threading.Thread(target=lambda: post(app.test_client(), "sign-in", {"token": TOKEN}, identity=identity))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read_only() as session:
        sam = session.scalars(select(Contact.id).where(Contact.external_id == "sam")).one()
        assert session.scalars(select(Conversation.contact_id)).one() == sam


def test_too_many_messages_are_refused_with_429_and_the_time_to_wait(client: FlaskClient) -> None:
    with one_window():
        for number in range(visitors.MESSAGES_A_MINUTE):
            assert write(client, str(number)).status_code == 200
        refused = write(client, "more")
    assert (refused.status_code, refused.get_json()["error"]) == (429, "rate_limit_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 60


def test_requests_from_other_sites_and_malformed_requests_are_refused(client: FlaskClient) -> None:
    body = {"text": "Hello", "client_key": "1", "new": True}
    elsewhere = headers(TOKEN) | {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/messenger/api/messages", json=body, headers=elsewhere).status_code == 403
    assert client.get("/messenger/api/poll", headers=elsewhere).status_code == 403
    for answer in (
        client.post("/messenger/api/messages", data="x=1", headers=headers(TOKEN)),
        client.post("/messenger/api/messages", data="[]", content_type="application/json", headers=headers(TOKEN)),
        client.post("/messenger/api/messages", data="{", content_type="application/json", headers=headers(TOKEN)),
        post(client, "seen", {"seen": [1]}, TOKEN),
        post(client, "seen", {"seen": {"x": 1}}, TOKEN),
        client.post("/messenger/api/messages", json={"text": "x" * 70_000}, headers=headers(TOKEN)),
    ):
        assert answer.status_code in {400, 413, 415}
        assert answer.is_json
    assert write(client, " ").status_code == 422
    assert write(client, "x" * 5001, client_key="1").status_code == 422
    assert write(client, "nul\0", client_key="2").status_code == 400


def test_no_response_sets_a_cookie_or_is_cached(client: FlaskClient) -> None:
    for answer in (write(client), get(client, "poll", TOKEN), get(client, "session"), get(client, "poll")):
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.own_database
def test_every_error_is_json_and_an_unexpected_one_reveals_nothing(client: FlaskClient, database: Database) -> None:
    wrong_method = client.delete("/messenger/api/poll")
    assert (wrong_method.status_code, wrong_method.get_json()) == (405, {"error": "method_not_allowed"})
    assert wrong_method.headers["Allow"] == "GET, HEAD"
    assert client.get("/messenger/api/nothing").get_json() == {"error": "not_found"}
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE messenger_tokens RENAME TO gone"))
    failed = get(client, "poll", TOKEN)
    assert (failed.status_code, failed.get_json()) == (500, {"error": "internal_server_error"})
    assert failed.headers["X-Request-Id"]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_message_to_an_open_conversation_takes_seven_statements(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    write(client, "first")
    write(client, "second")
    with statements(app) as sent:
        assert write(client, "third", new=False).get_json()["number"] == 3
    assert len(sent) <= 7, sent
