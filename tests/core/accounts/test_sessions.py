"""Sessions of agents: how they start, what ends them, and what is stored of them."""

from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.accounts import agents, credentials, sessions
from app.core.errors import InvalidState, NotFound
from app.core.signing import hash_of_token
from app.db import Database
from app.models import Agent, AgentSession, Role
from tests import make
from tests.make import NOON
from tests.processes import PATIENCE_S

MAX = "agent:99"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_only_the_hash_of_a_token_is_stored(database: Database) -> None:
    with database.unit_of_work() as session:
        token = start(session, agent(session))
        (stored,) = session.scalars(select(AgentSession))
        assert (stored.token_hash, stored.ip_address, stored.user_agent) == (hash_of_token(token), "192.0.2.7", FIREFOX)
        assert (stored.created_at, stored.last_used_at) == (NOON, NOON)
        assert session.get_one(Agent, stored.agent_id).last_sign_in_at == NOON


def test_a_long_or_strange_user_agent_is_shortened_to_printable_characters(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = agent(session)
        sessions.start(session, ana, ip_address=None, user_agent="a\0\udc80\n" + "b" * 1000, at=NOON)
        (stored,) = session.scalars(select(AgentSession.user_agent))
        assert stored == "a" + "b" * 255


def test_a_session_signs_in_for_thirty_days_and_is_then_deleted(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = agent(session)
        token = start(session, ana)
    almost, over = NOON + sessions.LASTS - timedelta(seconds=1), NOON + sessions.LASTS
    with database.unit_of_work() as session:
        assert signs_in(session, ana, token, at=almost)
        assert sessions.delete_expired(session, at=almost) == 0
        assert len(sessions.newest(session, ana.id, at=almost)) == 1
        assert not signs_in(session, ana, token, at=over)
        assert sessions.newest(session, ana.id, at=over) == []
        assert sessions.delete_expired(session, at=over) == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda session, ana: agents.disable(session, ana.id, actor=MAX, at=NOON),
        lambda session, ana: agents.renew_link(session, ana.id, actor=MAX, at=NOON),
        lambda session, ana: agents.reset_second_factor(session, ana.id, actor=MAX, at=NOON),
        lambda session, ana: credentials.save_changes(
            session, ana.id, ana.fs_uniquifier, {"fs_uniquifier": "new"}, actor=MAX, at=NOON
        ),
    ],
    ids=["disabled", "one-time link", "second factor reset", "password changed"],
)
def test_whatever_ends_the_sessions_of_an_account_deletes_their_rows_and_no_others(database: Database, act) -> None:  # type: ignore[no-untyped-def]
    with database.unit_of_work() as session:
        ana, max_ = agent(session), agent(session, "max@example.com", Role.ADMIN)
        for each in (ana, ana, max_):
            start(session, each)
        act(session, ana)
        assert session.scalars(select(AgentSession.agent_id)).all() == [max_.id]


