"""The command contacts import, with files as Klaviyo and Intercom export them, and with our own export."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.db import Database
from tests import make
from tests.core.imports import files

KLAVIYO = """\
Email,Klaviyo ID,First Name,Last Name,Organization,Title,Phone Number,Address,City,Zip Code,Country,Date Added,\
Email Marketing Consent,SMS Marketing Consent,SMS Marketing Consent Timestamp,Plan
sam@example.com,01HX1,Sam,Sailor,,,+447400123456,1 Quay,Hull,HU1,United Kingdom,2024-01-02 10:00:00,SUBSCRIBED,\
SUBSCRIBED,2024-01-02 10:00:00,gold
eve@example.com,01HX2,Eve,"O'Hara, Jr.",,,+447400123457,,,,United Kingdom,2024-01-02 10:00:00,SUBSCRIBED,UNSUBSCRIBED,\
2024-05-02 10:00:00,
ana@example.com,01HX3,Ana,,,,,,,,,2024-01-02 10:00:00,SUBSCRIBED,NEVER_SUBSCRIBED,,free
max@example.com,01HX4,Max,,,,4.479E+11,,,,,2024-01-02 10:00:00,NEVER_SUBSCRIBED,SUBSCRIBED,2024-01-02 10:00:00,
"""
INTERCOM = """\
id,User ID,Name,Email,Phone,Role,Signed up,Last seen,Country,Browser language,Unsubscribed from emails,\
Unsubscribed from SMS,Tags
65f0c1d2e3f4a5b6c7d8e9f0,70,Sam,sam@example.com,+447400123456,user,2024-03-01 12:00:00 UTC,,United Kingdom,en-GB,false,\
false,"vip, harbour"
65f0c1d2e3f4a5b6c7d8e9f1,71,Eve,eve@example.com,+447400123457,user,2024-03-01 12:00:00 UTC,,United Kingdom,en,\
false,true,
65f0c1d2e3f4a5b6c7d8e9f2,,,,+447400123458,lead,2024-03-01 12:00:00 UTC,,,,false,false,
"""


@pytest.mark.own_database
@pytest.mark.usefixtures("installed")
def test_people_move_over_from_klaviyo_and_intercom_and_our_own_export_changes_nothing(
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with database.unit_of_work() as session:
        klaviyo, intercom = (make.live_type(session, name=name).id for name in ("Klaviyo", "Intercom"))

    def run(text: str, *options: str, status: int = 0) -> dict[str, Any]:
        (tmp_path / "export.csv").write_text(text, encoding="utf-8")
        assert cli.run(["contacts", "import", str(tmp_path / "export.csv"), "--json", *options]) == status
        out = capsys.readouterr()
        return dict(json.loads(out.out)) if out.out else {"problem": out.err}

    note = ("--note", "SMS sign-up form of Klaviyo at shop.example", "--map", "Plan=attribute:Plan")
    expected = {"new": 3}, {"number_destroyed": 1}, {"opted_in": 1, "opted_out": 1}
    said = run(KLAVIYO, "--type", str(klaviyo), *note, "--dry-run")
    assert (said["groups"], said["refused"], said["recorded"]) == expected
    assert files.contacts(database) == []
    done = run(KLAVIYO, "--type", str(klaviyo), *note)
    assert (done["groups"], done["refused"], done["recorded"]) == expected
    sam, eve, ana = files.contacts(database)
    assert (sam.external_id, sam.name, sam.phone) == ("01HX1", "Sam Sailor", "+447400123456")
    assert (eve.name, ana.custom_attributes) == ("Eve O'Hara, Jr.", {"Plan": "free"})

    said = run(INTERCOM, "--type", str(intercom), "--note", "Unsubscribed in Intercom", "--dry-run")
    assert said["refused"] == {"conflict": 2}  # Klaviyo's ids are in the way: their addresses belong to these contacts
    capsys.readouterr()
    assert cli.run(["contacts", "import", "--undo", str(done["job"]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["undone"] == 3
    moved = run(INTERCOM, "--type", str(intercom), "--note", "Unsubscribed in Intercom")
    assert (moved["groups"], moved["recorded"]) == ({"new": 3}, {"opted_out": 1})
    assert moved["consents"] == {"changed": 1, "unknown_answer": 2}
    yes = run(INTERCOM, "--type", str(intercom), "--state", "opted_in", "--note", "Form", "--given-on", "2025-03-01")
    assert (yes["recorded"], yes["consents"]["changed_since"]) == ({"opted_in": 2}, 1)

    assert cli.run(["contacts", "export", "--what", "contacts", "--out", str(tmp_path / "ours.csv")]) == 0
    ours = (tmp_path / "ours.csv").read_text(encoding="utf-8")
    again = run(ours, "--type", str(klaviyo), "--note", "Export of Assent", "--existing", "overwrite")
    assert (again["groups"], again["refused"], again["recorded"]) == ({"unchanged": 3}, {}, {})
    of_other_type = run(ours, "--type", str(intercom), "--note", "Export of Assent", "--dry-run")
    assert of_other_type["recorded"] == {}  # the consents are those of the chosen type, not of the first in the file
    named = ("--map", f"subscription_types.{klaviyo}.state=consent")
    refused = run(ours, "--type", str(intercom), "--note", "Export of Assent", *named, status=1)
    assert "about another subscription type" in refused["problem"]
    dated = ("--state", "opted_in", "--map", f"subscription_types.{klaviyo}.since=consent_at")
    refused = run(ours, "--type", str(intercom), "--note", "Export of Assent", *dated, status=1)
    assert "about another subscription type" in refused["problem"]
    assert "not UTF-8" in run_latin(tmp_path, capsys)
    assert "no column" in run(KLAVIYO, "--map", "Nope=phone", status=2)["problem"]
    assert "COLUMN=FIELD" in run(KLAVIYO, "--map", "Plan", status=2)["problem"]
    database.close()


def run_latin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / "latin.csv").write_bytes("Name,Phone\nZoë,+447400123456\n".encode("cp1252"))
    assert cli.run(["contacts", "import", str(tmp_path / "latin.csv")]) == 1
    return capsys.readouterr().err
