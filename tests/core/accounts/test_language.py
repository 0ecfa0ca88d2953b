"""The language of staff pages, which each agent chooses."""

import pytest
from sqlalchemy.orm import Session

from app.core import audit
from app.core.accounts import agents, language
from app.core.errors import InvalidInput, NotFound
from app.db import Database
from app.models import Agent
from tests import make
from tests.make import NOON

ANA = "agent:1"


def test_a_choice_is_kept_and_audited_once(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = _ana(session)
        for locale in ("de", "de", None):
            language.choose(session, ana.id, locale, actor=ANA, at=NOON)
            assert agents.find(session, ana.id).locale == locale
        entries = audit.newest(session, subject=agents.subject_of(ana))
    changes = [entry.details for entry in reversed(entries) if entry.action == "agent.language_changed"]
    assert changes == [audit.changes({"locale": None}, {"locale": "de"}), audit.changes({"locale": "de"}, {})]
    assert entries[0].actor == ANA


@pytest.mark.parametrize("locale", ["tlh", "de-DE", "pt", "", "DE"])
def test_an_unknown_language_is_refused(database: Database, locale: str) -> None:
    with database.unit_of_work() as session:
        ana = _ana(session)
        with pytest.raises(InvalidInput) as refused:
            language.choose(session, ana.id, locale, actor=ANA, at=NOON)
        assert (refused.value.field, ana.locale) == ("locale", None)


def test_an_unknown_account_is_not_found(database: Database) -> None:
    with database.unit_of_work() as session, pytest.raises(NotFound):
        language.choose(session, 999, "de", actor=ANA, at=NOON)


def _ana(session: Session) -> Agent:
    return make.agent(session, email="ana@example.com", name="Ana")
