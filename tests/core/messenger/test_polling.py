"""Polls return each change once and only to its visitor, from the database and from the cache."""

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.conversations.change_cache import ChangeCache
from app.core.conversations.contact_messages import PostedMessage
from app.core.errors import NotFound
from app.core.messenger import polling as messenger_polls
from app.core.messenger import signing_in, visitors
from app.core.messenger import tokens as messenger_tokens
from app.core.messenger.identity import Identity, SignedUser
from app.core.messenger.polling import Polls
from app.core.messenger.visitors import Sender, Visitor
from app.core.workspace import identity_secret
from app.db import Database
from app.models import Contact, MessageKind
from tests import make
from tests.make import NOON

TOKEN, EVES = "t_" + "a" * 43, "t_" + "b" * 43


@pytest.fixture
def polls() -> Polls:
    return Polls(ChangeCache(fresh_for_s=0))


@pytest.fixture
def statements(database: Database, polls: Polls) -> list[str]:
    """The SQL statements that polls run."""
    seen: list[str] = []
    database.trace = seen.append
    return seen


def write(database: Database, bearer: str = TOKEN, body: str = "Hello") -> PostedMessage:
    sender = Sender(bearer=bearer, identity=Identity(), is_new=True, address=None, locale="en")
    with database.unit_of_work() as session:
        result = visitors.write(session, sender, body=body, client_key=secrets.token_hex(8), at=clock.now())
    assert result.message
    return result.message


def reply(database: Database, conversation_id: int, body: str, kind: MessageKind = MessageKind.MESSAGE) -> None:
    with database.unit_of_work() as session:
        messages.post(session, conversation_id, NewMessage("agent:1", body, kind=kind), at=clock.now())


class Panel:
    """An open panel: it polls with the revisions that it knows."""

    def __init__(self, database: Database, polls: Polls, bearer: str = TOKEN) -> None:
        self.database, self.polls, self.bearer = database, polls, bearer
        self.known: dict[int, int] = {}

    def poll(self) -> list[str]:
        _, news = self.polls.news(self.database, self.bearer, self.known, at=NOON)
        self.known |= {view.conversation_id: view.revision for view in news.views}
        return [line.body for view in news.views for line in view.messages]


def test_news_of_all_conversations_are_returned_once(database: Database, polls: Polls) -> None:
    first = write(database, body="one")
    with database.unit_of_work() as session:
        lifecycle.close(session, first.conversation_id, actor="agent:1", at=NOON)
    write(database, body="two")
    panel = Panel(database, polls)
    assert panel.poll() == ["one", "two"]
    assert panel.poll() == []
    reply(database, first.conversation_id, "late")
    reply(database, first.conversation_id, "secret", MessageKind.NOTE)
    assert panel.poll() == ["late"]
    assert panel.poll() == []


def test_a_reply_in_any_open_conversation_is_returned_and_can_be_answered_there(
    database: Database, polls: Polls
) -> None:
    oldest = write(database, body="0")
    with database.unit_of_work() as session:
        sam = session.scalars(select(Contact.id)).one()
        for number in range(1, 10):
            chat = lifecycle.start(session, sam, at=clock.now())
            messages.post(session, chat.id, NewMessage("agent:1", str(number)), at=clock.now())
            if number > 6:
                lifecycle.close(session, chat.id, actor="agent:1", at=clock.now())
    panel = Panel(database, polls)
    assert panel.poll() == [str(number) for number in range(10)]
    reply(database, oldest.conversation_id, "in the oldest")
    assert panel.poll() == ["in the oldest"]
    assert write(database, body="I see").conversation_id == oldest.conversation_id
    assert Panel(database, Polls(ChangeCache(fresh_for_s=0))).poll()[-3:] == ["0", "in the oldest", "I see"]


def test_polls_between_changes_run_one_statement_at_most(
    database: Database, polls: Polls, statements: list[str]
) -> None:
    message = write(database)
    write(database, EVES, "Something else")
    panel = Panel(database, polls)
    panel.poll()
    statements.clear()
    assert panel.poll() == []
    assert len(statements) == 1
    changes = polls._changes
    changes.fresh_for_s = 60
    assert [panel.poll() for _ in range(10)] == [[]] * 10
    assert len(statements) == 1
    changes.fresh_for_s = 0
    reply(database, message.conversation_id, "Hi")
    assert panel.poll() == ["Hi"]


