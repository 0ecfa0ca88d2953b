"""An error names the field of the request that is at fault."""

import pytest

from app.core.errors import InvalidInput, NotFound, named


@pytest.mark.parametrize(
    ("error", "instead_of", "field"),
    [
        (NotFound("There is no such segment."), None, "segment_id"),
        (InvalidInput("Give a name.", field="name"), None, "name"),
        (InvalidInput("Choose a type.", field="type"), "type", "segment_id"),
        (InvalidInput("Give a name.", field="name"), "type", "name"),
        (NotFound("There is no such segment."), "type", None),
    ],
)
def test_only_an_error_of_the_field_that_is_meant_is_named_after_the_request(
    error: NotFound | InvalidInput, instead_of: str | None, field: str | None
) -> None:
    with pytest.raises(type(error)) as raised, named("segment_id", instead_of=instead_of):
        raise error
    assert raised.value.field == field
