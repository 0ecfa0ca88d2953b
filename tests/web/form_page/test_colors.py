"""The form is readable with every accent color."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.web.form_page import colors as colour


@given(st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}"))
@example("#6969f0")
@example("#1e8787")
@example("#b44bd2")
@example("#ffffff")
@example("#000000")
def test_text_on_any_accent_and_the_accent_on_either_paper_have_enough_contrast(accent: str) -> None:
    assert colour.contrast(colour.on(accent), accent) >= 4.5
    for paper in (colour.PAPER, colour.DARK_PAPER):
        assert colour.contrast(colour.readable(accent, paper, 4.5), paper) >= 4.5


@pytest.mark.parametrize(("accent", "text"), [("#0b6e4f", "#ffffff"), ("#ffdd00", "#101414"), ("#6969f0", "#000000")])
def test_white_and_ink_are_preferred_to_black(accent: str, text: str) -> None:
    assert colour.on(accent) == text
