"""Which origins load the scripts."""

from datetime import timedelta

import pytest

from app.core.errors import InvalidInput, NotFound
from app.core.site import snippets
from app.core.workspace import settings
from app.db import Database
from app.models import Script
from tests import make

SHOP, BLOG = "https://shop.example.com", "https://blog.example.com"


def found(database: Database) -> list[tuple[str, Script, bool]]:
    with database.read_only() as session:
        return [(each.origin, each.script, each.is_allowed) for each in snippets.find(session)]


def test_an_origin_counts_as_allowed_when_the_workspace_or_a_form_allows_it(database: Database) -> None:
    with database.unit_of_work() as session:
        make.form(session, allowed_origins=(BLOG,))
        for minutes, origin in enumerate((SHOP, BLOG, "https://eve.example.com")):
            snippets.record(session, "embed", origin, at=make.NOON + timedelta(minutes=minutes))
        snippets.allow(session, SHOP, actor="agent:1", at=make.NOON)
        snippets.allow(session, SHOP, actor="agent:1", at=make.NOON)
        assert settings.get(session).allowed_origins == [SHOP]
    assert found(database) == [
        ("https://eve.example.com", Script.EMBED, False),
        (BLOG, Script.EMBED, True),
        (SHOP, Script.EMBED, True),
    ]


def test_only_twenty_unknown_origins_a_day_are_kept(database: Database) -> None:
    with database.unit_of_work() as session:
        make.form(session, allowed_origins=(SHOP,))
        for number in range(25):
            snippets.record(session, "embed", f"https://eve{number}.example.com", at=make.NOON)
        snippets.record(session, "messenger", SHOP, at=make.NOON)
        snippets.record(session, "embed", "https://eve1.example.com", at=make.NOON)
        snippets.record(session, "embed", "https://tomorrow.example.com", at=make.NOON + timedelta(days=2))
    kept = {origin for origin, _, _ in found(database)}
    assert len(kept) == 22
    assert {SHOP, "https://eve19.example.com", "https://tomorrow.example.com"} <= kept
    assert "https://eve20.example.com" not in kept


def test_a_key_of_ours_is_required(database: Database) -> None:
    with database.unit_of_work() as session:
        form, key = make.form(session), settings.get(session).messenger_key
        session.flush()
        for script, of in (("embed", form.key), ("messenger", key), ("site", key)):
            assert snippets.is_news(session, script, of, SHOP, at=make.NOON)
        for script, of in (("embed", key), ("messenger", form.key), ("embed", "")):
            with pytest.raises(NotFound):
                snippets.is_news(session, script, of, SHOP, at=make.NOON)
        for script, origin in (("worm", SHOP), ("embed", "null"), ("embed", "")):
            with pytest.raises(InvalidInput):
                snippets.is_news(session, script, form.key, origin, at=make.NOON)


def test_a_script_is_news_once_an_hour_and_forgotten_after_90_days(database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
        snippets.record(session, "embed", SHOP, at=make.NOON)
        later = make.NOON + timedelta(minutes=59)
        assert not snippets.is_news(session, "embed", key, SHOP, at=later)
        assert snippets.is_news(session, "embed", key, SHOP, at=later + timedelta(minutes=1))
        assert snippets.delete_old(session, at=make.NOON + timedelta(days=90)) == 0
        assert snippets.delete_old(session, at=make.NOON + timedelta(days=91)) == 1
        assert snippets.find(session) == []
