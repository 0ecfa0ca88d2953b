"""The files that commands write."""

import os
from pathlib import Path

import pytest

from app import cli
from app.cli.new_file import written


@pytest.mark.parametrize("command", [["backup"], ["forms", "kit", "1"], ["contacts", "export", "--out"]], ids=" ".join)
def test_a_device_or_pipe_is_not_replaced_by_a_file(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSENT_INSTANCE", str(tmp_path / "instance"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert cli.run([*command, str(pipe)]) == 2
    assert f"{pipe} is not a file." in capsys.readouterr().err
    assert pipe.is_fifo()


def test_a_folder_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["backup", str(tmp_path / "missing" / "x.backup")]) == 2
    assert f"There is no folder {tmp_path / 'missing'}." in capsys.readouterr().err


def test_a_file_is_replaced_only_by_a_complete_one(tmp_path: Path) -> None:
    file = tmp_path / "kit.zip"
    file.write_bytes(b"older")

    def fail() -> None:
        with written(file) as out:
            out.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"older", [file])


def test_a_command_without_its_arguments_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["ledger"]):
        assert cli.run(command) == 2
        assert "Commands:" in capsys.readouterr().err
