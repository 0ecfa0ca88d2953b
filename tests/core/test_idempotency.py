"""An Idempotency-Key that is deleted or used at the moment in which it is claimed."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from app.core import idempotency
from app.core.accounts import api_tokens
from app.db import Database
from app.models import IdempotencyKey
from tests.crossing import cross
from tests.make import NOON

A_DAY_LATER = NOON + timedelta(days=1)


@pytest.fixture
def token_id(database: Database) -> int:
    """The token whose key was used at noon."""
    with database.unit_of_work() as session:
        made, _ = api_tokens.create(session, "shop", [], at=NOON)
        assert idempotency.claim(session, made.id, "key", "call", at=NOON) is None
        idempotency.save_response(session, made.id, "key", "first")
        return made.id


def lock(session: Session) -> None:
    session.query(IdempotencyKey).with_for_update().one()


@pytest.mark.databases("postgresql")
def test_a_key_that_is_deleted_while_it_is_claimed_is_claimed(database: Database, token_id: int) -> None:
    def claim(session: Session) -> str | None:
        return idempotency.claim(session, token_id, "key", "call", at=A_DAY_LATER)

    def delete(session: Session) -> None:
        idempotency.purge_expired(session, at=A_DAY_LATER)

    assert cross(database, lock, claim, then=delete) is None
    with database.read_only() as session:
        assert session.query(IdempotencyKey).one().created_at == A_DAY_LATER


@pytest.mark.databases("postgresql")
def test_of_two_calls_with_an_expired_key_one_runs_and_the_other_gets_its_response(
    database: Database, token_id: int
) -> None:
    def claim(session: Session) -> str | None:
        return idempotency.claim(session, token_id, "key", "call", at=A_DAY_LATER)

    def run(session: Session) -> None:
        assert claim(session) is None
        idempotency.save_response(session, token_id, "key", "second")

    assert cross(database, lock, claim, then=run) == "second"
