"""What a visitor is told, from the database and from memory: nothing twice, nothing late, nothing of anybody else."""

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.conversations import lifecycle
from app.core.conversations import messages as conversations
from app.core.conversations.appending import NewMessage
from app.core.conversations.change_cache import ChangeCache
from app.core.conversations.contact_messages import PostedMessage
from app.core.errors import NotFound
from app.core.messenger import polling as messenger_polls
from app.core.messenger import tokens as messenger_tokens
from app.core.messenger import visitors as messenger
from app.core.messenger.identity import Identity, SignedUser
from app.core.messenger.polling import Polls
from app.core.messenger.visitors import Sender, Visitor
from app.core.workspace import settings
from app.db import Database
from app.models import Contact, MessageKind
from tests import make
from tests.make import NOON

TOKEN, EVES = "t_" + "a" * 43, "t_" + "b" * 43


@pytest.fixture
def polls() -> Polls:
    return Polls(ChangeCache(fresh_for_s=0))


@pytest.fixture
def asked(database: Database, polls: Polls) -> list[str]:
    """The statements of polls, as they come."""
    seen: list[str] = []
    database.trace = seen.append
    return seen


def write(database: Database, bearer: str = TOKEN, body: str = "Hello") -> PostedMessage:
    sender = Sender(bearer=bearer, identity=Identity(), is_new=True, address=None, locale="en")
    with database.unit_of_work() as session:
        written = messenger.write(session, sender, body=body, client_key=secrets.token_hex(8), at=clock.now())
    assert written.message
    return written.message


def reply(database: Database, conversation_id: int, body: str, kind: MessageKind = MessageKind.MESSAGE) -> None:
    with database.unit_of_work() as session:
        conversations.post(session, conversation_id, NewMessage("agent:1", body, kind=kind), at=clock.now())


class Panel:
    """One open panel, which asks after what it knows."""

    def __init__(self, database: Database, polls: Polls, bearer: str = TOKEN) -> None:
        self.database, self.polls, self.bearer = database, polls, bearer
        self.known: dict[int, int] = {}

    def poll(self) -> list[str]:
        _, news = self.polls.news(self.database, self.bearer, self.known, at=NOON)
        self.known |= {view.conversation_id: view.revision for view in news.views}
        return [line.body for view in news.views for line in view.messages]


def test_news_come_once_and_over_all_conversations(database: Database, polls: Polls) -> None:
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


def test_an_answer_in_any_open_conversation_is_heard_of_and_answered_there(database: Database, polls: Polls) -> None:
    oldest = write(database, body="0")
    with database.unit_of_work() as session:
        sam = session.scalars(select(Contact.id)).one()
        for number in range(1, 10):
            chat = lifecycle.start(session, sam, at=clock.now())
            conversations.post(session, chat.id, NewMessage("agent:1", str(number)), at=clock.now())
            if number > 6:
                lifecycle.close(session, chat.id, actor="agent:1", at=clock.now())
    panel = Panel(database, polls)
    assert panel.poll() == [str(number) for number in range(10)]
    reply(database, oldest.conversation_id, "in the oldest")
    assert panel.poll() == ["in the oldest"]
    assert write(database, body="I see").conversation_id == oldest.conversation_id
    assert Panel(database, Polls(ChangeCache(fresh_for_s=0))).poll()[-3:] == ["0", "in the oldest", "I see"]


def test_between_changes_nothing_is_asked_but_what_changed_anywhere(
    database: Database, polls: Polls, asked: list[str]
) -> None:
    written = write(database)
    write(database, EVES, "Something else")
    panel = Panel(database, polls)
    panel.poll()
    asked.clear()
    assert panel.poll() == []
    assert len(asked) == 1
    changes = polls._changes
    changes.fresh_for_s = 60
    assert [panel.poll() for _ in range(10)] == [[]] * 10
    assert len(asked) == 1
    changes.fresh_for_s = 0
    reply(database, written.conversation_id, "Hi")
    assert panel.poll() == ["Hi"]


