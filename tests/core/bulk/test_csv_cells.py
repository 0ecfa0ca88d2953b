"""Cells of CSV files: safe in a spreadsheet, and read back as they were."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.bulk import csv_cells

RISKY = st.text(alphabet="=+-@＝'\"; ,\t\r\n\\019.eE:/abtruefals", max_size=12)
TEXTS = st.one_of(RISKY, st.text(max_size=12))
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@given(TEXTS)
@example("'+1")
@example("a;\t'=")
@example(" 007")
def test_a_text_is_read_back_as_it_was_written(text: str) -> None:
    assert csv_cells.read_cell(csv_cells.write_cell(text)) == text


@given(TEXTS)
def test_no_cell_begins_a_formula_whatever_separates_cells(text: str) -> None:
    cell = csv_cells.write_cell(text)
    assert not cell.startswith(FORMULAS)
    for part in cell.replace("\t", ";").replace("\r", ";").replace("\n", ";").split(";"):
        assert not part.lstrip(' "').startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS))
@example("5")
@example("'5")
@example("True")
@example(1e22)
def test_a_value_keeps_its_type(value: csv_cells.Value) -> None:
    read = csv_cells.read_value(csv_cells.write_value(value))
    wanted = None if value == "" and isinstance(value, str) else value
    assert read == wanted
    assert type(read) is type(wanted)


@given(st.lists(TEXTS.map(str.strip).filter(bool), max_size=4))
def test_a_list_is_read_back_as_it_was_written(texts: list[str]) -> None:
    assert csv_cells.read_list(csv_cells.write_list(texts)) == texts


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=3), max_size=3))
def test_a_file_is_read_back_as_it_was_written(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([csv_cells.write_cell(text) for text in row] for row in rows)
    file.seek(0)
    assert [[csv_cells.read_cell(cell) for cell in row] for row in csv.reader(file)] == rows


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("+436641234567", "'+436641234567"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("007", "'007"),
        ("123456789012", "'123456789012"),
        ("1.5", "'1.5"),
        ("2026-01-02", "'2026-01-02"),
        ("12e5", "'12e5"),
        ("true", "'true"),
        ("12345678901", "12345678901"),
        ("O'Neill", "O'Neill"),
        ("'tis", "'tis"),
        ("x;=1+1", "x;'=1+1"),
        (-5, "-5"),
        (True, "true"),
        (None, ""),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
    ],
)
def test_texts_that_a_spreadsheet_would_change_get_an_apostrophe(value: object, cell: str) -> None:
    assert csv_cells.write_cell(value) == cell  # type: ignore[arg-type]


def test_cells_that_a_spreadsheet_or_another_program_wrote_are_read() -> None:
    assert csv_cells.read_cell("'+436641234567") == "+436641234567"
    assert csv_cells.read_cell("+436641234567") == "+436641234567"
    assert csv_cells.read_value("TRUE") is True
    assert csv_cells.read_value("007") == "007"
    assert csv_cells.read_list("vip, spring sale,,C:\\x") == ["vip", "spring sale", "C:\\x"]
