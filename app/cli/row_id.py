"""The type of an argument that is the id of a row."""

from typing import Any

import click


class RowId(click.ParamType[int]):
    """A number that an id can be. The database would answer a larger one with its own error."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The id.

        :raises BadParameter: no row can have it
        """
        from app.schemas.fields import ID_MAX

        return click.IntRange(1, ID_MAX).convert(value, param, ctx)


ROW_ID = RowId()
