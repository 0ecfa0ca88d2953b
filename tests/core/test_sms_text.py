"""How texts are encoded and split, with smsutil as the oracle."""

import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.sms_text import (
    Costly,
    Encoding,
    costly_characters,
    in_plain_characters,
    in_plain_letters,
    not_in_gsm7,
    pack,
)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("я" * 66 + "😀" + "я" * 65, 2),
        ("я" * 66 + "😀" + "я" * 66, 3),
    ],
)
def test_segments_never_split_a_pair(text: str, segments: int) -> None:
    assert pack(text).segments == segments


@settings(max_examples=150)
@given(st.text(st.sampled_from("aZ 1€[^é\n\f"), max_size=500) | st.text(st.sampled_from("aя😀ç€’"), max_size=250))
def test_segments_are_those_of_smsutil(text: str) -> None:
    packed, oracle = pack(text), smsutil.split(text)

    assert packed.segments == (len(oracle.parts) if text else 0)
    if text:
        assert (packed.encoding == Encoding.GSM7) == smsutil.is_valid_gsm(text)
        last = oracle.parts[-1].content
        assert packed.left == (160 if packed.segments == 1 else 153) - _septets(last) or packed.encoding != "gsm7"


def _septets(text: str) -> int:
    return sum(2 if each in "€[^\f" else 1 for each in text)


def test_characters_that_cost_more_are_named_with_their_plain_spelling() -> None:
    text = "Sam’s ç – 😀 é"

    assert costly_characters(text) == [
        Costly(3, "’", "'"),
        Costly(6, "ç", "c", is_letter=True),
        Costly(8, "–", "-"),
        Costly(10, "😀", None),
    ]
    assert in_plain_characters(text) == "Sam's ç - 😀 é"
    assert in_plain_letters(text) == "Sam's c - 😀 é"
    assert in_plain_letters("Łódź, İzmir, cœur, ﬁ, cafe\u0301") == "Lodz, Izmir, coeur, ﬁ, café"
    assert not_in_gsm7("çaç’") == ["ç", "’"]


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_the_plain_spelling_never_costs_more_and_is_final(text: str) -> None:
    for plain in (in_plain_characters, in_plain_letters):
        assert plain(plain(text)) == plain(text)
        assert not {each.character for each in costly_characters(plain(text))} & set("‘’“”–—…\u00a0")
    assert all(not each.is_letter for each in costly_characters(in_plain_letters(text)))
