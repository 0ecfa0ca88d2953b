"""In which encoding a file is written: a byte order mark or strict UTF-8 tells, else a person has to choose."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

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
    remaining = iter(parts)
    first = next(remaining, b"")
    marked = next((Detected(encoding, len(mark)) for mark, encoding in _MARKS if first.startswith(mark)), None)
    if marked is not None and marked.encoding != UTF_8:
        return marked
    mark_bytes = marked.mark_bytes if marked else 0
    decoder = codecs.getincrementaldecoder(UTF_8)()
    try:
        for part in chain([first], remaining):
            if b"\0" in part:  # most probably UTF-16 without its mark
                return Detected(None, mark_bytes)
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return Detected(None, mark_bytes)
    return Detected(UTF_8, mark_bytes)
