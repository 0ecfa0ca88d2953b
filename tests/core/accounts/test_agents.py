"""The rules of accounts: passwords, roles, and the last admin."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from passlib.context import CryptContext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.accounts import agents, credentials
from app.core.accounts.agents import NewAgent
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.db import Database
from app.models import Agent, Role
from tests.make import NOON

HASH = agents.hash_password("correct horse battery")
MAX = "agent:1"


@pytest.mark.real_passwords
def test_flask_security_verifies_a_hash_of_core_and_needs_no_update() -> None:
    context = CryptContext(schemes=["argon2"], **{f"argon2__{name}": value for name, value in agents.ARGON2.items()})
    assert context.verify(agents.normalize_password("correct horse battery"), HASH)
    assert not context.verify("wrong horse battery", HASH)
    assert not context.needs_update(HASH)


def test_composed_and_decomposed_accents_are_the_same_password() -> None:
    assert agents.normalize_password("caf\u00e9") == agents.normalize_password("cafe\u0301")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("elevenchars", "at least 12"),
        ("", "at least 12"),
        ("x" * 1001, "at most 1000"),
        (" Sam.Long@Example.com ", "other than your email"),
        ("ababababababab", "different characters"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        agents.check_password_rules(password, "sam.long@example.com")
    assert refused.value.field == "password"


def test_twelve_characters_are_enough() -> None:
    agents.check_password_rules("twelve chars", "sam@example.com")


def test_an_address_has_one_account_however_it_is_spelled(database: Database) -> None:
    with database.unit_of_work() as session:
        made = _make(session, "Max@Example.com", Role.ADMIN)
        assert made.email == "max@example.com"
        with pytest.raises(InvalidInput) as refused:
            _make(session, " MAX@example.COM ")
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    ("values", "field"),
    [({"email": "nobody"}, "email"), ({"name": "x" * 121}, "name"), ({"role": "owner"}, "role")],
)
def test_an_invalid_account_is_refused_with_the_field(database: Database, values: dict[str, str], field: str) -> None:
    good = {"email": "ana@example.com", "name": "Ana", "role": Role.AGENT}
    with database.unit_of_work() as session:
        with pytest.raises(InvalidInput) as refused:
            agents.create_agent(session, NewAgent(**(good | values), password_hash=HASH), at=NOON)  # type: ignore[arg-type]
        assert refused.value.field == field
        assert session.scalar(select(func.count()).select_from(Agent)) == 0


def test_an_invited_agent_has_no_password_yet(database: Database) -> None:
    with database.unit_of_work() as session:
        invited = agents.invite(
            session, email="ana@example.com", name=" Ana  Sun ", role=Role.AGENT, actor=MAX, at=NOON
        )
    assert (invited.password, invited.invited_at, invited.name) == (None, NOON, "Ana Sun")


@pytest.mark.parametrize("step", ["disable", "change_role"])
def test_the_last_admin_who_can_sign_in_is_kept(database: Database, step: str) -> None:
    with database.unit_of_work() as session:
        last = _make(session, "max@example.com", Role.ADMIN)
        _make(session, "ana@example.com")
        agents.invite(session, email="new@example.com", name="", role=Role.ADMIN, actor=MAX, at=NOON)
        gone = _make(session, "gone@example.com", Role.ADMIN)
        agents.disable(session, gone.id, actor=MAX, at=NOON)
        with pytest.raises(InvalidState, match="last admin"):
            _STEPS[step](session, last.id)
        assert (last.active, last.role) == (True, "admin")
        another = _make(session, "eva@example.com", Role.ADMIN)
        _STEPS[step](session, last.id)
        with pytest.raises(InvalidState, match="last admin"):
            _STEPS[step](session, another.id)


def test_two_admins_cannot_demote_each_other_at_the_same_time(database: Database) -> None:
    with database.unit_of_work() as session:
        ids = [_make(session, f"{name}@example.com", Role.ADMIN).id for name in ("max", "eva")]
    barrier = Barrier(2)
    refused: list[str] = []

    def demote(agent_id: int) -> None:
        barrier.wait()
        try:
            with database.unit_of_work() as session:
                agents.change_role(session, agent_id, Role.AGENT, actor=MAX, at=NOON)
        except InvalidState as problem:
            refused.append(problem.message)

    threads = [Thread(target=demote, args=(agent_id,)) for agent_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read_only() as session:
        assert [agent.role for agent in agents.find_all(session)].count("admin") == 1
    assert len(refused) == 1


@pytest.mark.parametrize("step", ["disable", "renew_link", "reset_second_factor"])
def test_a_step_that_ends_sessions_and_links_replaces_the_uniquifier(database: Database, step: str) -> None:
    with database.unit_of_work() as session:
        _make(session, "max@example.com", Role.ADMIN)
        ana = _make(session, "ana@example.com")
        ana.tf_primary_method, ana.tf_totp_secret, ana.mf_recovery_codes = "authenticator", "secret", ["hash"]
        before = ana.fs_uniquifier
        _STEPS[step](session, ana.id)
        assert ana.fs_uniquifier != before
        has_factor = bool(ana.tf_primary_method or ana.tf_totp_secret or ana.mf_recovery_codes)
        assert has_factor == (step != "reset_second_factor")


@pytest.mark.parametrize("step", ["renew_link", "reset_second_factor"])
def test_admins_cannot_reset_their_own_account_from_the_agents_page(database: Database, step: str) -> None:
    with database.unit_of_work() as session:
        me = _make(session, "max@example.com", Role.ADMIN)
        with pytest.raises(InvalidState, match="your own account"):
            _STEPS[step](session, me.id, actor=agents.subject_of(me))


def test_a_disabled_agent_gets_no_link(database: Database) -> None:
    with database.unit_of_work() as session:
        _make(session, "max@example.com", Role.ADMIN)
        ana = _make(session, "ana@example.com")
        agents.disable(session, ana.id, actor=MAX, at=NOON)
        with pytest.raises(InvalidState, match="disabled"):
            agents.renew_link(session, ana.id, actor=MAX, at=NOON)


def test_each_change_is_audited_once(database: Database) -> None:
    with database.unit_of_work() as session:
        _make(session, "max@example.com", Role.ADMIN)
        ana = _make(session, "ana@example.com")
        for step in ("disable", "disable", "enable", "enable", "promote", "promote", "renew_link"):
            _STEPS[step](session, ana.id)
        _STEPS["reset_second_factor"](session, ana.id)
        entries = audit.newest(session, subject=agents.subject_of(ana))
    actions = [entry.action.removeprefix("agent.") for entry in reversed(entries)]
    assert actions == ["created", "disabled", "enabled", "role_changed", "link_made", "second_factor_reset"]
    assert "ana@example.com" not in str([entry.details for entry in entries])


def test_changes_of_an_account_disabled_since_it_was_read_are_not_saved(database: Database) -> None:
    with database.unit_of_work() as session:
        _make(session, "max@example.com", Role.ADMIN)
        ana = _make(session, "ana@example.com")
        uniquifier = ana.fs_uniquifier
        agents.disable(session, ana.id, actor=MAX, at=NOON)
    with pytest.raises(InvalidState), database.unit_of_work() as session:
        credentials.save_changes(session, ana.id, uniquifier, {"password": "another"}, actor=MAX, at=NOON)
    with database.read_only() as session:
        assert agents.find(session, ana.id).password == HASH


def test_one_of_many_requests_with_the_same_recovery_code_succeeds(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = _make(session, "ana@example.com")
        ana.mf_recovery_codes = ["first", "second"]
    results: list[bool] = []

    def use_code() -> None:
        with database.unit_of_work() as session:
            results.append(agents.use_recovery_code(session, ana.id, "first", at=NOON))

    threads = [Thread(target=use_code) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 5 + [True]
    with database.read_only() as session:
        assert agents.find(session, ana.id).mf_recovery_codes == ["second"]


def test_a_missing_account_is_not_found(database: Database) -> None:
    with database.unit_of_work() as session:
        for step in _STEPS.values():
            with pytest.raises(NotFound):
                step(session, 999)


def _make(session: Session, email: str, role: Role = Role.AGENT) -> Agent:
    return agents.create_agent(session, NewAgent(email, "", role, HASH), at=NOON)


def _step(function: Callable[..., Agent], *more: object) -> Callable[..., Agent]:
    return lambda session, agent_id, actor="agent:99": function(session, agent_id, *more, actor=actor, at=NOON)


_STEPS = {
    "disable": _step(agents.disable),
    "enable": _step(agents.enable),
    "change_role": _step(agents.change_role, Role.AGENT),
    "promote": _step(agents.change_role, Role.ADMIN),
    "renew_link": _step(agents.renew_link),
    "reset_second_factor": _step(agents.reset_second_factor),
}
