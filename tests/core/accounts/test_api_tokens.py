from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.accounts import api_tokens as tokens
from app.core.errors import InvalidInput
from app.db import Database
from app.models import ApiToken, AuditEntry
from tests.make import NOON


def test_a_token_is_shown_once_and_kept_as_its_hash(database: Database) -> None:
    with database.unit_of_work() as session:
        made, text = tokens.create(session, "  the   shop ", [], at=NOON)
        assert (made.name, made.scopes, made.expires_at) == ("the shop", ["read", "write"], None)
        assert text.startswith("assent_")
        assert len(text) >= 50
        assert made.token_hash == tokens.hash_of(text)
    with database.read_only() as session:
        kept = session.scalars(select(ApiToken)).one()
        told = session.scalars(select(AuditEntry)).one()
        assert text not in str(vars(kept)) + str(vars(told))
        assert (told.action, told.subject, told.actor) == ("token.created", f"token:{kept.id}", "command line")


def test_no_two_tokens_are_alike(database: Database) -> None:
    with database.unit_of_work() as session:
        assert len({tokens.create(session, "shop", [], at=NOON)[1] for _ in range(20)}) == 20


def test_scopes_are_kept_once_each_in_one_order(database: Database) -> None:
    with database.unit_of_work() as session:
        made, _ = tokens.create(session, "shop", ["admin", "read", "admin"], at=NOON)
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
def test_what_cannot_be_is_refused_with_its_field(
    name: str, scopes: list[str], expires_in: timedelta | None, field: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        expires_at = NOON + expires_in if expires_in is not None else None
        with pytest.raises(InvalidInput) as refused:
            tokens.create(session, name, scopes, at=NOON, expires_at=expires_at)
        assert refused.value.field == field
        assert session.scalars(select(ApiToken)).all() == []
