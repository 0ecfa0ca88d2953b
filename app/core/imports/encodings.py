"""In which encoding a file is written: a byte order mark or strict UTF-8 tells, else a person has to choose."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass

from app.core.wording import translatable

# What a person may choose, by the name of the codec.
ENCODINGS = {
    "utf-8": translatable("Unicode (UTF-8)"),
    "cp1252": translatable("Western European (Windows)"),
    "mac_roman": translatable("Western European (old Mac)"),
    "cp1250": translatable("Central European (Windows)"),
    "cp1251": translatable("Cyrillic (Windows)"),
    "cp1256": translatable("Arabic (Windows)"),
    "utf-16-le": translatable("Unicode (UTF-16)"),
    "utf-16-be": translatable("Unicode (UTF-16, big endian)"),
}
# What is preselected where the file does not tell.
USUAL = "cp1252"
UTF_8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Detected:
    """``encoding`` is null where a person has to choose. The first ``mark_bytes`` of the file are a byte order mark."""

    encoding: str | None
    mark_bytes: int = 0


def detect(parts: Iterable[bytes]) -> Detected:
    """The encoding of a file, read in parts of any size: by its byte order mark, or because all of it is UTF-8.

    A text in UTF-8 can hardly be anything else. Between other encodings nothing is guessed: programs that try are
    wrong too often, and a wrong guess changes names.
    """
    decoder, is_first, has_nul = codecs.getincrementaldecoder(UTF_8)(), True, False
    try:
        for part in parts:
            if is_first:
                is_first = False
                for mark, encoding in _MARKS:
                    if part.startswith(mark) and encoding != UTF_8:
                        return Detected(encoding, len(mark))
                mark_bytes = len(codecs.BOM_UTF8) if part.startswith(codecs.BOM_UTF8) else 0
            decoder.decode(part)
            has_nul = has_nul or b"\0" in part
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return Detected(None, mark_bytes)
    # Text with a NUL is most probably UTF-16 without its mark.
    return Detected(None) if has_nul and not is_first and not mark_bytes else Detected(UTF_8, 0 if is_first else mark_bytes)
