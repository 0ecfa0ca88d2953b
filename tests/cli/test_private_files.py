"""Files that other users of the machine could read are closed to them at the next start."""

from pathlib import Path

from app import config
from app.cli import private_files


def installed(folder: Path, *names: str) -> config.Settings:
    """An installation whose folder and files everybody can read."""
    settings = config.load({"ASSENT_INSTANCE": str(folder)})
    for name in names:
        (folder / name).touch()
    for each in (folder, *folder.iterdir()):
        each.chmod(0o755 if each.is_dir() else 0o644)
    return settings


def open_to_others(folder: Path) -> set[str]:
    return {each.name for each in (folder, *folder.iterdir()) if each.stat().st_mode & 0o077}


def test_the_files_of_an_earlier_start_are_closed_to_others_and_named(tmp_path: Path) -> None:
    files = ("assent.db", "assent.db-wal", "assent.db-shm", "huey.db", "config.toml")
    settings = installed(tmp_path / "state", *files)
    said = private_files.tighten(settings)
    assert open_to_others(settings.instance) == set()
    assert len(said) == len(files) + 2, "and the secret key, and the folder"
    assert all(str(settings.instance) in each for each in said)
    assert private_files.tighten(settings) == []


def test_a_folder_with_files_of_others_stays_open_and_so_do_those(tmp_path: Path) -> None:
    settings = installed(tmp_path / "shared", "assent.db", "of-another-program")
    private_files.tighten(settings)
    assert open_to_others(settings.instance) == {"shared", "of-another-program"}


def test_a_database_outside_the_instance_folder_is_closed_to_others_but_not_its_folder(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    database = elsewhere / "texts.sqlite"
    settings = config.load({"ASSENT_INSTANCE": str(tmp_path / "state"), "ASSENT_DATABASE_URL": f"sqlite:///{database}"})
    for name in ("texts.sqlite", "texts.sqlite-wal", "texts.sqlite.lock", "other", "texts.sqlite.of-another-program"):
        (elsewhere / name).touch(mode=0o644)
    private_files.tighten(settings)
    assert open_to_others(elsewhere) == {"elsewhere", "other", "texts.sqlite.of-another-program"}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch(mode=0o644)
    settings = installed(tmp_path / "state")
    (settings.instance / "config.toml").symlink_to(outside)
    private_files.tighten(settings)
    assert outside.stat().st_mode & 0o077
