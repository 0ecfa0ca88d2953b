"""The signed token of a render."""

from dataclasses import replace
from datetime import timedelta

from app.core import clock
from app.core.forms.render_token import RenderToken
from app.core.signing import Keys

SIGNER = Keys("a-key-that-is-long-enough-for-tests").signer("shown")
SHOWN = RenderToken("place", 7, "fr", "words", None, "FR", "https://shop.example", "nonce", clock.now())


def test_a_token_read_again_is_the_one_signed() -> None:
    for at in [clock.now().replace(microsecond=us) for us in (0, 1, 999, 64_001, 999_999)]:
        for token in (replace(SHOWN, at=at), replace(SHOWN, at=at, destination_hash="hash", region=None, origin=None)):
            assert RenderToken.read(SIGNER, token.signed(SIGNER), place="place") == token


def test_a_page_keeps_its_order_after_an_opt_out_of_the_same_millisecond() -> None:
    opted_out_at = clock.now().replace(microsecond=92_008)
    page = RenderToken.read(
        SIGNER, replace(SHOWN, at=opted_out_at + timedelta(microseconds=1)).signed(SIGNER), place="place"
    )
    assert page is not None
    assert page.at > opted_out_at


def test_a_token_of_another_place_or_signer_is_none() -> None:
    assert RenderToken.read(SIGNER, SHOWN.signed(SIGNER), place="other") is None
    other = Keys("a-key-that-is-long-enough-for-tests").signer("other")
    assert RenderToken.read(SIGNER, SHOWN.signed(other), place="place") is None
