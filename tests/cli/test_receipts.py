"""The command that checks a receipt offline. It needs neither settings nor a database."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import receipts as commands
from app.core.ledger import sealing, signing_keys
from app.core.proof import receipts
from app.db import Database
from tests import make
from tests.make import NOON, SAMS_NUMBER


@pytest.fixture
def files(database: Database, tmp_path: Path) -> Path:
    """A folder with a good receipt, one that was changed, and the keys."""
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        event_id = make.opt_in(session, sam, make.live_type(session)).event_id
    sealing.seal(database)
    with database.read_only() as session:
        made = receipts.receipt(session, receipts.line_of(session, event_id), issuer="https://example.com", at=NOON)
        (key,) = signing_keys.all_keys(session)
        (tmp_path / "keys.json").write_text(json.dumps({"keys": [signing_keys.jwk(key)]}), encoding="utf-8")
        (tmp_path / "key.hex").write_text(key.public_key.hex() + "\n", encoding="utf-8")
    (tmp_path / "good.json").write_text(json.dumps(made), encoding="utf-8")
    (tmp_path / "changed.json").write_text(json.dumps(made | {"status": "pending"}), encoding="utf-8")
    return tmp_path


def _verify(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(commands.verify, list(arguments))
    return done.exit_code, done.output


def test_a_good_receipt_is_verified_in_words(files: Path) -> None:
    hex_key = (files / "key.hex").read_text(encoding="utf-8").strip()
    for keys in (["--keys", str(files / "keys.json")], ["--key", str(files / "key.hex")], ["--key", hex_key]):
        status, output = _verify(str(files / "good.json"), *keys)
        assert status == 0
        assert output.rstrip().splitlines()[-1].startswith("VERIFIED")


def test_a_changed_receipt_is_refused_and_names_what_is_wrong(files: Path) -> None:
    status, output = _verify(str(files / "changed.json"), "--keys", str(files / "keys.json"))
    assert status == 1
    assert "WRONG  The receipt was changed after it was signed." in output
    status, output = _verify(str(files / "changed.json"), "--keys", str(files / "keys.json"), "--json")
    assert status == 1
    assert json.loads(output)["verdict"] == "refused"
    assert json.loads(output)["checks"][0]["passed"] is False


def test_a_key_has_to_be_given_because_that_of_the_receipt_is_not_trusted(files: Path) -> None:
    status, output = _verify(str(files / "good.json"))
    assert status == 2
    assert "the public keys that you trust" in output
