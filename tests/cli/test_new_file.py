"""The files that commands write."""

import os
from pathlib import Path

import pytest

from app import cli


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


def test_a_command_without_its_arguments_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["ledger"]):
        assert cli.run(command) == 2
        assert "Commands:" in capsys.readouterr().err
