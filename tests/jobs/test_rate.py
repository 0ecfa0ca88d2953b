"""The rate of one sender."""

import time

from app.jobs.rate import Rate


def test_a_limit_spreads_texts_and_a_pause_stops_them() -> None:
    rate = Rate()
    assert rate.available() > 1000
    assert rate.most(200) == 200
    rate.set(20)
    assert rate.most(200) == 20
    sent, ends_s = 0, time.monotonic() + 0.5
    while time.monotonic() < ends_s:
        if rate.available():
            rate.take()
            sent += 1
        time.sleep(0.001)
    assert 5 <= sent <= 17, "20 a second, and what may be sent together"
    rate.pause(10)
    assert (rate.available(), rate.is_paused()) == (0, True)
