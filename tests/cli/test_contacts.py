"""The command contacts export."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from app import cli
from app.db import Database
from app.models import AuditEntry
from tests import make


@pytest.mark.own_database
@pytest.mark.usefixtures("installed")
def test_contacts_are_exported_to_standard_output_or_a_file_and_it_is_audited(
    database: Database,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER).public_id
    assert cli.run(["contacts", "export", "--format", "jsonl"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["id"] == sam
    target = tmp_path / "contacts.csv"
    assert cli.run(["contacts", "export", "--out", str(target)]) == 0
    assert target.read_text(encoding="utf-8-sig").startswith("id,external_id,role,")
    assert cli.run(["contacts", "export", "--segment", "0" * 24, "--out", str(tmp_path / "contacts2.csv")]) == 1
    assert b"There is no such segment" in capfdbinary.readouterr().err
    assert [path.name for path in tmp_path.glob("contacts*")] == ["contacts.csv"]
    with database.read_only() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "export.started")).all()
        assert [(each.actor, each.details["format"]) for each in entries] == [
            ("command line", "jsonl"),
            ("command line", "csv"),
        ]
    database.close()
