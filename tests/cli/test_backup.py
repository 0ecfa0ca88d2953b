"""The commands backup and restore: what a restore says about what happened after the backup."""

from pathlib import Path

import pytest

from app import cli
from app.db import Database
from app.models import Channel, Contact
from tests import make


@pytest.mark.own_database
@pytest.mark.databases("sqlite")
@pytest.mark.usefixtures("installed")
def test_a_restore_says_what_it_keeps_and_warns_where_it_cannot_know(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with database.unit_of_work() as session:
        letter = make.live_type(session, channel=Channel.EMAIL)
        sam = make.contact(session, email_address="sam@example.com")
        make.opt_in(session, sam, letter)
    file = str(tmp_path / "file.backup")
    assert cli.run(["backup", file]) == 0
    with database.unit_of_work() as session:
        make.opt_out(session, session.get_one(Contact, sam.id), letter)
    database.close()
    capsys.readouterr()
    assert cli.run(["restore", "--replace", file]) == 0
    said = capsys.readouterr()
    assert said.out.endswith("Everything else that happened since is lost.\n")
    head, kept = said.err.splitlines()
    assert head == "WARNING: what people asked for after this backup was made is kept:"
    assert kept == "  opt-outs recorded again: 1"
    monkeypatch.setenv("ASSENT_INSTANCE", str(tmp_path / "new"))
    monkeypatch.setenv("ASSENT_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    assert cli.run(["restore", file]) == 0
    assert "is not known here" in capsys.readouterr().err
