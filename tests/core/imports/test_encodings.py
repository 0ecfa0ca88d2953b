"""Which encoding a file has: told by the file, or asked."""

import codecs

from app.core.imports.encodings import Detected, detect

NAMES = "Zoë, Łukasz, José"


def test_utf_8_and_byte_order_marks_tell_the_encoding() -> None:
    assert detect([]) == Detected("utf-8")
    assert detect([NAMES.encode()[:3], NAMES.encode()[3:]]) == Detected("utf-8")
    assert detect([codecs.BOM_UTF8 + NAMES.encode()]) == Detected("utf-8", 3)
    assert detect([codecs.BOM_UTF16_LE + NAMES.encode("utf-16-le")]) == Detected("utf-16-le", 2)
    assert detect([codecs.BOM_UTF16_BE + NAMES.encode("utf-16-be")]) == Detected("utf-16-be", 2)


def test_nothing_else_is_guessed_wherever_the_first_other_letter_is() -> None:
    for encoding in ("cp1252", "mac_roman", "cp1250"):
        assert detect([b"a" * 5000, NAMES.encode(encoding, "replace"), b"b" * 5000]) == Detected(None)
    assert detect(["Sam".encode("utf-16-le")]) == Detected(None)
    assert detect([NAMES.encode()[:3]]) == Detected(None)  # ends within a letter
