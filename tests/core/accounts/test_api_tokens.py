from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.accounts import api_tokens
from app.core.errors import InvalidInput
from app.core.signing import hash_of_token
from app.db import Database
from app.models import ApiToken, AuditEntry
from tests.make import NOON


def test_a_token_is_returned_once_and_stored_as_its_hash(database: Database) -> None:
    with database.unit_of_work() as session:
        made, text = api_tokens.create(session, "  the   shop ", [], at=NOON)
        assert (made.name, made.scopes, made.expires_at) == ("the shop", ["read", "write"], None)
        assert text.startswith("assent_")
        assert len(text) >= 50
        assert made.token_hash == hash_of_token(text)
    with database.read_only() as session:
        stored = session.scalars(select(ApiToken)).one()
        entry = session.scalars(select(AuditEntry)).one()
        assert text not in str(vars(stored)) + str(vars(entry))
        assert (entry.action, entry.subject, entry.actor) == ("token.created", f"token:{stored.id}", "command line")


def test_every_token_is_different(database: Database) -> None:
    with database.unit_of_work() as session:
        assert len({api_tokens.create(session, "shop", [], at=NOON)[1] for _ in range(20)}) == 20


def test_scopes_are_stored_once_each_in_a_fixed_order(database: Database) -> None:
    with database.unit_of_work() as session:
        made, _ = api_tokens.create(session, "shop", ["admin", "read", "admin"], at=NOON)
        assert made.scopes == ["read", "admin"]


@pytest.mark.parametrize(
    ("name", "scopes", "expires_in", "field"),
    [
        (" ", [], None, "name"),
        ("x" * 121, [], None, "name"),
        ("shop", ["read", "root"], None, "scopes"),
        ("shop", [], timedelta(0), "expires_at"),
    ],
)
def test_invalid_values_are_refused_with_their_field(
    name: str, scopes: list[str], expires_in: timedelta | None, field: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        expires_at = NOON + expires_in if expires_in is not None else None
        with pytest.raises(InvalidInput) as refused:
            api_tokens.create(session, name, scopes, at=NOON, expires_at=expires_at)
        assert refused.value.field == field
        assert session.scalars(select(ApiToken)).all() == []