def test_messages_that_a_new_page_asks_for_again_are_one_statement(
    database: Database, polls: Polls, statements: list[str]
) -> None:
    write(database)
    assert Panel(database, polls).poll() == ["Hello"]
    polls._changes.fresh_for_s = 60
    statements.clear()
    assert Panel(database, polls).poll() == ["Hello"]
    assert len(statements) == 1


def test_two_processes_return_the_same(database: Database) -> None:
    message = write(database)
    one, two = (Panel(database, Polls(ChangeCache(fresh_for_s=0))) for _ in range(2))
    assert one.poll() == two.poll() == ["Hello"]
    reply(database, message.conversation_id, "Hi")
    assert one.poll() == two.poll() == ["Hi"]
    assert one.poll() == two.poll() == []


def test_a_conversation_of_another_visitor_is_not_found(database: Database, polls: Polls) -> None:
    of_sam = write(database)
    write(database, EVES, "mine")
    eve = Panel(database, polls, EVES)
    eve.known = {of_sam.conversation_id: 0}
    assert eve.poll() == ["mine"]
    with database.read_only() as session:
        visitor = visitors.visitor(session, EVES)
    with database.read_only() as session, pytest.raises(NotFound):
        messenger_polls.earlier(session, visitor, of_sam.conversation_id, before=9, at=NOON)


def test_an_ended_token_is_rejected_immediately(database: Database, polls: Polls) -> None:
    write(database)
    panel = Panel(database, polls)
    panel.poll()
    with database.unit_of_work() as session:
        messenger_tokens.end(session, TOKEN, at=NOON)
    with pytest.raises(NotFound):
        panel.poll()


def test_a_visitor_who_signs_in_keeps_the_conversation_and_the_lead_loses_it(database: Database, polls: Polls) -> None:
    write(database)
    lead = Panel(database, polls)
    assert lead.poll() == ["Hello"]
    with database.unit_of_work() as session:
        signing_in.sign_in(session, SignedUser("sam"), TOKEN, address=None, at=NOON)
        bearer, _ = visitors.session_for(session, SignedUser("sam"))
    assert Panel(database, polls, bearer).poll() == ["Hello"]
    with pytest.raises(NotFound):
        lead.poll()


def test_a_user_without_a_contact_gets_the_conversation_that_an_agent_starts(
    database: Database, polls: Polls, statements: list[str]
) -> None:
    with database.read_only() as session:
        bearer, _ = visitors.session_for(session, SignedUser("sam"))
    sam = Panel(database, polls, bearer)
    assert sam.poll() == []
    write(database, EVES, "something changes, but not for Sam")
    statements.clear()
    assert [sam.poll(), sam.poll()] == [[], []]
    assert len(statements) == 3, "changes, and once the user"
    with database.unit_of_work() as session:
        contact = make.contact(session, external_id="sam")
        conversation = lifecycle.start(session, contact.id, at=NOON)
        messages.post(session, conversation.id, NewMessage("agent:1", "Welcome"), at=NOON)
    assert sam.poll() == ["Welcome"]


def test_a_session_of_the_old_identity_secret_ends_with_it_in_the_cache_too(database: Database, polls: Polls) -> None:
    with database.read_only() as session:
        bearer, _ = visitors.session_for(session, SignedUser("sam"))
    sam = Panel(database, polls, bearer)
    assert sam.poll() == []
    with database.unit_of_work() as session:
        identity_secret.renew(session, actor="agent:1", at=clock.now())
    assert sam.poll() == []
    with database.unit_of_work() as session:
        identity_secret.end_previous(session, actor="agent:1", at=clock.now())
    with pytest.raises(NotFound):
        sam.poll()


def test_a_cached_visitor_is_looked_up_again_after_a_while(database: Database, polls: Polls) -> None:
    """Even if the token was deleted without a change that the cache would notice."""
    write(database)
    panel = Panel(database, polls)
    panel.poll()
    with database.unit_of_work() as session:
        messenger_tokens.delete_expired(session, at=NOON + timedelta(days=4000))
    assert panel.poll() == []
    polls._cache[TOKEN].since_s -= messenger_polls.CACHED_FOR_S + 1
    with pytest.raises(NotFound):
        panel.poll()


def test_a_poll_returns_its_visitor(database: Database, polls: Polls) -> None:
    write(database)
    with database.read_only() as session:
        lead_id = session.scalars(select(Contact.id)).one()
    for _ in range(2):
        visitor, _ = polls.news(database, TOKEN, {}, at=NOON)
        assert visitor == Visitor(lead_id)
