"""The identity that a page gives for its visitor, and its proof: a hash of the user id or a JWT, as in Intercom."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from app.core import email, phone
from app.core.errors import DestinationRefused
from app.core.signing import Keys
from app.models import Contact
from app.schemas.entry import is_storable

if TYPE_CHECKING:
    from jwt.types import Options

SESSION_PREFIX = "s_"
SESSION_MAX_AGE_S = 12 * 60 * 60
# The longest life of a JWT, and how far the clocks of two servers may differ.
JWT_LASTS_S, _CLOCK_SKEW_S = 24 * 60 * 60, 60
_SECONDS_MAX = 32_503_680_000  # until the year 3000
_LENGTHS = {"user_id": 255, "user_hash": 128, "user_jwt": 4096, "name": 200, "email": 254, "phone": 64}


@dataclass(frozen=True)
class Identity:
    """What the page put into ``window.assent``, proven or not. Empty: not given."""

    user_id: str = ""
    user_hash: str = ""
    user_jwt: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Identity":
        """Read what a browser sent. Only texts are used; values over the limit are dropped."""
        texts = {name: (_exact if name == "user_id" else _text)(values.get(name)) for name in _LENGTHS}
        return cls(**{name: text for name, text in texts.items() if len(text) <= _LENGTHS[name]})

    @property
    def claims(self) -> dict[str, str]:
        """What it says about the person, unproven."""
        claims = {"user_id": self.user_id, "name": self.name, "email": self.email, "phone": self.phone}
        return {name: text for name, text in claims.items() if text}


@dataclass(frozen=True)
class SignedUser:
    """A user whose page proved who they are. Name, address and number are set only if they were signed, too.

    :param secret: the secret of the proof; empty: the current one
    """

    user_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    secret: str = field(default="", compare=False, repr=False)

    def changes_for(self, contact: Contact) -> dict[str, str]:
        """The signed values that differ from the contact's."""
        signed = {"name": self.name, "email": self.email, "phone": self.phone}
        return {name: value for name, value in signed.items() if value and getattr(contact, name) != value}


class Secrets(Protocol):
    """The columns of the workspace that decide which secrets are accepted."""

    @property
    def messenger_secret(self) -> str: ...
    @property
    def previous_messenger_secret(self) -> str | None: ...
    @property
    def previous_secret_ends_at(self) -> datetime | None: ...


def accepted_secrets(workspace: Secrets, *, at: datetime) -> tuple[str, ...]:
    """The secrets that a page may have signed with: a renewed one is valid for 24 hours beside the new one."""
    previous, ends_at = workspace.previous_messenger_secret, workspace.previous_secret_ends_at
    if previous is None or ends_at is None or ends_at <= at:
        return (workspace.messenger_secret,)
    return (workspace.messenger_secret, previous)


def proven(identity: Identity, secrets: tuple[str, ...], *, at: datetime) -> SignedUser | None:
    """The user, if the page's signature is valid: a JWT (HS256) with ``user_id``, else the hash of ``user_id``.

    If the page sends a JWT, its hash is ignored.

    :param secrets: any of ``accepted_secrets`` proves the user
    """
    return next(filter(None, (_proven_by(identity, each, at=at) for each in secrets)), None)


def _proven_by(identity: Identity, secret: str, *, at: datetime) -> SignedUser | None:
    if identity.user_jwt:
        return _of_jwt(identity.user_jwt, secret, at=at)
    if not identity.user_id or not identity.user_hash:
        return None
    expected = hmac.new(secret.encode(), identity.user_id.encode(), hashlib.sha256).hexdigest()
    is_valid = hmac.compare_digest(expected.encode(), identity.user_hash.lower().encode())
    return SignedUser(identity.user_id, secret=secret) if is_valid else None


def problem_with(identity: Identity, secrets: tuple[str, ...], *, at: datetime) -> str | None:
    """Why the page's signature is not valid, as a code; null when it is, or when the page signs nothing.

    One of ``user_id_missing``, ``user_hash_wrong``, ``user_jwt_malformed``, ``user_jwt_signature_wrong``,
    ``user_jwt_expired``, ``user_jwt_refused`` (no ``user_id`` in it, or it is not valid now for another reason).
    """
    if proven(identity, secrets, at=at) is not None:
        return None
    if identity.user_jwt:
        found = [_problem_with_jwt(identity.user_jwt, each, at=at) for each in secrets]
        return next((each for each in found if each != "user_jwt_signature_wrong"), found[0])
    if identity.user_hash:
        return "user_hash_wrong" if identity.user_id else "user_id_missing"
    return None


