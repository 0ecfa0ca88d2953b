"""Twenty spellings of one number in each of eight countries, as people type and paste them."""

import csv

from app.core import phone
from app.core.errors import DestinationRefused
from tests.conftest import TESTS

with (TESTS / "data" / "typed_numbers.csv").open(encoding="utf-8", newline="") as file:
    SPELLINGS = list(csv.DictReader(file))


def _read(typed: str, region: str | None) -> str | None:
    try:
        return phone.read(typed, region=region).e164
    except DestinationRefused:
        return None


def test_nearly_every_spelling_is_read_in_the_chosen_country_and_none_as_another_number() -> None:
    read = [(row, _read(row["typed"], row["country"])) for row in SPELLINGS]
    assert len(read) == 160
    assert [(row, number) for row, number in read if number not in {None, row["expected"]}] == []
    assert sum(number is not None for _, number in read) >= 155


def test_without_a_chosen_country_no_spelling_is_read_as_another_number() -> None:
    read = [(row, _read(row["typed"], None)) for row in SPELLINGS]
    assert [(row, number) for row, number in read if number not in {None, row["expected"]}] == []
    assert sum(number is not None for _, number in read) >= 8 * 7  # with + or 00
