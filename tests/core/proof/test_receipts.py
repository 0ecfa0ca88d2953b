"""Receipts: what they hold, and that two independent programs accept good ones and refuse every change."""

import base64
import copy
import importlib.util
import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core import wording
from app.core.contacts import erase
from app.core.errors import InvalidInput, NotFound
from app.core.ledger import sealing, signing_keys
from app.core.ledger.canonical import canonical_json
from app.core.proof import bundle, receipt_check, receipts
from app.core.proof.receipt_check import Verdict
from app.core.workspace import settings
from app.db import Database
from app.models import Contact, EvidenceLevel, SubscriptionType
from tests import make
from tests.make import NOON, SAMS_NUMBER

SCHEMA = Path(__file__).parents[2] / "data" / "consent-receipt.schema.json"
ISSUER = "https://consent.example.com"
LATER = NOON + timedelta(days=1)
Receipt = dict[str, Any]
pytestmark = pytest.mark.databases("sqlite")  # what is read here, tests/core/ledger reads on both


def _words() -> wording.FrozenWording:
    legal = wording.legal_html("By signing up you agree to get marketing texts from Harbour Coffee.")
    texts = {"brand": "Harbour Coffee", "form_title": "Offers", "legal_html": legal, "button": "Sign Up Now"}
    return wording.freeze("de", texts | {"notes": ["ünïcödé 😀"]})


def _sam_opts_in(database: Database, times: int = 1) -> int:
    """Sam opts in by a form. Returns the id of the first event."""
    with database.unit_of_work() as session:
        values = {
            "name": "Harbour Coffee",
            "controller_address": "1 Quay Street",
            "controller_contact": "privacy@example.com",
            "recipients": ["Twilio Inc."],
            "jurisdiction": "Germany",
            "storage_location": "European Union",
            "privacy_url": "https://example.com/privacy",
        }
        settings.change(session, values, actor="agent:1", at=NOON)
        offers = make.live_type(session)
        evidence = make.evidence(
            level=EvidenceLevel.SIGNED_IDENTITY, locale="de", words=_words(), ip_address="192.0.2.1"
        )
        ids = []
        for number in range(times):
            sam = make.contact(session, phone_number=SAMS_NUMBER if number == 0 else f"+1202555010{number}")
            ids.append(make.opt_in(session, sam, offers, evidence=evidence).event_id)
        return ids[0]


def _receipt(database: Database, event_id: int) -> Receipt:
    with database.read_only() as session:
        return receipts.receipt(session, receipts.line_of(session, event_id), issuer=ISSUER, at=LATER)


def _keys(database: Database) -> str:
    with database.read_only() as session:
        return json.dumps({"keys": [signing_keys.jwk(each) for each in signing_keys.all_keys(session)]})


def _verdict(receipt: Receipt, keys: str) -> Verdict:
    return receipt_check.check(json.dumps(receipt), receipt_check.read_keys(keys)).verdict


@pytest.mark.databases("sqlite", "postgresql")
def test_a_sealed_event_has_a_receipt_that_verifies_with_the_public_keys_alone(database: Database) -> None:
    event_id = _sam_opts_in(database, times=5)
    sealing.seal(database)
    receipt, keys = _receipt(database, event_id), _keys(database)
    result = receipt_check.check(json.dumps(receipt), receipt_check.read_keys(keys))
    assert result.verdict == Verdict.VERIFIED
    assert [each.passed for each in result.checks] == [True] * 6
    assert receipt["evidence"]["values"]["destination"] == SAMS_NUMBER
    assert receipt["status"] == "sealed"


def test_each_mandatory_field_is_there_as_the_schema_asks(database: Database) -> None:
    event_id = _sam_opts_in(database)
    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    schema.validate(_receipt(database, event_id))  # before the first seal: without key and proof
    sealing.seal(database)
    receipt = _receipt(database, event_id)
    schema.validate(receipt)
    record = receipt["dct:hasPart"]
    assert record["dpv:hasConsentStatus"]["@type"] == ["dpv:ConsentGiven", "dpv:ExpressedConsent"]
    assert record["dpv:hasConsentStatus"]["dpv:isIndicatedAtTime"] == "2026-11-02T12:00:00.000000Z"
    assert record["dpv:hasEntity"][0]["dpv:hasName"] == "Harbour Coffee"
    assert record["dct:language"] == "de"
    process = record["dpv:hasProcess"][0]
    assert process["dpv:hasRecipient"] == ["Twilio Inc."]
    assert process["dpv:hasJurisdiction"] == ["Germany"]
    assert [each["skos:broader"] for each in process["dpv:hasPersonalData"]] == ["pd:TelephoneNumber", "pd:IPAddress"]
    assert receipt["kantara"]["consentTimestamp"] == int(NOON.timestamp())
    assert "/p/" not in json.dumps(record)  # no link that only the person may have