def signed_session(keys: Keys, user: SignedUser, secret: str) -> str:
    """A session that the frame uses instead of the page's proof. It ends with the secret of that proof.

    :param secret: the current one
    """
    return SESSION_PREFIX + keys.signer("messenger session").sign([user.user_id, _fingerprint(user.secret or secret)])


def person_of(keys: Keys, user: SignedUser) -> str:
    """Identifies the user in a browser's storage without revealing who they are."""
    return keys.bucket("person", user.user_id)


def read_session(keys: Keys, text: str, secrets: tuple[str, ...]) -> str | None:
    """The user id of a session; null when it was not signed here, is too old, or its secret is accepted no more."""
    value = keys.signer("messenger session").read(text.removeprefix(SESSION_PREFIX), max_age_s=SESSION_MAX_AGE_S)
    if value is None or len(value) != 2:
        return None
    is_valid = any(hmac.compare_digest(str(value[1]), _fingerprint(each)) for each in secrets)
    return str(value[0]) if is_valid else None


def full_number_proof(keys: Keys, form_token: str, contact_id: int) -> str:
    """Lets the embed show this contact's saved number in full in this form, for as long as a session lasts.

    A panel may open the form hours after it received its address.
    """
    return keys.signer("full number").sign([form_token, contact_id])


def may_show_full_number(keys: Keys, proof: str, form_token: str | None, contact_id: int | None) -> bool:
    """Whether ``proof`` was made for this form and this contact, no longer ago than a session lasts."""
    if not proof or form_token is None or contact_id is None:
        return False
    return keys.signer("full number").read(proof, max_age_s=SESSION_MAX_AGE_S) == [form_token, contact_id]


def full_answer_proof(keys: Keys, shown: str) -> str:
    """The proof that a page showed the number in full, so that the page after its answer may show it, too.

    :param shown: the page's signed render token; the proof is valid only with it and for as long as it is
    """
    return keys.signer("full answer").sign([shown.rpartition(".")[2]])


def was_shown_in_full(keys: Keys, proof: str, shown: str, *, max_age_s: int) -> bool:
    """Whether ``proof`` belongs to the page that was answered."""
    if not proof or not shown:
        return False
    return keys.signer("full answer").read(proof, max_age_s=max_age_s) == [shown.rpartition(".")[2]]


def _of_jwt(token: str, secret: str, *, at: datetime) -> SignedUser | None:
    claims = _decoded(token, secret)
    if isinstance(claims, str):
        return None
    user_id = _exact(claims.get("user_id"))
    if not 0 < len(user_id) <= _LENGTHS["user_id"] or not _is_now(claims, at):
        return None
    return SignedUser(
        user_id,
        name=_text(claims.get("name"))[: _LENGTHS["name"]] or None,
        email=_address(_text(claims.get("email"))),
        phone=_number(_text(claims.get("phone"))),
        secret=secret,
    )


def _problem_with_jwt(token: str, secret: str, *, at: datetime) -> str:
    claims = _decoded(token, secret)
    if isinstance(claims, str):
        return claims
    ends_s = claims.get("exp")
    return "user_jwt_expired" if _is_time(ends_s) and ends_s <= at.timestamp() else "user_jwt_refused"


def _decoded(token: str, secret: str) -> dict[str, Any] | str:
    """The claims, or why there are none, as a code. Their times are checked by ``_is_now``."""
    import jwt  # takes 1.5 MB, and few pages sign with it

    unchecked: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    try:
        return jwt.decode(token, secret, algorithms=["HS256"], options=unchecked)
    except jwt.InvalidSignatureError:
        return "user_jwt_signature_wrong"
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return "user_jwt_malformed"


def _is_now(claims: Mapping[str, Any], at: datetime) -> bool:
    """Whether a JWT is valid now. It says when it was made and when it ends, at most a day later."""
    now_s, made_s, ends_s = at.timestamp(), claims.get("iat"), claims.get("exp")
    begins_s = claims.get("nbf", made_s)
    if not (_is_time(made_s) and _is_time(ends_s) and _is_time(begins_s)):
        return False
    has_begun = max(made_s, begins_s) <= now_s + _CLOCK_SKEW_S
    return has_begun and now_s < ends_s <= made_s + JWT_LASTS_S


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _SECONDS_MAX


def _exact(value: Any) -> str:
    """An id exactly as it was given: two that differ by a space are two people. Empty where it cannot be stored."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and is_storable(text) else ""


def _address(typed: str) -> str | None:
    try:
        return email.read(typed) if typed else None
    except DestinationRefused:
        return None


def _number(typed: str) -> str | None:
    """As E.164; null when it is not a valid number, so that it does not replace a saved one."""
    number, country = phone.normalize(typed[: _LENGTHS["phone"]])
    return number if country else None


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).replace("\0", "").strip()
    return text if is_storable(text) else ""
