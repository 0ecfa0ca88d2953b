"""The proof of a visitor's identity: what is wrong with one that is not valid."""

import base64
import hashlib
import hmac

import jwt
import pytest

from app.core.messenger.identity import Identity, problem_with
from tests import make

SECRET = "the-identity-secret-of-the-shop-1234"
HASH = hmac.new(SECRET.encode(), b"sam", hashlib.sha256).hexdigest()
NESTED = base64.urlsafe_b64encode(b"[" * 3000).decode()  # deeper than Python reads JSON
NOW_S = int(make.NOON.timestamp())


def signed(secret: str = SECRET, **claims: object) -> str:
    return jwt.encode({"iat": NOW_S, "exp": NOW_S + 600} | claims, secret, algorithm="HS256")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, None),
        ({"user_id": "sam"}, None),
        ({"user_id": "sam", "user_hash": HASH}, None),
        ({"user_jwt": signed(user_id="sam")}, None),
        ({"user_id": "eve", "user_hash": HASH}, "user_hash_wrong"),
        ({"user_hash": HASH}, "user_id_missing"),
        ({"user_jwt": "not.a.token"}, "user_jwt_malformed"),
        ({"user_jwt": f"{NESTED}.e30.e30"}, "user_jwt_malformed"),
        ({"user_jwt": jwt.encode({"user_id": "sam"}, "", algorithm="none")}, "user_jwt_malformed"),
        ({"user_jwt": signed("another-identity-secret-of-32-bytes", user_id="sam")}, "user_jwt_signature_wrong"),
        ({"user_jwt": signed()}, "user_jwt_refused"),
        ({"user_jwt": signed(user_id="sam", iat=NOW_S - 900, exp=NOW_S - 300)}, "user_jwt_expired"),
        ({"user_jwt": signed(user_id="sam", iat=NOW_S + 900, exp=NOW_S + 1800)}, "user_jwt_refused"),
    ],
)
def test_the_answer_names_what_is_wrong_with_a_signature(values: dict[str, str], problem: str | None) -> None:
    assert problem_with(Identity.read(values), (SECRET,), at=make.NOON) == problem
