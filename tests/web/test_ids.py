"""Numbers in addresses: an id that no row can have is not found, and never an internal error."""

import re

import pytest
from flask import Flask

from app.schemas.fields import ID_MAX
from app.web.ids import parse_id
from tests import make
from tests.web import pages

HUGE = 10**30


def test_huge_ids_are_not_found_on_every_route(app: Flask) -> None:
    client = pages.admin(app)
    token = pages.csrf_token(client.get("/account").get_data(as_text=True))
    rules = [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(rules) > 20
    for rule in rules:
        for number in (HUGE, ID_MAX):
            path = re.sub(r"<int:\w+>", str(number), rule.rule)
            path = re.sub(r"<any\((\w+),.*?>", r"\1", path)
            for method in (rule.methods or set()) & {"GET", "POST"}:
                response = client.open(path, method=method, data={"csrf_token": token})
                assert response.status_code in {404, 422} or "inbox" in path, (method, path, response.status_code)
                assert response.status_code < 500, (method, path)


def test_huge_positions_in_lists_cause_no_error(app: Flask) -> None:
    with app.extensions["assent"].database.unit_of_work() as session:
        contact = make.contact(session).public_id
    client = pages.admin(app)
    for path in (
        "/contacts?before=",
        "/contacts/opt-ins?before=",
        f"/contacts/{contact}?before=",
        "/inbox?before=",
        "/inbox/poll?conversation=",
        "/inbox/poll?conversation=1&after=",
        "/admin/forms/preview?form=",
    ):
        for number in (HUGE, -HUGE, ID_MAX):
            assert client.get(f"{path}{number}").status_code in {200, 204, 400, 404}, path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("0", 0),
        (str(ID_MAX), ID_MAX),
        (str(ID_MAX + 1), None),
        ("9" * 5000, None),
        ("", None),
        (None, None),
        ("-1", None),
        ("+1", None),
        ("1_000", None),
        (" 7", None),
        ("7.0", None),
        ("\u0667", None),
    ],
)
def test_an_id_is_parsed_from_ascii_digits_that_a_row_can_have(text: str | None, expected: int | None) -> None:
    assert parse_id(text) == expected
