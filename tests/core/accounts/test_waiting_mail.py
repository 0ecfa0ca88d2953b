"""Agents choose what they are mailed about."""

import pytest
from sqlalchemy import func, select

from app.core.accounts import waiting_mail
from app.core.errors import InvalidInput
from app.db import Database
from app.models import AuditEntry
from tests import make
from tests.make import NOON


def test_an_agent_is_mailed_about_own_conversations_after_15_minutes_until_that_is_changed(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session)
        assert (ana.mailed_about, ana.mailed_after_minutes) == ("mine", 15)
        for _ in range(2):
            waiting_mail.change(session, ana.id, "all", 60, actor=f"agent:{ana.id}", at=NOON)
        assert (ana.mailed_about, ana.mailed_after_minutes) == ("all", 60)
        changed = select(func.count()).where(AuditEntry.action == "agent.waiting_mail_changed")
        assert session.scalar(changed) == 1


@pytest.mark.parametrize(("about", "after_minutes", "field"), [("", 5, "about"), ("mine", 7, "after_minutes")])
def test_a_value_that_is_not_offered_is_refused(database: Database, about: str, after_minutes: int, field: str) -> None:
    with database.unit_of_work() as session, pytest.raises(InvalidInput) as refused:
        waiting_mail.change(session, make.agent(session).id, about, after_minutes, actor="agent:1", at=NOON)
    assert refused.value.field == field
