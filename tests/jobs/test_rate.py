"""The rate of one sender."""

import itertools
from types import SimpleNamespace

import pytest

from app.jobs import rate as rates
from app.jobs.rate import Rate


def test_a_limit_spreads_texts_and_a_pause_stops_them(monkeypatch: pytest.MonkeyPatch) -> None:
    thousandths = itertools.count()
    monkeypatch.setattr(rates, "time", SimpleNamespace(monotonic=lambda: next(thousandths) / 1000))
    rate = Rate()
    assert rate.available() > 1000
    assert rate.most(200) == 200
    rate.set(20)
    assert rate.most(200) == 20
    sent = 0
    while next(thousandths) < 500:
        if rate.available():
            rate.take()
            sent += 1
    assert 10 <= sent <= 11, "20 a second, and what may be sent together"
    rate.pause(10)
    assert (rate.available(), rate.is_paused()) == (0, True)
