"""Which addresses are accepted, and their normal form."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import email
from app.core.errors import DestinationRefused


@pytest.mark.parametrize(
    "typed",
    [
        *("sam@example.com", " Sam@Example.COM ", "sam@example.com\u200b", "\u202asam@example.com\u202c"),
        *(
            "ｓａｍ@example.com",
            "sam＠example.com",
            "sam\ufe0d@example.com",
            "sam\u3164@example.com",
            "s\u00adam@example.com",
        ),
    ],
)
def test_an_address_that_looks_the_same_is_the_same(typed: str) -> None:
    assert email.read(typed) == "sam@example.com"


def test_a_domain_of_another_script_has_one_form_and_stays_itself() -> None:
    assert email.read("max@maßanfertigung.de") == "max@maßanfertigung.de"
    forms = ("sam@exämple.com", "sam@exa\u0308mple.com", "sam@xn--exmple-cua.com")
    assert {email.read(each) for each in forms} == {"sam@exämple.com"}


@pytest.mark.parametrize(
    "typed", ["sam", "sam@", "a" * 65 + "@example.com", "é" * 33 + "@example.com", "sam@ex_ample.com"]
)
def test_what_no_mail_reaches_is_refused(typed: str) -> None:
    with pytest.raises(DestinationRefused) as refused:
        email.read(typed)
    assert (refused.value.code, refused.value.field) == ("email_invalid", "email")
    assert email.normalize(typed) == typed
    assert not email.is_valid(typed)


def test_a_text_that_is_much_too_long_is_refused_without_reading_it() -> None:
    started_s = time.process_time()
    with pytest.raises(DestinationRefused):
        email.read("\ufdfa" * 100_000)
    assert time.process_time() - started_s < 0.05


def test_the_longest_parts_that_a_server_accepts_are_accepted() -> None:
    domain = ".".join(["b" * 62, "c" * 62, "d" * 58, "de"])
    assert len(email.read("a" * 64 + f"@{domain}")) == 252
    with pytest.raises(DestinationRefused):
        email.read("a" * 64 + f"@bbb{domain}")


@given(st.text(max_size=30), st.sampled_from(["example.com", "Maßanfertigung.de", "ＥＸample.org"]))
def test_reading_an_address_again_changes_nothing(local_part: str, domain: str) -> None:
    stored = email.normalize(f"{local_part}@{domain}")
    assert email.normalize(stored) == stored
