"""What people text us, and how it is read."""

from pathlib import Path

import pytest

from app.core import keywords, wording
from app.core.keywords import Kind, Reading
from tests import replies

TYPES = ("News", "Offers and sales", "Offers abroad")


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.START, Kind.HELP])
def test_each_keyword_of_each_language_is_read_however_it_is_written(kind: Kind) -> None:
    table = keywords.words_of(kind)
    assert set(table) >= set(wording.LOCALES)
    for word in (each for words in table.values() for each in words):
        for written in (word, word.upper(), f" {word.title()}! ", f"\u202a{word}\u200b.", f"“{word}” 👍"):
            assert keywords.classify(written) == Reading(kind), written


@pytest.mark.parametrize("text", ["Yes", "SÍ", "ja", "Oui!", "sim", "نعم"])
def test_yes_is_an_answer_only_while_an_opt_in_waits(text: str) -> None:
    assert keywords.classify(text).kind == Kind.CONVERSATION
    assert keywords.classify(text, has_pending=True).kind == Kind.YES


def test_only_is_an_answer_only_to_our_question() -> None:
    assert keywords.classify("Seulement").kind == Kind.CONVERSATION
    assert keywords.classify("Seulement", has_question=True).kind == Kind.ONLY


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("STOP NEWS", Reading(Kind.STOP, "News")),
        ("stop, offers and sales", Reading(Kind.STOP, "Offers and sales")),
        ("Arrêt news", Reading(Kind.STOP, "News")),
        ("STOP OFFERS", Reading(Kind.STOP)),  # two types: everything stops
        ("stop please", Reading(Kind.STOP)),
        ("Stop sending me texts!!", Reading(Kind.STOP)),
        ("S T O P", Reading(Kind.STOP)),
        ("ＳＴＯＰ", Reading(Kind.STOP)),
        ("Arrêt svp", Reading(Kind.STOP)),
        ("STOP weather", Reading(Kind.REVIEW)),  # there is no such type
        ("don’t stop", Reading(Kind.REVIEW)),
        ("start, no wait, please stop texting", Reading(Kind.REVIEW)),
        ("🛑", Reading(Kind.REVIEW)),
        ("stpo", Reading(Kind.REVIEW)),
        ("St0p", Reading(Kind.REVIEW)),
        *(
            (word, Reading(Kind.REVIEW))
            for word in ("СТОП", "Отписаться", "ΣΤΟΠ", "停止", "ストップ!", "수신거부", "Avsluta")
        ),
        ("wrong number", Reading(Kind.WRONG_NUMBER)),
        ("No soy Pedro", Reading(Kind.WRONG_NUMBER)),
        ("Auto-reply: I am driving. To stop these, do nothing.", Reading(Kind.MACHINE)),
        ("I'm driving, I'll see your message when I get there.", Reading(Kind.MACHINE)),
        ("Stop texting me, I'm driving", Reading(Kind.REVIEW)),
        ("Out of office. Please remove me from your list", Reading(Kind.REVIEW)),
        ("Estoy fuera de la oficina, no me escriban más", Reading(Kind.REVIEW)),
        ("I will stop by the shop", Reading(Kind.CONVERSATION)),
        ("Termin absagen?", Reading(Kind.CONVERSATION)),
        ("help me find the shop", Reading(Kind.CONVERSATION)),
        ("", Reading(Kind.CONVERSATION)),
    ],
)
def test_a_text_is_read_as_a_person_means_it(text: str, read: Reading) -> None:
    assert keywords.classify(text, type_names=TYPES) == read


@pytest.mark.parametrize(
    "text",
    [
        "YES, sign me up for texts from Cedar. Code QK7F",
        "JA, ich möchte SMS von Cedar. Code QK7F",
        "نعم، أريد رسائل Cedar",
    ],
)
def test_the_text_that_a_page_writes_to_confirm_is_no_opt_out(text: str) -> None:
    assert keywords.classify(text, has_pending=True).kind == Kind.CONVERSATION


@pytest.mark.parametrize(
    ("text", "brand", "kind"),
    [
        ("STOP Acme", "Acme", Kind.STOP),
        ("YES, sign me up for texts from Stop & Shop. Code QK7F", "Stop & Shop", Kind.CONVERSATION),
        ("Stop & Shop, leave me alone", "Stop & Shop", Kind.REVIEW),
        ("stop", "Stop", Kind.STOP),
        ("please stop", "Stop", Kind.REVIEW),
        ("Acme?", "Acme", Kind.CONVERSATION),
    ],
)
def test_our_name_says_nothing(text: str, brand: str, kind: Kind) -> None:
    assert keywords.classify(text, brand=brand).kind == kind


def test_the_language_of_a_keyword_is_that_of_its_table() -> None:
    found = [keywords.language_of(each) for each in ("AIDE", "Sair", "STOP", "hello")]
    assert found == ["fr", "pt_BR", None, None]


_HALVES = [replies.DATA / each for each in replies.HALVES if (replies.DATA / each).exists()]


@pytest.mark.parametrize("path", _HALVES, ids=lambda path: path.stem)
def test_opt_outs_are_recognized_and_other_replies_are_not(path: Path) -> None:
    recall, false_positives = replies.shares(replies.read(path))
    assert recall >= 0.95
    assert false_positives <= 0.05
