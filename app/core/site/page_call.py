"""What a page sends to ``/site/collect``: read, judged, and described without personal data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.core.errors import InvalidInput
from app.core.ledger.evidence import Evidence
from app.core.messenger.identity import Identity
from app.core.site import paths, user_object
from app.core.site.claim import Claim, Doubt, evidence_of
from app.core.site.policy import Proof, SitePolicy
from app.core.site.samples import Sample
from app.core.site.user_object import RefusedValue, UserObject
from app.schemas.entry import is_storable

SOURCES = ("insider_object", "InsiderQueue", "both")
_PAGE_MAX = 2000


@dataclass(frozen=True)
class PageCall:
    """The body of one call.

    :param values: the user object; null: the page has none
    :param identity: what ``window.assent`` says, proven or not
    """

    key: str
    page: str
    source: str
    values: Mapping[Any, Any] | None
    identity: Identity
    refused: tuple[RefusedValue, ...] = ()


@dataclass(frozen=True)
class Judged:
    """A call, with what of it is valid. Nothing here depends on what is stored about people."""

    call: PageCall
    user: UserObject
    refused: tuple[RefusedValue, ...]
    proof: Proof
    doubts: frozenset[str]

    @property
    def all_refused(self) -> list[RefusedValue]:
        """With a proof of the identity that is not valid."""
        return [*self.refused, *([RefusedValue("identity", self.proof.problem)] if self.proof.problem else [])]

    def claim(self, evidence: Evidence) -> Claim:
        """What the page claims, with the evidence of this request."""
        is_signed = self.proof.user is not None
        evidence = replace(evidence, page=self.call.page or None)
        evidence = evidence_of(evidence, self.user, self.call.source, is_signed=is_signed)
        return Claim(self.user, evidence, self.proof.user)

    def sample(self, origin: str, doubts: frozenset[str]) -> Sample:
        """What the integration check shows of the call."""
        refused = list(self.refused)
        problems = {f"{each.field}:{each.reason}" for each in refused} | self.doubts | doubts
        return Sample(
            origin=origin,
            path=paths.of(self.call.page),
            source=self.call.source,
            phone_number=user_object.kind_of("phone_number", self.user, refused),
            sms_optin=user_object.kind_of("sms_optin", self.user, refused),
            gdpr_optin=user_object.kind_of("gdpr_optin", self.user, refused),
            uuid=user_object.kind_of("uuid", self.user, refused),
            identity=self.proof.problem or ("signed" if self.proof.user else "unsigned"),
            is_signed_in=_is_signed_in(self.call, self.user),
            problems=tuple(sorted(str(each) for each in problems)),
        )


def read(data: bytes) -> PageCall:
    """Parse the body. What is wrong with the user object is refused value by value, by ``judge``.

    :raises InvalidInput: it is not a JSON object
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InvalidInput("Send a JSON object.")
    given, source = body.get("user"), body.get("source")
    is_object = isinstance(given, dict)
    return PageCall(
        key=_text(body.get("key")),
        page=_text(body.get("page"))[:_PAGE_MAX],
        source=source if isinstance(source, str) and source in SOURCES else "",
        values=given if is_object else None,
        identity=Identity.read(body),
        refused=() if given is None or is_object else (RefusedValue("user", "not_an_object"),),
    )


def judge(call: PageCall, policy: SitePolicy, *, at: datetime) -> Judged:
    """Which values are valid, and whom the page proves. A proof of another id than the object's proves no one."""
    user, refused = user_object.read(call.values or {})
    proof = _proof(call, user, policy, at=at)
    found = {
        Doubt.SEQUENTIAL_ID: user.has_sequential_uuid,
        Doubt.OTHER_ID: bool(call.identity.user_id and user.uuid and call.identity.user_id != user.uuid),
        Doubt.MISSING: not call.values and _is_signed_in(call, user),
        Doubt.BOTH_SOURCES: call.source == "both",
    }
    doubts = frozenset(str(doubt) for doubt, applies in found.items() if applies)
    return Judged(call, user, (*call.refused, *refused), proof, doubts)


def _proof(call: PageCall, user: UserObject, policy: SitePolicy, *, at: datetime) -> Proof:
    identity = call.identity
    if identity.user_hash and not identity.user_id and user.uuid:
        identity = replace(identity, user_id=user.uuid)  # the page signs the id that its object names
    proof = policy.prove(identity, at=at)
    if proof.user is not None and user.uuid is not None and user.uuid != proof.user.user_id:
        return Proof(problem="user_id_mismatch")
    return proof


def _is_signed_in(call: PageCall, user: UserObject) -> bool:
    return bool(call.identity.user_id or call.identity.user_jwt or user.uuid)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and is_storable(value) else ""
