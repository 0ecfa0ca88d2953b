"""Insider's contract: users are stored, identities renamed, and numbers opted in or out.

A bad record stops no other one, and is named in the answer, whose status is 200.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from marshmallow import ValidationError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.connectors.insider import channel, identity, record, upsert
from app.core.connectors.insider.record import Identifiers, Refusal
from app.core.errors import Duplicate
from app.core.ledger.evidence import Evidence
from app.schemas.entry import BadValue, check
from app.schemas.insider import (
    PHONE,
    InsiderIdentityChangeSchema,
    InsiderIdentityRemovalSchema,
    InsiderNumbersSchema,
    InsiderUpsertSchema,
    InsiderUserSchema,
    paths_of,
)
from app.schemas.insider_result import InsiderAnswerSchema
from app.web.api import auth
from app.web.api.insider_blueprint import InsiderBlueprint, partner
from app.web.services import settings, unit_of_work

UPSERT, UPSERT_BYTES_MAX = "insider.upsert_users", 5_000_000
blueprint = InsiderBlueprint("insider", __name__, description="Insider's contract, for integrations that speak it.")
_USER = InsiderUserSchema()
_PHONE = re.compile(PHONE)
_TRIES, _TOGETHER_ON_SQLITE = 2, 25
# The path of a record in the request, and what stores it: that returns why something does not count, by attribute.
_Record = tuple[str, Callable[[Session], dict[str, str]]]


@dataclass
class _Outcome:
    """What became of the records of a call. ``reasons``: why something does not count."""

    successful: int = 0
    failed: int = 0
    errors: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def succeed(self, path: str, doubts: dict[str, str]) -> None:
        self.successful += 1
        self.reasons |= {f"{path}.{name}": reason for name, reason in doubts.items()}

    def fail(self, problems: dict[str, list[str]]) -> None:
        self.failed += 1
        self.errors |= problems

    @property
    def answer(self) -> dict[str, Any]:
        fail = {"count": self.failed, "errors": self.errors}
        claims = {"count": len(self.reasons), "reasons": self.reasons}
        return {"data": {"successful": {"count": self.successful}, "fail": fail, "claims": claims}}


@blueprint.post("/user/v1/upsert")
@blueprint.arguments(InsiderUpsertSchema)
@blueprint.response(200, InsiderAnswerSchema)
def upsert_users(body: dict[str, Any]) -> dict[str, Any]:
    """Store users with their attributes.

    At most 1000 users in 5 MB. A user that cannot be stored is named in `fail.errors` by its place, and stops no other
    one. The same user again writes nothing.

    `identifiers` find a contact: `uuid` is its external id, `email` and `phone_number` are those of a user. They must
    not point to different contacts: contacts are never merged here, and identifiers never renamed. A `phone_number`
    alone is the one user who has it, else the lead of that number.

    `sms_optin` true is an opt-in to `site_subscription_type_id` of the workspace, false opts out of all texts;
    `gdpr_optin` false stops every message. What is reported here lifts no opt-out, no suppression and no `gdpr_optin`
    false: such an opt-in is recorded as a claim, and named in `claims.reasons`. Unknown attributes become custom
    attributes; lists become text, joined by commas, and are added to what is stored. Events are checked, and not
    stored. With `skip_hook` webhooks are sent, too: other systems rely on every change of a consent.
    """
    outcome, records = _Outcome(), []
    for place, given in enumerate(body["users"]):
        path = f"users.{place}"
        try:
            records.append((path, partial(_upsert, user=_valid_user(given))))
        except _Invalid as problem:
            outcome.fail(paths_of(problem.messages, path))
    _run(outcome, records)
    return outcome.answer


@blueprint.patch("/user/v1/identity", errors=(404, 409))
@blueprint.arguments(InsiderIdentityChangeSchema)
@blueprint.response(200, InsiderAnswerSchema)
def change_identity(body: dict[str, Any]) -> dict[str, Any]:
    """Rename one identifier of a user, such as a phone number.

    Opt-ins given for the old number do not count for the new one. 404: no user has the old identifier. 409: another
    user has the new one.
    """
    old, new = Identifiers.of(body["old_identifier"]), Identifiers.of(body["new_identifier"])
    with unit_of_work() as session:
        identity.change(session, old, new, _evidence(), at=clock.now())
    return _Outcome(successful=1).answer


@blueprint.delete("/user/v1/identity", errors=(404, 409))
@blueprint.arguments(InsiderIdentityRemovalSchema)
@blueprint.response(200, InsiderAnswerSchema)
def remove_identity(body: dict[str, Any]) -> dict[str, Any]:
    """Remove one identifier of a user.

    409: a user keeps a `uuid` or an `email`.
    """
    with unit_of_work() as session:
        identity.remove(session, Identifiers.of(body["identifier"]), _evidence(), at=clock.now())
    return _Outcome(successful=1).answer


@blueprint.post("/sms/v2/subscribe")
@blueprint.arguments(InsiderNumbersSchema)
@blueprint.response(200, InsiderAnswerSchema)
def subscribe_numbers(body: dict[str, Any]) -> dict[str, Any]:
    """Opt numbers in to texts.

    To `site_subscription_type_id` of the workspace: the one user who has the number, else its lead. At most 500
    numbers. A number that opted out stays opted out: it is named in `claims.reasons`.
    """
    return _for_numbers(body["phone_numbers"], channel.subscribe)


@blueprint.post("/sms/v2/unsubscribe")
@blueprint.arguments(InsiderNumbersSchema)
@blueprint.response(200, InsiderAnswerSchema)
def unsubscribe_numbers(body: dict[str, Any]) -> dict[str, Any]:
    """Opt numbers out of all texts.

    Every contact that has the number is opted out of every subscription type for texts; an unknown number is kept, too.
    At most 500 numbers.
    """
    return _for_numbers(body["phone_numbers"], channel.unsubscribe)


class _Invalid(Exception):
    def __init__(self, messages: Any) -> None:
        super().__init__()
        self.messages = messages


def _valid_user(given: Any) -> Any:
    """:raises _Invalid: the schema refuses it, or it holds what no database stores"""
    try:
        check(given)
    except BadValue as problem:
        raise _Invalid({problem.field or "record": {"value": [problem.message]}}) from None
    if not isinstance(given, dict):
        raise _Invalid({"type": ["must be object"]})
    try:
        return _USER.load(given)
    except ValidationError as problem:
        raise _Invalid(problem.messages) from None


def _upsert(session: Session, *, user: Any) -> dict[str, str]:
    stored = upsert.upsert(session, upsert.record_of(user), _evidence(), at=clock.now())
    return {f"attributes.{name}": reason for name, reason in stored.doubts.items()}


def _for_numbers(given: Sequence[Any], change: Callable[..., str | None]) -> dict[str, Any]:
    outcome, records = _Outcome(), []
    for place, number in enumerate(given):
        path = f"phone_numbers.{place}"
        if isinstance(number, str) and _PHONE.fullmatch(number):
            records.append((path, partial(_change_number, change=change, number=number)))
        else:
            outcome.fail({f"{path}.format": [f"does not match {PHONE}"]})
    _run(outcome, records)
    return outcome.answer


def _change_number(session: Session, *, change: Callable[..., str | None], number: str) -> dict[str, str]:
    reason = change(session, number, _evidence(), at=clock.now())
    return {"sms_optin": reason} if reason else {}


def _run(outcome: _Outcome, records: Sequence[_Record]) -> None:
    """Run records in transactions, several in one on SQLite, which writes each transaction to the disk.

    On PostgreSQL each has its own: two calls that lock several contacts could wait for each other.
    """
    size = _TOGETHER_ON_SQLITE if settings().is_sqlite else 1
    for start in range(0, len(records), size):
        chunk = records[start : start + size]
        if len(chunk) == 1 or not _run_together(outcome, chunk):
            for path, run in chunk:
                _run_alone(outcome, path, run)


def _run_together(outcome: _Outcome, records: Sequence[_Record]) -> bool:
    """Run records in one transaction. False: one of them cannot be stored, so nothing was."""
    try:
        with unit_of_work() as session:
            found = [(path, run(session)) for path, run in records]
    except (Refusal, Duplicate):
        return False
    for path, doubts in found:
        outcome.succeed(path, doubts)
    return True


def _run_alone(outcome: _Outcome, path: str, run: Callable[[Session], dict[str, str]]) -> None:
    """Run one record. Concurrent calls may store the same person: the second try finds what the other one stored."""
    for attempt in range(_TRIES):
        try:
            with unit_of_work() as session:
                doubts = run(session)
        except Duplicate:
            if attempt + 1 == _TRIES:
                outcome.fail({f"{path}.identifiers.conflict": ["another contact has one of these identifiers"]})
            continue
        except Refusal as problem:
            outcome.fail({f"{path}.{problem.path}": [problem.sentence]})
        else:
            outcome.succeed(path, doubts)
        return


def _evidence() -> Evidence:
    return record.evidence_of(auth.caller().actor, partner())
