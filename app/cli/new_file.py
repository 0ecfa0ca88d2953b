"""The type of an argument that names a file to write, and writing it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click


class NewFile(click.Path):
    """A file that the command creates or replaces. A device or a pipe would be replaced as well, so it is refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path.

        :raises BadParameter: it is there and is not a file, or its folder does not exist
        """
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.exists() and not path.is_file():
            self.fail(f"{path} is not a file.", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"There is no folder {path.parent}.", param, ctx)
        return path


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file that has its name only once it is complete: what a failure interrupts leaves an older file as it is."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
