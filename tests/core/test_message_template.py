"""Variables in the text of a campaign."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from app.core.message_template import VALUE_MAX, Variable, parse, values_of


def test_a_variable_takes_the_value_or_the_fallback() -> None:
    template = parse("Hi {{ first_name | there }}, your {{plan|  free   plan }} ends.{{ email }}")

    assert template.variables == (
        Variable("first_name", "there"),
        Variable("plan", "free plan"),
        Variable("email", None),
    )
    sam = values_of(name=" Sam  Porter", email=None, phone="+15125550100", attributes={"plan": 3.0, "vip": True})
    assert template.fill(sam) == "Hi Sam, your 3 ends."
    assert template.fill({"first_name": " \n"}) == template.with_fallbacks() == "Hi there, your free plan ends."


def test_a_value_is_one_short_line_and_never_a_variable() -> None:
    template = parse("{{ name }}!")

    assert template.fill({"name": "{{ email }}\r\nPay\u202enow"}) == "{{ email }} Pay now!"
    assert template.fill({"name": "x" * 500}) == "x" * VALUE_MAX + "!"


@pytest.mark.parametrize(
    ("body", "position"),
    [
        ("Hi {{ name", 4),
        ("Hi {{ name }} and }}", 19),
        ("{{ }}", 1),
        ("Hi {{ | there }}", 4),
        ("{{ name | {there }}", 1),
        ("{{ {{ name }} }}", 1),
        ("Your {{ plan }}", 6),
        ("{{ name | " + "x" * 101 + " }}", 1),
    ],
)
def test_a_wrong_variable_is_refused_with_its_place(body: str, position: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(body)
    assert (refused.value.field, refused.value.values["position"]) == ("body", position)


def test_an_attribute_in_use_needs_no_fallback() -> None:
    assert parse("Your {{ plan }}", attributes={"plan"}).fill({"plan": "Pro"}) == "Your Pro"


@settings(max_examples=50)
@given(st.lists(st.one_of(st.text("ab ,.é|", max_size=5), st.sampled_from(("{{ name }}", "{{ plan | a b }}")))))
def test_everything_around_variables_stays_as_it_was(pieces: list[str]) -> None:
    body = "".join(pieces)

    filled = parse(body).fill({"name": "<N>", "plan": "<P>"})

    assert filled == body.replace("{{ name }}", "<N>").replace("{{ plan | a b }}", "<P>")
