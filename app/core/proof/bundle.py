"""One file for a lawyer: a report, the signed receipts, the public keys and a program that checks them."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app import config
from app.core.ledger import signing_keys
from app.models import SigningKey

VERIFIER = "verify_receipt.mjs"
_README = """This folder is a record of consent, made by Assent on {at:%Y-%m-%d %H:%M} UTC.

report.html          everything in the order in which it happened; open it in a browser, it prints well
receipts/            one signed receipt for each event, for programs
keys.json            the public keys of the installation that made this folder
{verifier}   checks a receipt: node {verifier} receipts/FILE.json keys.json

Compare keys.json with keys that you have from elsewhere: from /ledger/keys.json of the installation, saved at an
earlier time, or from a published head of the ledger. Keys that come with a receipt do not prove by themselves whose
they are. A receipt that says "pending" was made before its event was sealed: ask for a new one.
"""


def write(report: str, receipts: Mapping[int, Mapping[str, Any]], keys: Sequence[SigningKey], *, at: datetime) -> bytes:
    """A ZIP file.

    :param report: a complete HTML document that needs no other file
    :param receipts: by the id of their event
    """
    contents = {
        "README.txt": _README.format(at=at, verifier=VERIFIER),
        "report.html": report,
        "keys.json": _json({"keys": [signing_keys.jwk(each) for each in keys]}),
        VERIFIER: verifier(),
        **{f"receipts/event-{event_id}.json": _json(receipt) for event_id, receipt in receipts.items()},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"consent-record/{name}", at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return file.getvalue()


def verifier() -> str:
    """The program that checks receipts without Assent. An installed package has it beside this module."""
    folder = config.ROOT / "docs" / "compliance" if config.is_checkout() else config.PACKAGE / "core" / "proof"
    return (folder / VERIFIER).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
