"""The type of an argument that names a file to write."""

import os
from pathlib import Path
from typing import Any

import click


class NewFile(click.Path):
    """A file that the command creates or replaces. A device or a pipe would be replaced as well, so it is refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path.

        :raises BadParameter: it is there and is not a file
        """
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.exists() and not path.is_file():
            self.fail(f"{path} is not a file.", param, ctx)
        return path
