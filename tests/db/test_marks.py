"""Texts are found without their marks, by one rule on both databases."""

import sys
import unicodedata

import pytest
from sqlalchemy import text

from app.db import Database, without_marks


def test_both_databases_drop_the_same_marks(database: Database) -> None:
    every = map(chr, range(1, sys.maxunicode))
    known = [each for each in every if unicodedata.category(each) not in {"Cn", "Cs", "Co"} and each != "\n"]
    with database.read_only() as session:
        found = session.scalar(text("SELECT without_marks(:text)"), {"text": "\n".join(known)})
        assert session.scalar(text("SELECT without_marks(NULL)")) is None
    assert found is not None
    assert [each for each, plain in zip(known, found.split("\n"), strict=True) if plain != without_marks(each)] == []


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        *(("Siobhán", "Siobhan"), ("Siobha\u0301n", "Siobhan"), ("İstanbul ışık", "Istanbul isik")),
        *(
            ("Łukasz Søndergård", "Lukasz Sondergard"),
            ("مُحَمَّد أحمد", "محمد احمد"),
            ("Straße", "Straße"),
            ("हिन्दी", "हिन्दी"),
        ),
    ],
)
def test_accents_vowel_signs_and_strokes_are_dropped(marked: str, plain: str) -> None:
    assert without_marks(marked) == plain
