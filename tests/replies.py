"""Measures how well opt-outs are read: ``python -m tests.replies [FILE …]``.

Recall is the share of opt-outs that stop or hold sending; false positives the share of other replies that do.
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core import keywords
from app.core.keywords import Kind

DATA = Path(__file__).parent / "data"
HALVES = ("replies_open.csv", "replies_held_out.csv")


@dataclass(frozen=True)
class Reply:
    text: str
    language: str
    is_opt_out: bool
    is_wrong_number: bool

    @property
    def kind(self) -> Kind:
        return keywords.classify(self.text).kind

    @property
    def is_read_as_opt_out(self) -> bool:
        return self.kind in {Kind.STOP, *keywords.HELD}


def read(path: Path) -> list[Reply]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Reply(row["text"], row["language"], row["is_opt_out"] == "true", row["is_wrong_number"] == "true")
            for row in csv.DictReader(file)
        ]


def shares(replies: Sequence[Reply]) -> tuple[float, float]:
    """Recall and the share of false positives."""
    opt_outs = [each for each in replies if each.is_opt_out]
    others = [each for each in replies if not each.is_opt_out]
    return _share(opt_outs), _share(others)


def _share(replies: Sequence[Reply]) -> float:
    return sum(each.is_read_as_opt_out for each in replies) / len(replies)


def main(names: Sequence[str]) -> None:
    for path in [Path(each) for each in names] or [DATA / each for each in HALVES if (DATA / each).exists()]:
        replies = read(path)
        recall, false_positives = shares(replies)
        print(f"{path.name}: {len(replies)} replies, recall {recall:.3f}, false positives {false_positives:.3f}")
        for language in sorted({each.language for each in replies}):
            recall, false_positives = shares([each for each in replies if each.language == language])
            print(f"  {language:6} recall {recall:.3f}, false positives {false_positives:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
