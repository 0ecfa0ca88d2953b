"""The keys that sign seals: one is active, each is ours, and only the active one can sign."""

import threading

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from app.core.ledger import signing_keys
from app.core.signing import Keys, attach
from app.db import Database
from app.models import SigningKey
from tests import make


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    public_key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert signing_keys.thumbprint(public_key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_key_is_made_when_it_is_first_needed_and_signs_from_then_on(database: Database) -> None:
    with database.unit_of_work() as session:
        assert signing_keys.active(session) is None
        key = signing_keys.ensure(session)
        assert signing_keys.ensure(session).id == key.id
        signature = signing_keys.sign(session, key, b"words")
        assert signing_keys.is_signed(key.public_key, signature, b"words")
        assert not signing_keys.is_signed(key.public_key, signature, b"other words")
        assert not signing_keys.is_signed(key.public_key, b"short", b"words")


def test_two_that_need_the_first_key_at_the_same_time_make_one(database: Database) -> None:
    made: list[str] = []

    def ensure() -> None:
        with database.unit_of_work() as session:
            made.append(signing_keys.ensure(session).id)

    both = [threading.Thread(target=ensure) for _ in range(4)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    with database.read_only() as session:
        assert set(session.scalars(select(SigningKey.id))) == set(made)
    assert len(made) == 4
    assert len(set(made)) == 1


def test_a_retired_key_verifies_and_signs_nothing_more(database: Database) -> None:
    with database.unit_of_work() as session:
        old = signing_keys.ensure(session)
        signature = signing_keys.sign(session, old, b"words")
        new = signing_keys.rotate(session)
        assert signing_keys.ensure(session).id == new.id != old.id
        assert (old.retired_at, old.private_key) != (None, None)
        assert old.private_key is None
        assert signing_keys.is_signed(old.public_key, signature, b"words")
        assert signing_keys.is_ours(session, old)
        assert [each.id for each in signing_keys.all_keys(session)] == [old.id, new.id]
        with pytest.raises((InvalidTag, ValueError)):
            signing_keys.sign(session, old, b"words")


def test_a_key_that_was_made_without_the_secret_key_is_not_ours(database: Database) -> None:
    with database.unit_of_work() as session:
        key = signing_keys.ensure(session)
        assert signing_keys.is_ours(session, key)
        for values in ({"proof": b"x"}, {"id": "another"}, {"public_key": bytes(32)}, {"created_at": make.NOON}):
            columns = {name: getattr(key, name) for name in ("id", "public_key", "proof", "created_at")} | values
            assert not signing_keys.is_ours(session, SigningKey(**columns)), values
        attach(session.info, Keys("another-secret-key"))
        assert not signing_keys.is_ours(session, key)
        with pytest.raises(InvalidTag):
            signing_keys.sign(session, key, b"words")


def test_the_public_key_is_a_jwk_with_its_times(database: Database) -> None:
    with database.unit_of_work() as session:
        old = signing_keys.ensure(session)
        signing_keys.rotate(session)
        jwk = signing_keys.jwk(old)
    assert {name: jwk[name] for name in ("kty", "crv", "kid", "alg", "use")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": old.id,
        "alg": "EdDSA",
        "use": "sig",
    }
    assert old.retired_at
    assert (jwk["created_at"], jwk["retired_at"]) == (
        int(old.created_at.timestamp()),
        int(old.retired_at.timestamp()),
    )
