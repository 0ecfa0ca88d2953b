"""Concurrent answers of many people, on two web processes with one database, through real sockets."""

import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import urlencode

from sqlalchemy import func, select

from app.config import Settings
from app.db import Database
from app.models import Consent, ConsentEvent, Contact, OutboxEvent
from tests import make
from tests.serve import web_process

THREADS = 25


def _answer(url: str, typed: str | None, shown: str | None = None) -> tuple[int, str]:
    """Load a form and submit it. Returns the response's status and the state that it shows.

    A busy server (503) is asked again, as its page says.
    """
    if shown is None:
        with urllib.request.urlopen(url, timeout=30) as page:
            found = re.search(r'name="shown" value="([^"]+)"', page.read().decode())
        assert found
        shown = found[1]
    data = {"shown": shown} | ({"phone": typed} if typed else {})
    request = urllib.request.Request(url, urlencode(data).encode())
    for _ in range(10):
        try:
            with urllib.request.urlopen(request, timeout=60) as answered:
                status, html = answered.status, answered.read().decode()
        except HTTPError as refused:
            status, html = refused.code, refused.read().decode()
        if status != 503:
            break
    state = re.search(r'data-state="(\w+)"', html)
    return status, state[1] if state else html[:200]


def _counts(database: Database) -> list[int]:
    with database.read_only() as session:
        models = (Consent, ConsentEvent, Contact)
        counts = [session.scalar(select(func.count()).select_from(model)) or 0 for model in models]
        topics = OutboxEvent.topic == "granular.subscribe"
        return [*counts, session.scalar(select(func.count()).select_from(OutboxEvent).where(topics)) or 0]


def test_two_hundred_concurrent_answers_are_two_hundred_consents(settings: Settings, database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    numbers = [f"+1202555{line:04d}" for line in range(100, 300)]
    with web_process(settings) as one, web_process(settings) as two, ThreadPoolExecutor(THREADS) as pool:
        servers = [one, two] * 100
        answers = list(pool.map(lambda s, n: _answer(f"{s}/f/form/{key}", n), servers, numbers))
    assert set(answers) == {(200, "done")}
    assert _counts(database) == [200, 200, 200, 200]


def test_fifty_concurrent_answers_of_one_person_are_one_event(settings: Settings, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        saved = make.inserted(session, form, make.contact(session, phone_number=make.SAMS_NUMBER)).token
        empty = make.inserted(session, form, make.contact(session)).token
    with web_process(settings) as one, web_process(settings) as two, ThreadPoolExecutor(THREADS) as pool:
        servers = [one, two] * 25
        for path, typed in ((f"/f/{saved}", None), (f"/f/{empty}", make.EVES_NUMBER)):
            with urllib.request.urlopen(f"{one}{path}", timeout=30) as page:
                found = re.search(r'name="shown" value="([^"]+)"', page.read().decode())
            assert found
            replayed = list(pool.map(lambda s, p=path, t=typed, r=found[1]: _answer(f"{s}{p}", t, r), servers))
            assert set(replayed) == {(200, "done")}
        publicly = list(pool.map(lambda s: _answer(f"{s}/f/form/{form.key}", make.BRITISH_NUMBER), servers))
        assert set(publicly) == {(200, "done")}
    assert _counts(database) == [3, 3, 3, 3]