def test_two_processes_tell_the_same(database: Database) -> None:
    written = write(database)
    one, two = (Panel(database, Polls(ChangeCache(fresh_for_s=0))) for _ in range(2))
    assert one.poll() == two.poll() == ["Hello"]
    reply(database, written.conversation_id, "Hi")
    assert one.poll() == two.poll() == ["Hi"]
    assert one.poll() == two.poll() == []


def test_somebody_elses_conversation_shows_nothing(database: Database, polls: Polls) -> None:
    theirs = write(database)
    write(database, EVES, "mine")
    eve = Panel(database, polls, EVES)
    eve.known = {theirs.conversation_id: 0}
    assert eve.poll() == ["mine"]
    with database.read_only() as session:
        who = messenger.visitor(session, EVES)
    with database.read_only() as session, pytest.raises(NotFound):
        messenger_polls.earlier(session, who, theirs.conversation_id, before=9, at=NOON)


def test_a_token_that_ended_is_a_strangers_at_once(database: Database, polls: Polls) -> None:
    write(database)
    panel = Panel(database, polls)
    panel.poll()
    with database.unit_of_work() as session:
        messenger_tokens.end(session, TOKEN, at=NOON)
    with pytest.raises(NotFound):
        panel.poll()


def test_whoever_signs_in_finds_the_chat_and_the_lead_does_not(database: Database, polls: Polls) -> None:
    write(database)
    lead = Panel(database, polls)
    assert lead.poll() == ["Hello"]
    with database.unit_of_work() as session:
        messenger.sign_in(session, SignedUser("sam"), TOKEN, address=None, at=NOON)
        bearer, _ = messenger.session_for(session, SignedUser("sam"))
    assert Panel(database, polls, bearer).poll() == ["Hello"]
    with pytest.raises(NotFound):
        lead.poll()


def test_a_user_who_is_not_known_yet_finds_what_an_agent_begins(
    database: Database, polls: Polls, asked: list[str]
) -> None:
    with database.read_only() as session:
        bearer, _ = messenger.session_for(session, SignedUser("sam"))
    sam = Panel(database, polls, bearer)
    assert sam.poll() == []
    write(database, EVES, "something changes, but not for Sam")
    asked.clear()
    assert [sam.poll(), sam.poll()] == [[], []]
    assert len(asked) == 3, "changes, and once the user"
    with database.unit_of_work() as session:
        made = make.contact(session, external_id="sam")
        conversation = lifecycle.start(session, made.id, at=NOON)
        conversations.post(session, conversation.id, NewMessage("agent:1", "Welcome"), at=NOON)
    assert sam.poll() == ["Welcome"]


def test_a_new_identity_secret_ends_what_is_remembered(database: Database, polls: Polls) -> None:
    with database.read_only() as session:
        bearer, _ = messenger.session_for(session, SignedUser("sam"))
    sam = Panel(database, polls, bearer)
    assert sam.poll() == []
    with database.unit_of_work() as session:
        settings.renew_messenger_secret(session, actor="agent:1", at=NOON)
    with pytest.raises(NotFound):
        sam.poll()


def test_what_is_remembered_is_looked_up_again_after_a_while(database: Database, polls: Polls) -> None:
    """A token that vanished without a trace, by hand in the database, is noticed in the end."""
    write(database)
    panel = Panel(database, polls)
    panel.poll()
    with database.unit_of_work() as session:
        messenger_tokens.forget(session, at=NOON + timedelta(days=4000))
    assert panel.poll() == []
    polls._remembered[TOKEN].since_s -= messenger_polls.REMEMBERED_FOR_S + 1
    with pytest.raises(NotFound):
        panel.poll()


def test_who_asks_is_told_with_the_news(database: Database, polls: Polls) -> None:
    write(database)
    with database.read_only() as session:
        lead_id = session.scalars(select(Contact.id)).one()
    for _ in range(2):
        who, _ = polls.news(database, TOKEN, {}, at=NOON)
        assert who == Visitor(lead_id)