def test_settings_that_are_empty_are_named_as_not_stated(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        event_id = make.opt_in(session, sam, make.live_type(session)).event_id
    record = _receipt(database, event_id)["dct:hasPart"]
    assert record["dpv:hasEntity"][0]["dpv:hasName"] == "My business"
    assert record["dpv:hasEntity"][0]["schema:address"]["schema:streetAddress"] == "not stated"
    assert record["dpv:hasProcess"][0]["dpv:hasRecipient"] == ["none"]
    assert record["dpv:hasConsentStatus"]["@type"] == ["dpv:ConsentGiven", "dpv:Consent"]


def test_an_event_that_is_not_sealed_has_a_receipt_without_proof(database: Database) -> None:
    _sam_opts_in(database)
    sealing.seal(database)
    receipt = _receipt(database, _sam_opts_in(database))
    assert (receipt["status"], receipt["proof"]) == ("pending", None)
    assert "not sealed yet" in receipt["explanation"]
    assert _verdict(receipt, _keys(database)) == Verdict.NOT_SEALED


def test_after_an_erasure_the_receipt_has_no_evidence_and_still_verifies(database: Database) -> None:
    event_id = _sam_opts_in(database)
    sealing.seal(database)
    before = _receipt(database, event_id)
    with database.unit_of_work() as session:
        contact = session.get_one(Contact, receipts.line_of(session, event_id).event.contact_id)
        erase.erase(session, contact, actor="agent:1", at=LATER)
    receipt = _receipt(database, event_id)
    assert receipt["evidence"] is receipt["words"] is None
    assert SAMS_NUMBER not in json.dumps(receipt)
    assert "erased" in receipt["explanation"]
    assert _verdict(receipt, _keys(database)) == Verdict.VERIFIED
    assert _verdict(before, _keys(database)) == Verdict.VERIFIED
    assert before["dct:hasPart"]["dct:identifier"] == receipt["dct:hasPart"]["dct:identifier"]


def test_old_receipts_verify_after_the_key_was_rotated_and_new_ones_with_both_keys(database: Database) -> None:
    event_id = _sam_opts_in(database)
    sealing.seal(database)
    old = _receipt(database, event_id)
    old_key = bytes.fromhex(_hex_keys(database)[0]).hex()
    with database.unit_of_work() as session:
        signing_keys.rotate(session)
    new = _receipt(database, event_id)
    assert old["signed_by"]["kid"] != new["signed_by"]["kid"]
    assert _verdict(old, old_key) == Verdict.VERIFIED
    assert _verdict(new, old_key) == Verdict.REFUSED
    assert _verdict(new, _keys(database)) == Verdict.VERIFIED


def test_a_receipt_that_a_stranger_signed_is_refused_though_it_names_their_key(database: Database) -> None:
    event_id = _sam_opts_in(database)
    sealing.seal(database)
    receipt, keys = _receipt(database, event_id), _keys(database)
    forged = _signed_by_eve(receipt)
    assert _verdict(forged, json.dumps(forged["signed_by"])) == Verdict.REFUSED  # the seal is not by eve
    assert _verdict(forged, keys) == Verdict.REFUSED
    result = receipt_check.check(json.dumps(forged), receipt_check.read_keys(keys))
    assert "not one of your keys" in result.checks[0].words


def test_each_part_is_checked_by_itself_whoever_signed_the_receipt(database: Database) -> None:
    event_id = _sam_opts_in(database, times=3)
    sealing.seal(database)
    receipt, keys = _receipt(database, event_id), json.loads(_keys(database))["keys"]
    changes: list[tuple[str, Callable[[Receipt], object]]] = [
        ("leaf", lambda each: each["proof"].update(leaf="0" * 64)),
        ("seal", lambda each: each["proof"].update(seal_signature="A" * 86)),
        ("path", lambda each: each["proof"]["path"].reverse()),
        ("path", lambda each: each["proof"].update(index=each["proof"]["index"] + 1)),
        ("evidence", lambda each: each["evidence"]["values"].update(ip_address="192.0.2.9")),
        ("words", lambda each: each.update(words=each["words"] + " ")),
    ]
    for name, change in changes:
        forged = copy.deepcopy(receipt)
        change(forged)
        forged = _signed_by_eve(forged)
        both = receipt_check.read_keys(json.dumps({"keys": [*keys, forged["signed_by"]]}))
        result = receipt_check.check(json.dumps(forged), both)
        assert {each.name for each in result.checks if each.passed is False} == {name}
        assert result.verdict == Verdict.REFUSED


def test_both_verifiers_accept_a_good_receipt_and_refuse_each_changed_field(database: Database, tmp_path: Path) -> None:
    event_id = _sam_opts_in(database, times=6)
    sealing.seal(database)
    pending_id = _sam_opts_in(database)
    receipt, keys = _receipt(database, event_id), _keys(database)
    variants = [receipt, _receipt(database, pending_id), *_changed(receipt)]
    assert len(variants) > 150
    texts = [
        *(json.dumps(each) for each in variants),
        "",
        "[]",
        "null",
        '{"signature": 1}',
        "{",
        '{"a": 1.5}',
        "[" * 9000,
    ]
    ours = [receipt_check.check(each, receipt_check.read_keys(keys)).verdict.value for each in texts]
    assert ours == ["verified", "not_sealed", *["refused"] * (len(texts) - 2)]
    assert _verdicts_of_javascript(tmp_path, texts, keys) == ours


def test_whole_numbers_are_the_same_with_and_without_a_fraction(database: Database, tmp_path: Path) -> None:
    event_id = _sam_opts_in(database)
    sealing.seal(database)
    text, keys = json.dumps(_receipt(database, event_id)), _keys(database)
    text = text.replace('"v": 1,', '"v": 1.0,')
    assert receipt_check.check(text, receipt_check.read_keys(keys)).verdict == Verdict.VERIFIED
    assert _verdicts_of_javascript(tmp_path, [text], keys) == ["verified"]


@pytest.mark.parametrize("text", ["", "{}", "00", '{"keys": []}', '{"x": "AAAA"}', "[1]", "0" * 63])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        receipt_check.read_keys(text)


def test_an_event_of_another_contact_is_not_found(database: Database) -> None:
    event_id = _sam_opts_in(database)
    with database.unit_of_work() as session:
        eve = make.contact(session)
        with pytest.raises(NotFound):
            receipts.line_of(session, event_id, contact_id=eve.id)
        with pytest.raises(NotFound):
            receipts.line_of(session, event_id + 1)
        owner = receipts.line_of(session, event_id).event.contact_id
        assert receipts.line_of(session, event_id, contact_id=owner).event.id == event_id


def test_rules_are_assessed_for_opt_ins_only(database: Database) -> None:
    event_id = _sam_opts_in(database)
    with database.unit_of_work() as session:
        line = receipts.line_of(session, event_id)
        found = {each.rule.key: each for each in receipts.assessments(session, [line])[event_id]}
        assert found["tcpa"].is_usual
        assert found["tcpa"].findings["number_listed"].verdict == "fulfilled"
        sam = session.get_one(Contact, line.event.contact_id)
        offers = session.get_one(SubscriptionType, line.event.subscription_type_id)
        left = receipts.line_of(session, make.opt_out(session, sam, offers).event_id)
        assert receipts.assessments(session, [left]) == {left.event.id: []}


def test_the_file_for_a_lawyer_has_everything_that_is_needed_to_check_it(database: Database) -> None:
    event_id = _sam_opts_in(database)
    sealing.seal(database)
    receipt = _receipt(database, event_id)
    with database.read_only() as session:
        content = bundle.write("<p>report</p>", {event_id: receipt}, signing_keys.all_keys(session), at=LATER)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}
    assert set(files) == {"README.txt", "report.html", "keys.json", bundle.VERIFIER, f"receipts/event-{event_id}.json"}
    kept = receipt_check.check(files[f"receipts/event-{event_id}.json"], receipt_check.read_keys(files["keys.json"]))
    assert kept.verdict == Verdict.VERIFIED


