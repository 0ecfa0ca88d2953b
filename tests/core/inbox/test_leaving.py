"""An agent whose account is disabled has no conversations any more."""

import pytest

from app.core.conversations import changes, lifecycle
from app.core.errors import InvalidState
from app.core.inbox import leaving, lists
from app.core.inbox.lists import OpenCounts
from app.db import Database
from app.models import Role
from tests import make
from tests.core.conversations.chats import post, started_by_contact
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


def test_an_enabled_agent_gets_back_the_conversations_in_which_nothing_happened_since(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session).id, make.agent(session, role=Role.ADMIN).id
        untouched, closed, written, taken, freed = (started_by_contact(session, assignee_id=ana) for _ in range(5))
        lifecycle.close(session, closed, actor="agent:1", at=NOON)
        others = [started_by_contact(session), started_by_contact(session, assignee_id=max_)]
    by_max = {"actor": f"agent:{max_}", "at": NOON}
    for step in (leaving.disable, leaving.disable):  # a second one forgets nothing
        with database.unit_of_work() as session:
            step(session, ana, **by_max)
    with database.unit_of_work() as session:
        post(session, written)
    with database.unit_of_work() as session:
        lifecycle.assign(session, taken, max_, **by_max)
    for assignee in (max_, None):
        with database.unit_of_work() as session:
            lifecycle.assign(session, freed, assignee, **by_max)
    with database.unit_of_work() as session:
        cursor = changes.changed_since(session, None).cursor
    with database.unit_of_work() as session:
        assert leaving.enable(session, ana, **by_max).active
    with database.unit_of_work() as session:
        found = [lifecycle.find(session, each).assignee_id for each in (untouched, closed, written, taken, freed)]
        assert found == [ana, ana, None, max_, None]
        assert [lifecycle.find(session, each).assignee_id for each in others] == [None, max_]
        assert set(changes.changed_since(session, cursor).conversation_ids) == {untouched, closed}
        lifecycle.assign(session, untouched, None, **by_max)
    with database.unit_of_work() as session:
        leaving.enable(session, ana, **by_max)
        assert lifecycle.find(session, untouched).assignee_id is None, "an account that is not disabled gets nothing"


def test_the_last_admin_keeps_account_and_conversations(database: Database) -> None:
    with database.unit_of_work() as session:
        max_ = make.agent(session, role=Role.ADMIN, password_hash="x").id
        chat = started_by_contact(session, assignee_id=max_)
        with pytest.raises(InvalidState):
            leaving.disable(session, max_, actor=f"agent:{max_}", at=NOON)
        assert lifecycle.find(session, chat).assignee_id == max_