def test_a_change_of_the_name_ends_no_session(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = agent(session)
        token = start(session, ana)
        credentials.save_changes(session, ana.id, ana.fs_uniquifier, {"name": "Ana Harbour"}, actor=MAX, at=NOON)
        assert signs_in(session, ana, token)


def test_no_session_starts_for_an_account_that_changed_since_its_password_was_checked(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = agent(session)
    with database.unit_of_work() as session:
        agents.disable(session, ana.id, actor=MAX, at=NOON)
    with database.unit_of_work() as session, pytest.raises(InvalidState):
        start(session, ana)
    with database.read_only() as session:
        assert session.scalars(select(AgentSession)).all() == []


def test_a_sign_in_and_a_password_change_at_the_same_time_leave_no_session_with_the_old_password(
    database: Database,
) -> None:
    """The sign-in locks the account, so the change comes after it and ends its session."""
    with database.unit_of_work() as session:
        ana = agent(session)
    before = ana.fs_uniquifier

    def change() -> None:
        with database.unit_of_work() as session:
            credentials.save_changes(session, ana.id, before, {"fs_uniquifier": "new"}, actor=MAX, at=NOON)

    changing = Thread(target=change)
    with database.unit_of_work() as session:
        start(session, ana)
        changing.start()
        changing.join(0.2)
    changing.join(PATIENCE_S)
    with database.read_only() as session:
        assert session.scalars(select(AgentSession)).all() == []


def test_one_session_ends_or_all_others_do_and_never_those_of_somebody_else(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = agent(session), agent(session, "max@example.com", Role.ADMIN)
        tokens = [start(session, ana) for _ in range(4)]
        of_max = start(session, max_)
        ids = sorted(each.id for each in sessions.newest(session, ana.id, at=NOON))
        with pytest.raises(NotFound):
            sessions.end_one(session, max_.id, ids[0], at=NOON)
        sessions.end_one(session, ana.id, ids[0], at=NOON)
        with pytest.raises(NotFound):
            sessions.end_one(session, ana.id, ids[0], at=NOON)
        sessions.end(session, tokens[1])
        assert sessions.end_others(session, ana.id, keep=ids[2], at=NOON) == 1
        assert [signs_in(session, ana, token) for token in tokens] == [False, False, True, False]
        assert signs_in(session, max_, of_max)


def test_the_id_of_an_ended_session_is_never_used_again(database: Database) -> None:
    ids = []
    for _ in range(2):
        with database.unit_of_work() as session:
            ana = agents.find_all(session)[0] if ids else agent(session)
            token = start(session, ana)
            ids.append(sessions.newest(session, ana.id, at=NOON)[0].id)
            sessions.end(session, token)
    assert ids[0] < ids[1]


def test_at_most_a_hundred_sessions_are_listed_and_those_used_last(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = agent(session)
        for minute in range(101):
            at = NOON + timedelta(minutes=minute)
            sessions.start(session, ana, ip_address=None, user_agent="", at=at)
        listed = sessions.newest(session, ana.id, at=NOON + timedelta(days=1))
    assert (len(listed), listed[0].created_at, listed[-1].created_at) == (100, at, NOON + timedelta(minutes=1))


def test_the_last_use_is_recorded_every_five_minutes_and_revives_nothing(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = agent(session)
        token = start(session, ana)
        (stored,) = sessions.newest(session, ana.id, at=NOON)
    soon, later = NOON + timedelta(minutes=4, seconds=59), NOON + timedelta(minutes=5)
    assert (sessions.is_use_due(stored, at=soon), sessions.is_use_due(stored, at=later)) == (False, True)
    for at in (soon, later):
        with database.unit_of_work() as session:
            sessions.record_use(session, stored.id, ip_address="192.0.2.8", at=at)
        with database.read_only() as session:
            (used,) = sessions.newest(session, ana.id, at=at)
            assert (used.last_used_at, used.ip_address) == ((NOON, "192.0.2.7") if at == soon else (at, "192.0.2.8"))
    with database.unit_of_work() as session:
        sessions.end(session, token)
        sessions.record_use(session, stored.id, ip_address=None, at=later + timedelta(hours=1))
        assert session.scalars(select(AgentSession)).all() == []


def agent(session: Session, email: str = "ana@example.com", role: Role = Role.AGENT) -> Agent:
    return make.agent(session, email=email, role=role, password_hash="hash")


def start(session: Session, of: Agent) -> str:
    return sessions.start(session, of, ip_address="192.0.2.7", user_agent=FIREFOX, at=NOON)


def signs_in(session: Session, of: Agent, token: str, *, at=NOON) -> bool:  # type: ignore[no-untyped-def]
    found = select(AgentSession.id).join(Agent).where(sessions.SIGNS_IN)
    return session.scalar(found, sessions.signs_in_with(token, of.fs_uniquifier, at=at)) is not None
