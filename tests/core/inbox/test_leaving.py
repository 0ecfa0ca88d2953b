"""An agent whose account is disabled has no conversations any more."""

import pytest

from app.core.conversations import changes, lifecycle
from app.core.errors import InvalidState
from app.core.inbox import leaving, lists
from app.core.inbox.lists import OpenCounts
from app.db import Database
from app.models import Role
from tests import make
from tests.core.conversations.chats import started_by_contact
from tests.make import NOON


def test_the_conversations_of_a_disabled_agent_are_unassigned_and_announced_to_others(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session).id, make.agent(session, role=Role.ADMIN).id
        theirs, closed = (started_by_contact(session, assignee_id=ana) for _ in range(2))
        lifecycle.close(session, closed, actor="agent:1", at=NOON)
        kept = started_by_contact(session, assignee_id=max_)
        assert lists.counts(session, max_).unread == 1
    with database.unit_of_work() as session:
        cursor = changes.changed_since(session, None).cursor
    with database.unit_of_work() as session:
        assert not leaving.disable(session, ana, actor=f"agent:{max_}", at=NOON).active
    with database.unit_of_work() as session:
        found = [lifecycle.find(session, each).assignee_id for each in (theirs, closed, kept)]
        assert found == [None, None, max_]
        assert set(changes.changed_since(session, cursor).conversation_ids) == {theirs, closed}
        assert lists.counts(session, max_) == OpenCounts(all=2, mine=1, unassigned=1, others=0, unread=2)


def test_the_last_admin_keeps_account_and_conversations(database: Database) -> None:
    with database.unit_of_work() as session:
        max_ = make.agent(session, role=Role.ADMIN, password_hash="x").id
        chat = started_by_contact(session, assignee_id=max_)
        with pytest.raises(InvalidState):
            leaving.disable(session, max_, actor=f"agent:{max_}", at=NOON)
        assert lifecycle.find(session, chat).assignee_id == max_
