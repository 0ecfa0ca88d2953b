import base64
from datetime import timedelta

import pytest
import time_machine
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from app.core.signing import Keys
from tests import make

KEYS = Keys("a-key-that-is-long-enough-for-everybody")
SIGNER = KEYS.signer("shown")
SEALER = KEYS.sealer("done")


def test_a_signed_value_can_be_read_until_it_is_too_old() -> None:
    with time_machine.travel(make.NOON, tick=False):
        signed = SIGNER.sign(["form", 3, None, "ü"])
        assert SIGNER.read(signed, max_age_s=60) == ["form", 3, None, "ü"]
    with time_machine.travel(make.NOON + timedelta(seconds=61), tick=False):
        assert SIGNER.read(signed, max_age_s=60) is None


def test_a_signature_is_valid_for_one_purpose_and_one_key() -> None:
    signed = SIGNER.sign(["x"])
    assert KEYS.signer("other").read(signed, max_age_s=60) is None
    assert Keys("another-key-that-is-long-enough-too").signer("shown").read(signed, max_age_s=60) is None


@given(st.text(max_size=200))
def test_unsigned_text_is_refused(text: str) -> None:
    assert SIGNER.read(text, max_age_s=60) is None


@given(st.integers(0, 200), st.characters())
def test_a_signed_value_with_a_changed_letter_is_refused(place: int, letter: str) -> None:
    signed = SIGNER.sign(["form", 3, "en"])
    place %= len(signed)
    changed = signed[:place] + letter + signed[place + 1 :]
    assert changed == signed or SIGNER.read(changed, max_age_s=60) is None


def test_a_sealed_value_hides_its_text_and_can_be_opened_until_it_is_too_old_for_one_purpose_and_by_one_key() -> None:
    with time_machine.travel(make.NOON, tick=False):
        sealed = SEALER.seal({"number": make.SAMS_NUMBER})
        assert SEALER.open(sealed, max_age_s=60) == {"number": make.SAMS_NUMBER}
        assert make.SAMS_NUMBER.encode() not in base64.urlsafe_b64decode(sealed)
        assert sealed != SEALER.seal({"number": make.SAMS_NUMBER})
        assert KEYS.sealer("confirm").open(sealed, max_age_s=60) is None
        assert Keys("another-key-that-is-long-enough-too").sealer("done").open(sealed, max_age_s=60) is None
    with time_machine.travel(make.NOON + timedelta(seconds=61), tick=False):
        assert SEALER.open(sealed, max_age_s=60) is None


def test_encrypted_bytes_are_decrypted_by_the_same_key_with_what_they_are_bound_to() -> None:
    encrypted = SEALER.encrypt(b"the secret", bound_to=b"key 7")
    assert SEALER.decrypt(encrypted, bound_to=b"key 7") == b"the secret"
    assert b"the secret" not in encrypted
    for sealer, bound_to in ((SEALER, b"key 8"), (SEALER, None), (KEYS.sealer("confirm"), b"key 7")):
        with pytest.raises(InvalidTag):
            sealer.decrypt(encrypted, bound_to=bound_to)


@given(st.text(max_size=200))
def test_text_that_was_not_sealed_is_refused(text: str) -> None:
    assert SEALER.open(text, max_age_s=60) is None


@given(st.integers(0, 200), st.characters())
def test_a_sealed_value_with_a_changed_letter_is_refused_or_the_same(place: int, letter: str) -> None:
    sealed = SEALER.seal({"form": 3})
    place %= len(sealed)
    assert SEALER.open(sealed[:place] + letter + sealed[place + 1 :], max_age_s=60) in (None, {"form": 3})


def test_hashes_depend_on_the_key_and_are_repeatable() -> None:
    other = Keys("another-key-that-is-long-enough-too")
    assert KEYS.destination_hash(make.SAMS_NUMBER) == KEYS.destination_hash(make.SAMS_NUMBER)
    assert KEYS.destination_hash(make.SAMS_NUMBER) != other.destination_hash(make.SAMS_NUMBER)
    assert len(KEYS.destination_hash(make.SAMS_NUMBER)) == 32
    assert KEYS.bucket("number", "1") != KEYS.bucket("address", "1")
    assert "203.0.113.7" not in KEYS.bucket("address", "203.0.113.7")
