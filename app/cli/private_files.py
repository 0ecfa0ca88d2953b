"""Keeps other users of the machine out of the files of an installation, whatever the umask of the shell."""

import os
import stat
from fnmatch import fnmatch
from pathlib import Path

from app.config import Settings

_PRIVATE = ("assent.db*", ".assent.db*", "huey.db*", "secret_key*", "config.toml")
# What SQLite and the queue of writers put beside a database. Other files with a longer name are not ours.
_OF_DATABASE = ("", "-wal", "-shm", "-journal", ".lock")
_PUBLIC = ("config.example.toml", ".gitignore")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def use_private_umask() -> None:
    """Let this process and its children create files and folders that only their owner can read."""
    os.umask(0o077)


def tighten(settings: Settings) -> list[str]:
    """Take the rights of group and others from the files that an earlier start left readable.

    The instance folder is tightened, too, unless something else is in it. Files of another owner are left as they are.
    Returns one sentence for each file that changed.
    """
    from sqlalchemy import make_url

    folder = settings.instance
    files = [each for each in sorted(folder.iterdir()) if _is_one_of(each, _PRIVATE)]
    if settings.is_sqlite:
        database = Path(make_url(settings.database_url).database or "").absolute()
        beside = [database.with_name(f"{database.name}{ending}") for ending in _OF_DATABASE]
        files += [each for each in beside if each.is_file() and each not in files]
    if all(_is_one_of(each, _PRIVATE + _PUBLIC) for each in folder.iterdir()):
        files.append(folder)
    return [f"{each} was open to other users of this machine and is not any more" for each in files if _tighten(each)]


def _is_one_of(file: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(file.name, each) for each in patterns)


def _tighten(file: Path) -> bool:
    try:
        found = file.stat(follow_symlinks=False)
        if not found.st_mode & _OTHERS or found.st_uid != os.geteuid() or stat.S_ISLNK(found.st_mode):
            return False
        file.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    except FileNotFoundError:  # the write-ahead log goes when its last user closes the database
        return False
    return True
