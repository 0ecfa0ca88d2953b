"""The identity secret of the workspace: a new one, with the old one beside it for a day."""

from datetime import datetime, timedelta

import pytest

from app.core import audit, clock
from app.core.errors import NotFound
from app.core.messenger import identity, visitors
from app.core.messenger.identity import Identity, SignedUser
from app.core.workspace import identity_secret, settings
from app.db import Database
from tests.core.messenger.test_visitors import user_hash
from tests.make import NOON


def proves(database: Database, secret: str, *, at: datetime) -> bool:
    """Whether a page that signs with this secret proves its user, and a wrong signature proves none."""
    with database.read_only() as session:
        accepted = identity.accepted_secrets(settings.get(session), at=at)
    signed = Identity(user_id="sam", user_hash=user_hash("sam", secret))
    assert identity.proven(Identity(user_id="eve", user_hash=signed.user_hash), accepted, at=at) is None
    user = identity.proven(signed, accepted, at=at)
    assert user in {None, SignedUser("sam")}
    assert identity.problem_with(signed, accepted, at=at) == (None if user else "user_hash_wrong")
    return user is not None


def test_a_session_ends_with_the_secret_of_its_proof(database: Database) -> None:
    with database.unit_of_work() as session:
        old = settings.get(session).messenger_secret
        identity_secret.renew(session, actor="agent:1", at=clock.now())
        new = settings.get(session).messenger_secret
    bearers = []
    for secret in (old, new):
        with database.read_only() as session:
            signed = Identity(user_id="sam", user_hash=user_hash("sam", secret))
            user = visitors.signed_user(session, signed, at=clock.now())
            assert user is not None
            bearers.append(visitors.session_for(session, user)[0])
            assert visitors.visitor(session, bearers[-1]).user_id == "sam"
    with database.unit_of_work() as session:
        identity_secret.end_previous(session, actor="agent:1", at=clock.now())
    with database.read_only() as session:
        assert visitors.visitor(session, bearers[1]).user_id == "sam"
        with pytest.raises(NotFound):
            visitors.visitor(session, bearers[0])


def test_the_old_secret_proves_users_for_a_day_or_until_it_is_ended(database: Database) -> None:
    found = []
    for _ in range(3):
        with database.unit_of_work() as session:
            found.append(settings.get(session).messenger_secret)
            revision = settings.get(session).revision
            assert identity_secret.renew(session, actor="agent:1", at=NOON).revision > revision
    first, second, third = found
    day = timedelta(hours=24)
    assert not proves(database, first, at=NOON)  # two renewals ago
    assert not proves(database, second, at=NOON)
    assert proves(database, third, at=NOON + day - timedelta(seconds=1))
    assert not proves(database, third, at=NOON + day)
    with database.unit_of_work() as session:
        newest = identity_secret.end_previous(session, actor="agent:1", at=NOON).messenger_secret
        identity_secret.end_previous(session, actor="agent:1", at=NOON)
    assert (proves(database, third, at=NOON), proves(database, newest, at=NOON)) == (False, True)
    with database.read_only() as session:
        entries = audit.newest(session)
        assert [each.action for each in entries].count("settings.messenger_secret_ended") == 1
        assert not any(secret in str(each.details) for secret in (*found, newest) for each in entries)
