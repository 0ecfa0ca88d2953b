"""The command that writes the kit for carrier registration, with a real Chromium."""

import struct
import zipfile
from pathlib import Path

import pytest

from app import cli
from app.cli import pictures
from app.db import Database
from tests import make


@pytest.mark.own_database
@pytest.mark.usefixtures("installed")
def test_the_kit_has_a_picture_of_each_page_as_wide_as_a_phone_and_a_computer(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASSENT_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    assert cli.run(["forms", "kit", "1", str(tmp_path / "kit.zip")]) == 1
    assert "the database is empty" in capsys.readouterr().err
    monkeypatch.delenv("ASSENT_DATABASE_URL")
    with database.unit_of_work() as session:
        form_id = make.form(session, make.live_type(session)).id
    file = tmp_path / "kit.zip"
    assert pictures.find_chromium() is not None
    assert cli.run(["forms", "kit", str(form_id), str(file)]) == 0
    with zipfile.ZipFile(file) as archive:
        taken = {name: archive.read(name) for name in archive.namelist() if name.startswith("pictures/")}
        assert "as people see it on a phone" in archive.read("README.txt").decode()
    assert set(taken) == {
        f"pictures/form-en{state}-{width}px.png"
        for state in ("", "-saved-number", "-done")
        for width in pictures.WIDTHS
    }
    sizes = {name: struct.unpack(">II", png[16:24]) for name, png in taken.items()}
    assert {width for width, _ in sizes.values()} == {640, 1600}  # two pixels for each
    assert all(height > 200 for _, height in sizes.values())

    assert cli.run(["forms", "kit", str(form_id), str(file), "--no-pictures"]) == 0
    with zipfile.ZipFile(file) as archive:
        assert "form-en-done.html" in archive.namelist()
        assert "There are no pictures in this file." in archive.read("README.txt").decode()
    for wrong in ("/bin/false", "/nowhere/chromium"):
        assert cli.run(["forms", "kit", str(form_id), str(file), "--chromium", wrong]) == 1
    printed = capsys.readouterr().err
    assert "Chromium" in printed
    assert "ASSENT_PUBLIC_URL is not set" in printed
    database.close()
