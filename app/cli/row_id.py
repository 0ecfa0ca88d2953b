"""The type of an argument that is the id of a row."""

from typing import Any

import click


class RowId(click.ParamType[int]):
    """A number that an id can be. A database would refuse a larger one in words of its own."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The id.

        :raises BadParameter: no row can have it
        """
        from app.schemas.fields import ID_MAX

        return click.IntRange(1, ID_MAX).convert(value, param, ctx)


ROW_ID = RowId()
