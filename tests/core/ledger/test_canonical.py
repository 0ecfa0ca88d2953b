"""The canonical form: vectors of RFC 8785, and the record of an event."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.core.ledger.canonical import EVENT_COLUMNS, canonical_json, event_bytes, event_record, microseconds
from tests import make


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": None}, '{"a":null,"b":1}'),
        ({"list": [True, "ü", {"z": 1, "y": 2}]}, '{"list":[true,"ü",{"y":2,"z":1}]}'),
        # section 3.2.2: escapes and literals (its numbers are fractions, which we refuse)
        (
            {"string": "\u20ac$\u000f\nA'\u0042\u0022\u005c\\\"\u002f", "literals": [None, True, False]},
            '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        ),
        # section 3.2.3: keys in the order of their UTF-16 code units
        (
            {
                "\u20ac": "Euro Sign",
                "\r": "Carriage Return",
                "\ufb33": "Hebrew Letter Dalet With Dagesh",
                "1": "One",
                "\U0001f600": "Emoji: Grinning Face",
                "\u0080": "Control",
                "\u00f6": "Latin Small Letter O With Diaeresis",
            },
            (
                '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis",'
                '"€":"Euro Sign","\U0001f600":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
            ),
        ),
        # "weird.json" and "structures.json" of the RFC's test data
        ({"</script>": "Browser Challenge", "\n": "Newline"}, '{"\\n":"Newline","</script>":"Browser Challenge"}'),
        (
            {
                "1": {"f": {"f": "hi", "F": 5}, "\n": 56},
                "10": {},
                "": "empty",
                "a": {},
                "111": [{"e": "yes", "E": "no"}],
            },
            '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"a":{}}',
        ),
        ("\b\t\n\f\r\x00\x1f\x7f", '"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f"'),
        ([0, -1, 2**53 - 1], "[0,-1,9007199254740991]"),
    ],
)
def test_canonical_json_follows_rfc_8785(value: object, expected: str) -> None:
    assert canonical_json(value) == expected.encode()


@pytest.mark.parametrize("value", [0.5, 333333333.33333329, 1e21, 2**53, [-(2**53)], {"a": float("nan")}])
def test_a_number_that_programs_write_differently_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="canonical"):
        canonical_json(value)


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        canonical_json("\udead")


def test_an_event_is_hashed_in_the_canonical_form_of_its_record() -> None:
    event = recorded(facts={"z": [[2, 3]], "\U0001f600": 1, "\ufb33": 2})
    assert event_bytes(event) == canonical_json(event_record(event))


def test_every_column_changes_the_record() -> None:
    before = event_bytes(recorded())
    for name in EVENT_COLUMNS:
        value = getattr(recorded(), name)
        other = value + timedelta(microseconds=1) if name.endswith("_at") else b"\x01" if value == b"\x00" else "other"
        assert event_bytes(recorded(**{name: other})) != before, name


def test_a_time_is_counted_in_microseconds() -> None:
    assert microseconds(make.NOON + timedelta(microseconds=1)) == 1793620800000001


def recorded(**values: object) -> SimpleNamespace:
    columns = dict.fromkeys(EVENT_COLUMNS, None) | {"id": 1, "evidence_hash": b"\x00", "is_persons_word": True}
    return SimpleNamespace(**(columns | {"occurred_at": make.NOON, "recorded_at": make.NOON} | values))
