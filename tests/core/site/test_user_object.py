"""Reading the user object of a page."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.site import user_object
from app.core.site.user_object import RefusedValue, UserObject

VALID = {"phone_number": "+12025550123", "sms_optin": True, "gdpr_optin": False, "uuid": "f3a9", "email": "s@e.com"}
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def test_valid_values_are_kept_as_they_are_and_unknown_ones_ignored() -> None:
    read, refused = user_object.read({**VALID, "name": "Sam", "whatsapp_optin": "yes"})
    assert (read, refused) == (UserObject(**VALID), [])  # type: ignore[arg-type]
    assert user_object.read({}) == (UserObject(), [])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("sms_optin", "true", "not_a_boolean"),
        ("sms_optin", 1, "not_a_boolean"),
        ("sms_optin", None, "empty"),
        ("gdpr_optin", "", "empty"),
        ("gdpr_optin", [True], "not_a_boolean"),
        ("phone_number", "12025550123", "not_e164"),
        ("phone_number", "+1 202 555 0123", "not_e164"),
        ("phone_number", "+02025550123", "not_e164"),
        ("phone_number", "+1202555\n", "not_e164"),
        ("phone_number", "+١٢٠٢٥٥٥٠١٢٣", "not_e164"),
        ("phone_number", "+" + "1" * 4000, "not_e164"),
        ("phone_number", 12025550123, "not_a_string"),
        ("phone_number", "", "empty"),
        ("uuid", 12345, "not_a_string"),
        ("uuid", "  ", "junk"),
        ("uuid", "Undefined", "junk"),
        ("uuid", "NaN", "junk"),
        ("uuid", "0", "junk"),
        ("uuid", "a\0", "junk"),
        ("uuid", "a\ud800", "junk"),
        ("uuid", "a" * 256, "too_long"),
        ("email", "sam", "not_an_email"),
        ("email", "\udfff@example.com", "not_an_email"),
        ("email", "a" * 250 + "@e.com", "too_long"),
    ],
)
def test_a_wrong_value_refuses_only_itself(name: str, value: Any, reason: str) -> None:
    read, refused = user_object.read({**VALID, name: value})
    assert refused == [RefusedValue(name, reason)]
    assert read.given == {other: kept for other, kept in VALID.items() if other != name}


@pytest.mark.parametrize(
    ("uuid", "is_sequential"),
    [
        ("4711", True),
        ("00000000-0000-0000-0000-000000000123", True),
        ("00000000-0000-4000-8000-000000000123", True),
        ("9b2f7c1e-5a3d-4f0e-8c6b-2d1e0f9a8b7c", False),
        ("user-4711", False),
    ],
)
def test_ids_that_can_be_counted_are_known(uuid: str, *, is_sequential: bool) -> None:
    assert user_object.read({"uuid": uuid})[0].has_sequential_uuid is is_sequential


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([*VALID, "other"]), _ANYTHING))
def test_every_value_is_used_as_it_was_given_or_refused_once(values: dict[str, Any]) -> None:
    read, refused = user_object.read(values)
    known = set(values) & set(VALID)
    assert {*read.given, *(each.field for each in refused)} == known
    assert len(read.given) + len(refused) == len(known)
    assert all(values[name] is kept for name, kept in read.given.items())
