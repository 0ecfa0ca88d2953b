"""Rows of CSV files, read from bytes in any slices."""

import random
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.imports import reading
from app.core.imports.reading import FileRow, Layout, rows
from tests.core.imports.files import as_csv

UTF_8 = Layout("utf-8")


def read(data: bytes, layout: Layout = UTF_8, size: int = 7) -> list[FileRow]:
    return list(rows((data[at : at + size] for at in range(0, len(data), size)), layout, offset=0))


def cells(data: bytes, layout: Layout = UTF_8) -> list[list[str]]:
    return [row.cells for row in read(data, layout)]


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")), min_size=2, max_size=4)),
    st.integers(1, 40),
)
def test_what_was_written_is_read_in_slices_of_any_size_and_from_any_row(table: list[list[str]], size: int) -> None:
    data = as_csv(table)
    found = read(data, size=size)
    assert [row.cells for row in found] == [row for row in table if any(row)]
    for row in found:
        (again, *_), begin = rows([data[row.begin :]], UTF_8, offset=row.begin, number=row.number), row.begin
        assert (again, data[begin : row.end]) == (row, data[row.begin : row.end])


def test_line_breaks_in_quotes_empty_lines_and_a_missing_last_line_end_are_read() -> None:
    found = read(b'a,b\r\n\r\n1,"two\r\nlines"\n,\n3,4')
    assert [(row.number, row.cells) for row in found] == [
        (1, ["a", "b"]),
        (3, ["1", "two\r\nlines"]),
        (5, ["3", "4"]),
    ]


def test_files_of_old_macs_and_in_utf_16_are_read() -> None:
    assert cells(b"a;b\r1;2\r", Layout("utf-8", ";", "\r")) == [["a", "b"], ["1", "2"]]
    text = "name\tstadt\nÖzgür\tĊ\u0a0d\u0d0a\n\U0001f600\t\n"  # half of some characters looks like a line end
    for encoding in ("utf-16-le", "utf-16-be"):
        layout = Layout(encoding, "\t")
        assert cells(text.encode(encoding), layout) == [
            ["name", "stadt"],
            ["Özgür", "Ċ\u0a0d\u0d0a"],
            ["\U0001f600", ""],
        ]
    assert reading.detect_newline(b"a,b\r1,2\r") == "\r"
    assert reading.detect_newline(b"a,b\r\n1,2") == "\n"


def test_a_broken_row_costs_no_other_row() -> None:
    found = read(b'1,ok\n2,"never closed\n3,ok\n4,"x"y\n5,ok\n6,\xff\n7,nul\0\n8,ok\n9,"the end\n')
    assert [(row.number, row.problem) for row in found] == [
        *[(1, None), (2, "malformed"), (3, None), (4, "malformed"), (5, None)],
        *[(6, "encoding"), (7, "encoding"), (8, None), (9, "malformed")],
    ]


def test_a_cell_that_is_too_long_is_a_problem_of_its_row_alone() -> None:
    long = b"x" * 140_000
    assert [row.problem for row in read(b"1,ok\n2," + long + b"\n3,ok\n", size=1000)] == [None, "too_long", None]


def test_memory_does_not_grow_with_a_line_that_never_ends() -> None:
    tracemalloc.start()
    found = list(rows((b"x" * 100_000 for _ in range(60)), UTF_8, offset=0))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(row.problem, row.end) for row in found] == [("too_long", 6_000_000)]
    assert peak_bytes < 4 * reading.LINE_BYTES_MAX


def test_the_separator_is_the_one_that_splits_all_rows_alike() -> None:
    chance = random.Random(5)
    for separator in reading.SEPARATORS:
        lines = [
            ["Name", "Phone", "Note"],
            *([f"Sam {i}", "+4366412345", f"a, b; {chance.random()}"] for i in range(9)),
        ]
        data = "\n".join(separator.join(f'"{each}"' for each in line) for line in lines).encode()
        assert reading.detect_separator(data, UTF_8) == separator
    assert reading.detect_separator(b"Phone\n+43 664 1\n+43 664 2\n", UTF_8) == ","