def _hex_keys(database: Database) -> list[str]:
    with database.read_only() as session:
        return [each.public_key.hex() for each in signing_keys.all_keys(session)]


def _signed_by_eve(receipt: Receipt) -> Receipt:
    """The receipt, signed by a key of a stranger, whose public part it names."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    named = {"kty": "OKP", "crv": "Ed25519", "x": _base64url(public), "kid": signing_keys.thumbprint(public)}
    forged = {**receipt, "signed_by": named}
    del forged["signature"]
    return {**forged, "signature": _base64url(private.sign(canonical_json(forged)))}


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _changed(receipt: Receipt) -> Iterator[Receipt]:
    """The receipt with one value changed, for each value in it, and without each of its parts."""
    for path in _paths(receipt):
        changed = copy.deepcopy(receipt)
        holder: Any = changed
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = _another(holder[path[-1]])
        yield changed
    for name in receipt:
        yield {each: receipt[each] for each in receipt if each != name}
        yield {**receipt, name: None} if receipt[name] is not None else {**receipt, name: 1}
    yield {**receipt, "more": 1}


def _paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name in value:
            yield from _paths(value[name], (*here, name))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from _paths(value[index], (*here, index))
    else:
        yield here


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and value:
        return ("b" if value[0] != "b" else "c") + value[1:]
    return "changed"


def _verdicts_of_javascript(folder: Path, texts: list[str], keys: str) -> list[str]:
    """What ``verify_receipt.mjs`` says about each text, without its reasons. One process reads them all."""
    (folder / "keys.json").write_text(keys, encoding="utf-8")
    (folder / bundle.VERIFIER).write_text(bundle.verifier(), encoding="utf-8")
    for number, text in enumerate(texts):
        (folder / f"{number}.json").write_text(text, encoding="utf-8")
    many = (
        "for (let n = 0; n < +process.argv[4]; n++) {"
        "process.argv[2] = `${n}.json`; await import(`./verify_receipt.mjs?${n}`); }"
    )
    (folder / "many.mjs").write_text(many, encoding="utf-8")
    command = [_node(), "many.mjs", "0.json", "keys.json", str(len(texts))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr
    return [line.partition(":")[0] for line in done.stdout.splitlines()]


def _node() -> str:
    """The JavaScript engine that Playwright brings along."""
    spec = importlib.util.find_spec("playwright")
    assert spec
    assert spec.origin
    return str(Path(spec.origin).parent / "driver" / "node")
