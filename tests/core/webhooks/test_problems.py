"""Why deliveries fail, in sentences that pages can translate."""

import ast
import re
from pathlib import Path

from app import http_client
from app.core.webhooks import problems


def test_every_problem_of_a_request_is_a_sentence_that_pages_translate() -> None:
    modules = Path(http_client.__file__).parent.glob("*.py")
    said = [sentence for module in modules for sentence in _sentences_of(module.read_text("utf-8"))]
    assert len(said) > 15
    assert [each for each in said if problems.read(each)[0] not in problems.SENTENCES] == []


def test_values_are_found_in_a_stored_problem() -> None:
    assert problems.read("No answer within 2.5 seconds.") == (
        "No answer within %(seconds)s seconds.",
        {"seconds": "2.5"},
    )
    assert problems.read(problems.NEVER_SENT) == (problems.NEVER_SENT, {})


def test_a_problem_in_other_words_is_shown_as_it_is() -> None:
    assert problems.read("It is 100% broken.") == ("It is 100% broken.", {})


def _sentences_of(source: str) -> list[str]:
    """The sentences that a module says: its strings that are whole sentences, except for docstrings."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | parts:
            text = re.sub(r"%\(\w+\)s", "7", node.value)
        if re.fullmatch(r"[A-Z].+ .+\.", text):
            found.append(text)
    return found
