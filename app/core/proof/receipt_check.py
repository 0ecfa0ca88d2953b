"""Checks a receipt offline, with nothing but public keys. ``docs/compliance/verify_receipt.mjs`` says the same.

The keys must come from somewhere else than the receipt: from ``/ledger/keys.json``, saved when the receipt was given,
or from a published head. A forger can sign a receipt with another key and name that key in it.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.core.errors import InvalidInput
from app.core.ledger import merkle, seals, signing_keys
from app.core.ledger.canonical import canonical_json

RECEIPT_BYTES_MAX = 5_000_000
_HEX_KEY = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_SAFE_INTEGER_MAX = 2**53 - 1

Keys = Mapping[str, bytes]


class Verdict(StrEnum):
    """``not_sealed``: what could be checked is right, but the event is not in a seal yet, so the proof is missing."""

    VERIFIED = "verified"
    NOT_SEALED = "not_sealed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Check:
    """One thing that was checked, in words. ``passed`` is null where there was nothing to check."""

    name: str
    passed: bool | None
    words: str


@dataclass(frozen=True)
class Result:
    verdict: Verdict
    checks: list[Check]


def read_keys(text: str) -> Keys:
    """Public keys by their id, from a JWK set (``/ledger/keys.json``), one JWK, or the 64 hex characters of a key.

    :raises InvalidInput: it is none of these
    """
    text = text.strip()
    try:
        if _HEX_KEY.fullmatch(text):
            found = [bytes.fromhex(text)]
        else:
            document = json.loads(text)
            found = [_decoded(each["x"]) for each in document.get("keys", [document])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        found = []
    if not found or any(len(each) != 32 for each in found):
        raise InvalidInput("Give a public key as 64 hex characters, or a file with keys as in /ledger/keys.json.")
    return {signing_keys.thumbprint(each): each for each in found}


def check(text: str | bytes, keys: Keys) -> Result:
    """Check the text of a receipt. It never fails: what cannot be read is refused, and the check says why."""
    try:
        receipt = json.loads(text, parse_float=_number, parse_constant=_refuse_constant)
        signed = canonical_json({name: receipt[name] for name in receipt if name != "signature"})
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return Result(Verdict.REFUSED, [Check("format", False, "This is not a receipt that can be read.")])
    checks = [_guarded(each, receipt, keys, signed) for each in (_signature, _leaf, _seal, _path, _evidence, _words)]
    if any(each.passed is False for each in checks):
        return Result(Verdict.REFUSED, checks)
    is_sealed = receipt.get("proof") is not None
    return Result(Verdict.VERIFIED if is_sealed else Verdict.NOT_SEALED, checks)


_Check = Callable[[Mapping[str, Any], Keys, bytes], Check]


def _guarded(check: _Check, receipt: Mapping[str, Any], keys: Keys, signed: bytes) -> Check:
    """The check; a part that is missing or of the wrong type is refused like a wrong one."""
    try:
        return check(receipt, keys, signed)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        return Check(check.__name__.lstrip("_"), False, "This part of the receipt is missing or damaged.")


def _signature(receipt: Mapping[str, Any], keys: Keys, signed: bytes) -> Check:
    key_id = receipt["signed_by"]["kid"]
    if key_id not in keys:
        return Check("signature", False, f"The receipt is signed by the key {key_id}, which is not one of your keys.")
    passed = signing_keys.is_signed(keys[key_id], _decoded(receipt["signature"]), signed)
    words = f"The receipt is unchanged since it was signed with the key {key_id}."
    return Check("signature", passed, words if passed else "The receipt was changed after it was signed.")


def _leaf(receipt: Mapping[str, Any], _keys: Keys, _signed: bytes) -> Check:
    proof = receipt["proof"]
    if proof is None:
        return Check("leaf", None, "The event is not sealed yet: get a new receipt later.")
    passed = _leaf_of(receipt).hex() == proof["leaf"]
    words = "The hash of the event is that of the proof." if passed else "The event is not the one of the proof."
    return Check("leaf", passed, words)


def _seal(receipt: Mapping[str, Any], keys: Keys, _signed: bytes) -> Check:
    if receipt["proof"] is None:
        return Check("seal", None, "There is no seal yet.")
    seal = receipt["proof"]["seal"]
    key_id = seal["key_id"]
    if key_id not in keys:
        return Check("seal", False, f"Seal {seal['id']} is signed by the key {key_id}, which is not one of your keys.")
    passed = signing_keys.is_signed(keys[key_id], _decoded(receipt["proof"]["seal_signature"]), canonical_json(seal))
    words = f"Seal {seal['id']} with {seal['count']} events is signed with the key {key_id}."
    return Check("seal", passed, words if passed else f"The signature of seal {seal['id']} is wrong.")


def _path(receipt: Mapping[str, Any], _keys: Keys, _signed: bytes) -> Check:
    proof = receipt["proof"]
    if proof is None:
        return Check("path", None, "There is no path to a seal yet.")
    seal, event_id = proof["seal"], receipt["event"]["id"]
    index = seals.index_of(seal["ids"], event_id)
    path = [bytes.fromhex(each) for each in proof["path"]]
    root = merkle.root_of_path(_leaf_of(receipt), index, seal["count"], path)
    passed = index == proof["index"] and root == bytes.fromhex(seal["root"])
    words = f"Event {event_id} is number {index + 1} of the {seal['count']} events in seal {seal['id']}."
    return Check("path", passed, words if passed else f"The event is not in seal {seal['id']}.")


def _evidence(receipt: Mapping[str, Any], _keys: Keys, _signed: bytes) -> Check:
    evidence = receipt["evidence"]
    if evidence is None:
        return Check("evidence", None, "The evidence was erased. Only its hash is left, in the event.")
    content = bytes.fromhex(evidence["salt"]) + canonical_json(evidence["values"])
    passed = hashlib.sha256(content).hexdigest() == receipt["event"]["evidence_hash"]
    words = "The evidence is the one that was recorded with the event."
    return Check("evidence", passed, words if passed else "The evidence is not the one that was recorded.")


def _words(receipt: Mapping[str, Any], _keys: Keys, _signed: bytes) -> Check:
    evidence, text = receipt["evidence"], receipt["words"]
    expected = evidence["values"]["wording_hash"] if evidence else None
    if expected is None and text is None:
        return Check("words", None, "The receipt has no text that the person saw.")
    passed = text is not None and hashlib.sha256(text.encode()).hexdigest() == expected
    return Check("words", passed, "The text is the one that the person saw." if passed else "The text is another one.")


def _leaf_of(receipt: Mapping[str, Any]) -> bytes:
    return merkle.leaf_hash(canonical_json(receipt["event"]))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int | float:
    """``1.0`` is the integer 1, as in JavaScript. Other fractions have no canonical form here."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _SAFE_INTEGER_MAX else number


def _refuse_constant(text: str) -> None:
    raise ValueError(text)
