"""The commands ledger seal, head and verify, and keys rotate."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from app import cli
from app.db import Database
from tests import make


@pytest.mark.own_database
@pytest.mark.usefixtures("installed")
def test_the_ledger_is_sealed_published_and_verified_by_commands(
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
    assert cli.run(["ledger", "head"]) == 1
    assert "Nothing is sealed yet" in capsys.readouterr().err
    assert cli.run(["ledger", "seal"]) == 0
    assert capsys.readouterr().out == "Sealed 1 events; 0 still wait.\n"
    assert cli.run(["ledger", "head"]) == 0
    head = capsys.readouterr().out
    (tmp_path / "heads.jsonl").write_text(head)
    assert cli.run(["keys", "rotate"]) == 0
    new_key = capsys.readouterr().out.strip()
    assert new_key != json.loads(head)["key_id"]
    assert cli.run(["ledger", "verify", "--head", str(tmp_path / "heads.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == "ok"
    assert cli.run(["ledger", "verify", "--head", json.dumps(json.loads(head) | {"seal_hash": "00"})]) == 1
    assert json.loads(capsys.readouterr().out)["heads"][0]["found"] is False
    (tmp_path / "no-text").write_bytes(b"\x80\x81")
    assert cli.run(["ledger", "verify", "--head", str(tmp_path / "no-text")]) == 1
    assert "not a ledger head" in capsys.readouterr().err
    assert cli.run(["ledger", "verify", "--head", '{"other": 1}']) == 1
    assert "not a ledger head" in capsys.readouterr().err
    with database.unit_of_work() as session:
        session.execute(text("DELETE FROM consents"))
    assert cli.run(["ledger", "verify"]) == 1
    assert json.loads(capsys.readouterr().out)["result"] == "tampered"
    database.close()
