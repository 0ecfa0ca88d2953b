"""Receipts: what they hold, and that two independent programs accept good ones and refuse every change."""

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from playwright._impl._driver import compute_driver_executable

from app.core import wording
from app.core.contacts import erase
from app.core.ledger import events, sealing, signing_keys
from app.core.ledger.canonical import canonical_json
from app.core.proof import bundle, receipt_check, receipts
from app.core.proof.receipt_check import Verdict
from app.core.workspace import settings
from app.db import Database
from app.models import ConsentEvent, EvidenceLevel
from tests import make
from tests.make import NOON, SAMS_NUMBER

SCHEMA = Path(__file__).parents[2] / "data" / "consent-receipt.schema.json"
ISSUER = "https://consent.example.com"
LATER = NOON + timedelta(days=1)
Receipt = dict[str, Any]


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


def test_a_sealed_event_has_a_receipt_that_verifies_with_the_public_keys_alone(database: Database) -> None:
    event_id = _sam_opts_in(database, times=5)
    sealing.seal(database)
    receipt, keys = _receipt(database, event_id), _keys(database)
    result = receipt_check.check(json.dumps(receipt), receipt_check.read_keys(keys))
    assert result.verdict == Verdict.VERIFIED
    assert [each.passed for each in result.checks] == [True] * 6
    assert receipt["evidence"]["values"]["destination"] == SAMS_NUMBER
    assert receipt["status"] == "sealed"
