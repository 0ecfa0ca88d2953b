"""The inbox as agents use it: its pages without scripts, and its poll."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.config import ROOT
from app.core import clock
from app.core.accounts import api_tokens
from app.core.conversations import appending, backdating, lifecycle, messages
from app.core.conversations import forms as conversation_forms
from app.core.conversations.appending import NewMessage
from app.core.forms import publishing
from app.core.inbox import lists as inbox
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import (
    Agent,
    Channel,
    ConsentType,
    Contact,
    Conversation,
    InsertedForm,
    Message,
    MessageKind,
    OptInForm,
    OptInFormText,
)
from app.web.inbox import labels
from tests import make
from tests.web import pages


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER, email_address="sam@example.com")


@pytest.fixture
def chat(database: Database, sam: Contact) -> int:
    return post(database, sam, "Hello, is <b>anybody</b> there?")


def post(database: Database, sam: Contact, body: str, author: str = "contact", **more: Any) -> int:
    with database.unit_of_work() as session:
        chat = lifecycle.find_or_start(session, sam.id, at=clock.now())
        messages.post(session, chat.id, NewMessage(author, body, **more), at=clock.now())
        return chat.id


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def send(client: FlaskClient, chat: int, what: str, values: dict[str, str] | None = None, query: str = "") -> Any:
    return pages.submit(client, f"/inbox/{chat}/{what}{query}", values or {}, page=f"/inbox/{chat}")


def lines(database: Database, chat: int) -> list[tuple[str, str, str]]:
    with database.read_only() as session:
        query = select(Message).where(Message.conversation_id == chat).order_by(Message.number)
        return [(line.kind, line.author, line.body) for line in session.scalars(query)]


def state_of(database: Database, chat: int) -> Conversation:
    with database.read_only() as session:
        return session.get_one(Conversation, chat)


ROUTES = (
    ("GET", "/inbox"),
    ("GET", "/inbox/1"),
    ("GET", "/inbox/poll"),
    ("GET", "/inbox/1/forms"),
    ("GET", "/inbox/1/forms/1/preview"),
    ("GET", "/inbox/1/insert"),
    ("GET", "/inbox/1/insert/preview"),
    ("GET", "/inbox/new/0"),
    ("POST", "/inbox/1/messages"),
    ("POST", "/inbox/1/forms"),
    ("POST", "/inbox/1/forms/1/again"),
    ("POST", "/inbox/1/forms/1/withdraw"),
    ("POST", "/inbox/1/insert"),
    ("POST", "/inbox/1/close"),
    ("POST", "/inbox/1/reopen"),
    ("POST", "/inbox/1/assignee"),
    ("POST", "/inbox/1/read"),
    ("POST", "/inbox/1/here"),
    ("POST", "/inbox/1/leave"),
    ("POST", "/inbox/new/0"),
)


def test_strangers_cannot_read_or_change_conversations(client: FlaskClient, chat: int, database: Database) -> None:
    for method, path in ROUTES:
        answer = client.open(path, method=method)
        assert answer.status_code in ({302, 401} if method == "GET" else {400, 401}), path
        assert "anybody" not in answer.get_data(as_text=True)
    assert len(lines(database, chat)) == 1


def test_a_missing_conversation_or_contact_is_not_found(ana: FlaskClient, database: Database) -> None:
    token = {"X-CSRFToken": pages.csrf_token(text_of(ana, "/account"))}
    for method, path in ROUTES:
        if path not in {"/inbox", "/inbox/poll"}:
            filled = {"body": "x", "form_id": "1", "title": "x", "subscription_type_id": "1", "kind": "message"}
            for place in (path, path.replace("/1", f"/{2**66}")):
                answer = ana.open(place, method=method, headers=token, data=filled if method == "POST" else None)
                assert answer.status_code == 404, f"{method} {place}"


def test_a_post_without_csrf_token_is_refused(ana: FlaskClient, chat: int, database: Database) -> None:
    assert ana.post(f"/inbox/{chat}/messages", data={"body": "x"}).status_code == 400
    assert len(lines(database, chat)) == 1


def test_agents_are_sent_to_the_inbox_after_signing_in(ana: FlaskClient) -> None:
    assert ana.get("/start").headers["Location"] == "/inbox"
    assert re.search('aria-current="page"><svg.*</svg><span>Inbox</span>', text_of(ana, "/inbox"))


def test_a_message_is_shown_escaped_in_the_list_and_in_its_conversation(ana: FlaskClient, chat: int) -> None:
    for path in ("/inbox", f"/inbox/{chat}", "/inbox?q=sam", "/inbox?q=anybody"):
        page = text_of(ana, path)
        assert "Sam Rivera" in page
        assert "&lt;b&gt;anybody&lt;/b&gt;" in page
        assert "<b>anybody" not in page


def test_reading_pages_writes_nothing(ana: FlaskClient, chat: int, database: Database, app: Flask) -> None:
    before = state_of(database, chat).revision
    for path in ("/inbox", f"/inbox/{chat}", f"/inbox/{chat}/insert", "/inbox/poll?cursor=0-0&conversation=1&after=0"):
        with pages.statements(app) as seen:
            ana.get(path)
        assert not [each for each in seen if not each.lstrip().startswith(("SELECT", "WITH"))], path
    assert state_of(database, chat).revision == before
    assert "Unread" in text_of(ana, "/inbox")


def test_the_contact_sees_an_agents_reply_but_not_a_note(ana: FlaskClient, chat: int, database: Database) -> None:
    answer = send(ana, chat, "messages", {"kind": "message", "body": " At your service. ", "client_key": "k1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/inbox/{chat}#reply")
    assert send(ana, chat, "messages", {"kind": "note", "body": "Be nice", "client_key": "k2"}).status_code == 303
    kinds = [(kind, body) for kind, author, body in lines(database, chat) if author.startswith("agent:")]
    assert kinds == [("message", "At your service."), ("note", "Be nice")]
    page = text_of(ana, f"/inbox/{chat}")
    assert re.search(r'line-note".*?Internal note.*?Be nice', page, re.DOTALL)


def test_a_reply_that_is_sent_twice_arrives_once(ana: FlaskClient, chat: int, database: Database) -> None:
    for _ in range(2):
        sent = send(ana, chat, "messages", {"kind": "message", "body": "Once", "client_key": "same"})
        assert sent.status_code == 303
    assert [body for _, _, body in lines(database, chat)].count("Once") == 1


@pytest.mark.parametrize("body", ["", "   ", "x" * 5001])
def test_a_refused_reply_is_shown_again(ana: FlaskClient, chat: int, database: Database, body: str) -> None:
    answer = send(ana, chat, "messages", {"kind": "note", "body": body, "client_key": "k"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'role="alert"' in page
    assert 'id="kind-note" checked' in page
    assert body.strip() in page
    assert len(lines(database, chat)) == 1


def test_a_line_break_counts_as_one_character(ana: FlaskClient, chat: int, database: Database) -> None:
    longest = "ab\r\n" * 1666 + "z"
    assert send(ana, chat, "messages", {"kind": "message", "body": longest}).status_code == 303
    assert lines(database, chat)[-1][2] == longest.replace("\r", "")


def test_counts_stop_at_their_limit() -> None:
    assert [labels.counted(number) for number in (0, 999, 1000)] == ["0", "999", "1,000+"]


def test_scripts_get_their_sentences_from_the_page(ana: FlaskClient, chat: int) -> None:
    scripts = "".join(path.read_text() for path in (ROOT / "static" / "js" / "inbox").glob("*.js"))
    for path in ("/inbox", f"/inbox/{chat}"):
        texts = json.loads(text_of(ana, path).partition('id="inbox-texts">')[2].partition("</script>")[0])
        assert set(re.findall(r'sentence\("(\w+)"', scripts)) == set(texts)
        assert texts["news"] == "New from {name}: {text}"


def test_a_script_gets_a_response_without_a_page(ana: FlaskClient, chat: int) -> None:
    token = pages.csrf_token(text_of(ana, f"/inbox/{chat}"))
    headers = {"X-Requested-With": "fetch", "X-CSRFToken": token}
    for what, data in (("messages", {"body": "Hi"}), ("reopen", {}), ("here", {"revision": "1"})):
        answer = ana.post(f"/inbox/{chat}/{what}", data=data, headers=headers)
        assert (answer.status_code, answer.data) == (204, b""), what
    closed = ana.post(f"/inbox/{chat}/close", headers=headers)
    assert closed.json == {"text": "Conversation closed.", "undo": f"/inbox/{chat}/reopen"}


def test_closing_and_reopening_by_plain_forms_keeps_the_chosen_list(
    ana: FlaskClient, chat: int, database: Database
) -> None:
    answer = send(ana, chat, "close", query="?assigned=me")
    assert answer.headers["Location"] == f"/inbox/{chat}?assigned=me#reply"
    assert state_of(database, chat).state == "closed"
    assert "Sam Rivera" not in text_of(ana, "/inbox").partition('id="chats"')[2]
    assert "Sam Rivera" in text_of(ana, "/inbox?box=closed")
    send(ana, chat, "reopen")
    assert state_of(database, chat).state == "open"
    assert "reopened the conversation" in text_of(ana, f"/inbox/{chat}")


def test_a_conversation_is_assigned_to_active_agents_only(
    ana: FlaskClient, chat: int, database: Database, app: Flask
) -> None:
    max_ = pages.make_agent(app, "max2@example.com", name="Max")
    assert send(ana, chat, "assignee", {"assignee": str(max_)}).status_code == 303
    assert state_of(database, chat).assignee_id == max_
    assert "assigned the conversation to Max" in text_of(ana, f"/inbox/{chat}")
    for nobody in ("999", "x", "²"):
        assert send(ana, chat, "assignee", {"assignee": nobody}).status_code == 422
    assert send(ana, chat, "assignee", {"assignee": ""}).status_code == 303
    assert state_of(database, chat).assignee_id is None


def test_only_messages_that_the_page_showed_are_marked_as_read(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    post(database, sam, "One more thing")
    assert send(ana, chat, "here", {"revision": "1"}).status_code == 204
    assert "Unread" in text_of(ana, "/inbox")
    assert send(ana, chat, "here", {"revision": "999"}).status_code == 204
    assert "Unread" not in text_of(ana, "/inbox")


def test_two_agents_in_one_conversation_see_each_other(ana: FlaskClient, chat: int, app: Flask) -> None:
    max_ = pages.admin(app)
    send(max_, chat, "here", {"revision": "1"})
    assert "Max is here, too" in text_of(ana, f"/inbox/{chat}")
    assert "here, too" not in text_of(max_, f"/inbox/{chat}")
    send(max_, chat, "leave")
    assert "here, too" not in text_of(ana, f"/inbox/{chat}")


def test_the_panel_shows_the_contact_and_its_subscriptions(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session, name="Weekly offers")
        make.live_type(session, name="Order updates", consent_type=ConsentType.OPT_OUT)
        make.draft_type(session, name="Not yet")
        make.opt_in(session, session.merge(sam), kind)
    send(ana, chat, "close")
    later = post(database, sam, "Me again")
    panel = text_of(ana, f"/inbox/{later}").partition('id="panel"')[2]
    for expected in (
        "+1 202-555-0123",
        "Valid, can receive texts",
        "sam@example.com",
        "Opted in",
        "Subscribed (default)",
    ):
        assert expected in panel
    assert "Since" in panel
    assert "Personal link" in panel
    assert 'role="switch" aria-checked="true"' in panel
    assert "Not yet" not in panel
    assert f'href="/inbox/{chat}"' in panel
    assert f'href="/contacts/{sam.public_id}"' in panel


@pytest.mark.databases("sqlite", "postgresql")
def test_the_panel_says_when_somebody_who_opted_in_is_not_reachable(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = session.get_one(Contact, sam.id)
        make.opt_in(session, sam, make.live_type(session, name="Offers"))
        make.live_type(session, name="Orders", consent_type=ConsentType.OPT_OUT)
    panel = text_of(ana, f"/inbox/{chat}").partition('id="panel"')[2]
    assert "Subscribed (default)" in panel
    assert "Why is this person not reached?" not in panel
    with database.unit_of_work() as session:
        session.get_one(Contact, sam.id).blocked_at = make.NOON
    panel = text_of(ana, f"/inbox/{chat}").partition('id="panel"')[2]
    assert panel.count("The contact is blocked.") == 2
    assert panel.count("You can unblock the contact on its page.") == 2


def test_a_saved_form_is_inserted(ana: FlaskClient, chat: int, sam: Contact, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, name="Offers by text")
        gone = make.form(session, make.live_type(session, name="Gone"), name="Archived form")
        publishing.archive(session, gone, actor="agent:1", at=make.NOON)
    page = text_of(ana, f"/inbox/{chat}/forms")
    assert "Offers by text" in page
    assert "Archived form" not in page
    assert send(ana, chat, "forms", {"form_id": str(form.id)}).status_code == 303
    with database.read_only() as session:
        inserted = session.scalars(select(InsertedForm)).one()
        assert (inserted.conversation_id, inserted.contact_id) == (chat, sam.id)
    page = text_of(ana, f"/inbox/{chat}")
    assert 'data-state="waiting"' in page
    assert "Texts from Harbour Coffee" in page
    for refused in (str(gone.id), "", "x"):
        send(ana, chat, "forms", {"form_id": refused})
    assert [kind for kind, _, _ in lines(database, chat)] == ["message", "form"]


def test_a_form_configured_in_a_conversation_is_in_no_list(
    ana: FlaskClient, app: Flask, chat: int, database: Database
) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session, name="Tastings")
        make.draft_type(session, name="Not yet")
        old = make.live_type(session, name="Over")
        subscription_types.archive(session, old, actor="agent:1", at=make.NOON)
    page = text_of(ana, f"/inbox/{chat}/insert")
    assert "Tastings (SMS)" in page
    assert "Not yet" not in page
    assert "Over" not in page
    assert 'placeholder="Sign Up Now"' in page
    assert "+1 ••• ••• ••23" in page
    filled = {
        "subscription_type_id": str(kind.id),
        "title": "A seat for you",
        "button_text": "",
        "legal_text": "You agree.",
        "locale": "en",
    }
    for wrong in ({"title": ""}, {"subscription_type_id": str(old.id)}, {"subscription_type_id": ""}):
        answer = pages.submit(ana, f"/inbox/{chat}/insert", filled | wrong)
        assert answer.status_code == 422, wrong
    assert len(lines(database, chat)) == 1
    assert pages.submit(ana, f"/inbox/{chat}/insert", filled).headers["Location"] == f"/inbox/{chat}#reply"
    with database.read_only() as session:
        made = session.scalars(select(OptInForm)).one()
        assert made.is_inline
        assert publishing.find_all(session) == []
    assert "A seat for you" in text_of(ana, f"/inbox/{chat}")
    assert "A seat for you" not in text_of(pages.admin(app), "/admin/forms")


def test_a_form_configured_in_a_conversation_can_have_a_box_that_must_be_ticked(
    ana: FlaskClient, chat: int, database: Database
) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session)
    filled = {"subscription_type_id": str(kind.id), "title": "Tastings", "locale": "en", "checkbox_text": "I <agree>."}
    preview = pages.submit(ana, f"/inbox/{chat}/insert/preview", filled, page="/account").get_data(as_text=True)
    assert 'name="agree"' in preview
    assert "I &lt;agree&gt;." in preview
    too_long = pages.submit(ana, f"/inbox/{chat}/insert", filled | {"checkbox_text": "x" * 501})
    assert too_long.status_code == 422
    assert "Use at most 500 characters." in too_long.get_data(as_text=True)
    assert pages.submit(ana, f"/inbox/{chat}/insert", filled).status_code == 303
    with database.read_only() as session:
        assert session.scalars(select(OptInFormText.checkbox_text)).all() == ["I <agree>."]


def test_the_preview_shows_what_this_contact_will_see(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        sms, mail = make.live_type(session), make.live_type(session, name="Letter", channel=Channel.EMAIL)
        stranger = lifecycle.start(session, make.contact(session).id, at=clock.now()).id
    filled = {"title": "Hear it first", "locale": "en", "legal_text": "", "button_text": "Yes"}
    for kind, place, shown in (
        (sms, chat, "+1 ••• ••• ••23"),
        (mail, chat, "s•••@•••.com"),
        (sms, stranger, 'data-state="ask"'),
    ):
        values = filled | {"subscription_type_id": str(kind.id)}
        page = pages.submit(ana, f"/inbox/{place}/insert/preview", values, page="/account")
        html = page.get_data(as_text=True)
        assert "Hear it first" in html
        assert shown in html
        assert make.SAMS_NUMBER not in html
    assert "Title of your form" in text_of(ana, f"/inbox/{chat}/insert/preview")


def test_an_answered_card_shows_the_text_that_was_agreed_to(
    ana: FlaskClient, chat: int, database: Database, client: FlaskClient
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
    send(ana, chat, "forms", {"form_id": str(form.id)})
    with database.read_only() as session:
        token = session.scalars(select(InsertedForm.token)).one()
    client.post(f"/f/{token}/seen")
    assert 'data-state="seen"' in text_of(ana, f"/inbox/{chat}")
    shown = re.search(r'name="shown" value="([^"]+)"', client.get(f"/f/{token}").get_data(as_text=True))
    assert shown
    assert client.post(f"/f/{token}", data={"shown": shown[1]}).status_code == 303
    page = text_of(ana, f"/inbox/{chat}")
    assert 'data-state="signed_up"' in page
    assert "Agreed to Offers" in page
    assert "+1 202-555-0123" in page.partition("form-card")[2].partition("</article>")[0]
    assert "By signing up you agree" in page
    assert "Unread" in text_of(ana, "/inbox")


def test_a_conversation_is_started_with_a_text_and_a_form(ana: FlaskClient, sam: Contact, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, name="Offers by text")
    assert f'href="/inbox/new/{sam.public_id}"' in text_of(ana, f"/contacts/{sam.public_id}")
    page = f"/inbox/new/{sam.public_id}"
    assert pages.submit(ana, page, {"body": "", "form_id": str(form.id)}).status_code == 422
    assert pages.submit(ana, page, {"body": "x", "form_id": "99"}).status_code == 404
    with database.read_only() as session:
        assert session.scalars(select(Conversation)).all() == []
    answer = pages.submit(ana, page, {"body": "Welcome!", "form_id": str(form.id)})
    chat = int(answer.headers["Location"].rpartition("/")[2])
    assert [kind for kind, _, _ in lines(database, chat)] == ["message", "form"]
    assert state_of(database, chat).assignee_id is not None
    assert "continue there" in text_of(ana, page)
    answer = pages.submit(ana, page, {"body": "And one more", "form_id": "configure"})
    assert answer.headers["Location"].endswith("/insert")


def poll(client: FlaskClient, **query: Any) -> dict[str, Any] | None:
    answer = client.get("/inbox/poll", query_string=query, headers={"Accept": "application/json"})
    assert answer.status_code in {200, 204}
    return answer.get_json() if answer.status_code == 200 else None


def cursor_of(client: FlaskClient, path: str = "/inbox") -> str:
    found = re.search(r'data-cursor="([^"]+)"', text_of(client, path))
    assert found
    return found[1]


def test_a_poll_without_news_reads_only_the_sign_in(ana: FlaskClient, chat: int, app: Flask) -> None:
    cursor = cursor_of(ana)
    poll(ana, cursor=cursor)
    with pages.statements(app) as seen:
        assert poll(ana, cursor=cursor, conversation=chat, after=1) is None
    assert ["agents" in each for each in seen] == [True, False], "the memory is asked to be fresh in tests"
    app.extensions["assent"].changes.fresh_for_s = 60
    with pages.statements(app) as seen:
        assert poll(ana, cursor=cursor, conversation=chat, after=1) is None
    assert ["agents" in each for each in seen] == [True]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_poll_returns_news_once(ana: FlaskClient, chat: int, sam: Contact, database: Database) -> None:
    cursor = cursor_of(ana, f"/inbox/{chat}")
    post(database, sam, "Hello?")
    news = poll(ana, cursor=cursor, conversation=chat, after=1)
    assert news
    assert [line["number"] for line in news["conversation"]["messages"]] == [2]
    assert "Hello?" in news["conversation"]["messages"][0]["html"]
    assert "Hello?" in news["list"]
    assert news["unread"] == 1
    assert [(each["name"], each["text"]) for each in news["news"]] == [("Sam Rivera", "Hello?")]
    assert poll(ana, cursor=news["cursor"], conversation=chat, after=news["conversation"]["revision"]) is None


def test_a_conversation_that_is_moved_here_is_listed_and_not_announced(
    ana: FlaskClient, sam: Contact, database: Database
) -> None:
    cursor, at = cursor_of(ana), clock.now()
    with database.unit_of_work() as session:
        moved = lifecycle.start(session, sam.id, at=at)
        backdating.backdate(moved, at - timedelta(days=2))
        new = NewMessage("contact", "Two days ago", written_at=at - timedelta(days=2))
        messages.post(session, moved.id, new, at=at)
    news = poll(ana, cursor=cursor)
    assert news
    assert "Two days ago" in news["list"]
    assert (news["unread"], news["news"]) == (1, [])


def test_a_refresh_returns_changes_that_have_no_revision(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session, name="Weekly offers")
        contact, other = session.merge(sam), make.live_type(session, name="Something else")
        inserted = make.inserted(session, make.form(session, other), contact)
        conversation_forms.place(session, appending.lock(session, chat), inserted, author="agent:1", at=clock.now())
    asked: dict[str, Any] = {"cursor": cursor_of(ana, f"/inbox/{chat}"), "conversation": chat, "after": 2}
    with database.unit_of_work() as session:
        make.opt_in(session, session.merge(sam), kind)
        session.get_one(InsertedForm, inserted.id).expires_at = clock.now()
    assert poll(ana, **asked) is None
    news = poll(ana, **asked, refresh="yes")
    assert news
    assert [(line["number"], 'data-state="expired"' in line["html"]) for line in news["conversation"]["messages"]] == [
        (2, True)
    ]
    assert "Opted in" in news["conversation"]["panel"]
    assert (news["conversation"]["revision"], news["news"]) == (2, [])
    assert poll(ana, cursor=news["cursor"], refresh="yes")


def test_a_poll_returns_the_list_that_the_page_shows(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    cursor = cursor_of(ana)
    post(database, sam, "Hello?")
    mine = poll(ana, cursor=cursor, assigned="me")
    assert mine
    assert "Hello?" not in mine["list"]
    found = poll(ana, cursor=cursor, q="sam")
    assert found
    assert "list" not in found
    assert "waiting" not in found


def test_beside_the_list_unread_conversations_wait_the_oldest_first(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        other = make.contact(session, name="Kim Oldest")
    post(database, other, "Are you there?")
    cursor = cursor_of(ana)
    post(database, sam, "Hello?")
    news = poll(ana, cursor=cursor)
    assert news
    for html in (news["waiting"], text_of(ana, "/inbox").partition('id="waiting"')[2]):
        assert html.index("Are you there?") < html.index("Hello?")
    closed, opened = poll(ana, cursor=cursor, box="closed"), poll(ana, cursor=cursor, conversation=chat, after=1)
    assert closed
    assert "Hello?" not in closed["waiting"]
    assert opened
    assert "waiting" not in opened, "the page shows a conversation in this place"


def test_a_colleagues_note_is_shown_live_but_not_announced(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    send(ana, chat, "here", {"revision": "1"})
    cursor = cursor_of(ana)
    post(database, sam, "Careful", "agent:99", kind=MessageKind.NOTE)
    news = poll(ana, cursor=cursor, conversation=chat, after=2)
    assert news
    assert news["news"] == []
    assert "Internal note" in news["conversation"]["messages"][0]["html"]


def test_a_disabled_account_sees_nothing(ana: FlaskClient, chat: int, database: Database) -> None:
    cursor = cursor_of(ana)
    with database.unit_of_work() as session:
        session.scalars(select(Agent).where(Agent.email == "ana@example.com")).one().active = False
    answer = ana.get(f"/inbox/poll?cursor={cursor}", headers={"Accept": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "query", ["box=x&assigned=y", "before=1-1", "before=9999999999999999999999-1", "before=-", "q=%0a", "line=0"]
)
def test_malformed_query_parameters_are_ignored(ana: FlaskClient, chat: int, query: str) -> None:
    for path in ("/inbox", f"/inbox/{chat}"):
        assert ana.get(f"{path}?{query}").status_code == 200
    for odd in ("cursor=x", "cursor=99999999999999999999-1", f"conversation=x&after=y&{query}", "conversation=99"):
        assert ana.get(f"/inbox/poll?{odd}").status_code in {200, 204}


@pytest.mark.databases("sqlite", "postgresql")
def test_long_lists_are_paged_by_key(ana: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        for number in range(inbox.PAGE_SIZE + 3):
            chat = lifecycle.start(session, make.contact(session, name=f"Person {number}").id, at=clock.now())
            messages.post(session, chat.id, NewMessage("contact", "Hi"), at=clock.now())
    first = text_of(ana, "/inbox")
    older = re.search(r'href="(/inbox\?before=[^"]+)"', first)
    assert older
    second = text_of(ana, older[1])
    names = re.findall(r"Person \d+", first + second)
    assert len(set(names)) == inbox.PAGE_SIZE + 3


def test_an_opt_in_costs_two_statements_more_in_a_conversation(
    ana: FlaskClient, app: Flask, chat: int, sam: Contact, database: Database, client: FlaskClient
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        elsewhere = make.inserted(session, form, make.contact(session, phone_number=make.BRITISH_NUMBER)).token
        kind = make.form(session, make.live_type(session, name="News"))
        warm = make.inserted(session, form, make.contact(session, phone_number=make.EVES_NUMBER)).token
    send(ana, chat, "forms", {"form_id": str(kind.id)})
    with database.read_only() as session:
        here = session.scalars(select(InsertedForm.token).where(InsertedForm.conversation_id == chat)).one()

    def answer(token: str) -> list[str]:
        shown = re.search(r'name="shown" value="([^"]+)"', client.get(f"/f/{token}").get_data(as_text=True))
        assert shown
        with pages.statements(app) as seen:
            assert client.post(f"/f/{token}", data={"shown": shown[1]}).status_code == 303
        return list(seen)

    answer(warm)
    assert not [each for each in answer(elsewhere) if "UPDATE conversations" in each or "UPDATE messages" in each]
    about_it = [each for each in answer(here) if "UPDATE conversations" in each or "UPDATE messages" in each]
    assert len(about_it) == 2


@pytest.mark.databases("sqlite", "postgresql")
def test_the_list_is_filtered_by_a_teammate(
    ana: FlaskClient, chat: int, sam: Contact, database: Database, app: Flask
) -> None:
    max_ = pages.make_agent(app, "max2@example.com", name="Max")
    send(ana, chat, "assignee", {"assignee": str(max_)})
    with database.unit_of_work() as session:
        other = lifecycle.start(session, make.contact(session, name="Noor Haddad").id, at=clock.now()).id
        messages.post(session, other, NewMessage("contact", "Hi"), at=clock.now())
    html = text_of(ana, "/inbox")
    assert f'href="/inbox?assigned={max_}"' in html
    shown = text_of(ana, f"/inbox?assigned={max_}").partition('id="chats"')[2]
    assert "Sam Rivera" in shown
    assert "Noor Haddad" not in shown
    assert f"/inbox/{chat}?assigned={max_}" in shown
    news = poll(ana, cursor="0-0", assigned=str(max_))
    assert news
    assert "Noor Haddad" not in news["list"]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_polled_message_is_grouped_like_on_the_page(
    ana: FlaskClient, chat: int, sam: Contact, database: Database
) -> None:
    cursor = cursor_of(ana, f"/inbox/{chat}")
    post(database, sam, "One more thing")
    news = poll(ana, cursor=cursor, conversation=chat, after=1)
    assert news
    (polled,) = (each["html"] for each in news["conversation"]["messages"])
    assert "line-more" in polled
    assert 'class="day' not in polled
    page = text_of(ana, f"/inbox/{chat}")
    assert (page.count('class="day '), page.count("line-more")) == (1, 1)


def test_an_api_token_is_called_by_its_name(ana: FlaskClient, chat: int, sam: Contact, database: Database) -> None:
    cursor = cursor_of(ana, f"/inbox/{chat}")
    with database.unit_of_work() as session:
        token, _ = api_tokens.create(session, "the shop", [], at=clock.now())
        author = f"api:{token.id}"
    post(database, sam, "Your parcel is on its way", author=author)
    news = poll(ana, cursor=cursor, conversation=chat, after=1)
    assert news
    for shown in (text_of(ana, "/inbox"), text_of(ana, f"/inbox/{chat}"), news["list"]):
        assert "API token “the shop”" in shown
