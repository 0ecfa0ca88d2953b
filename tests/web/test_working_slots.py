"""Few requests work at the same time; the others wait in order, for a limited time, and not for one that takes long."""

import threading
import time
from collections.abc import Callable

import pytest

from app.web.working_slots import (
    ON_DISTANT_POSTGRESQL,
    ON_LOCAL_POSTGRESQL,
    ON_SQLITE,
    STALLED_AFTER_S,
    SlotCount,
    WorkingSlots,
    count_for,
)
from tests.processes import PATIENCE_S, wait_for


def in_thread(act: Callable[[], object]) -> list[object]:
    """What the call returned in its own thread."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join()
    return found


def test_a_slot_is_refused_while_all_are_taken_and_given_when_one_comes_back() -> None:
    slots = WorkingSlots(SlotCount(1, 1))
    assert slots.take(timeout_s=0)
    assert in_thread(lambda: slots.take(timeout_s=0.05)) == [False]
    slots.give_back()
    assert in_thread(lambda: slots.take(timeout_s=0)) == [True]


def test_a_thread_has_at_most_one_slot_and_gives_back_only_what_it_has() -> None:
    slots = WorkingSlots(SlotCount(2, 2))
    assert slots.take(timeout_s=0)
    assert slots.take(timeout_s=0)
    slots.give_back()
    slots.give_back()
    assert [in_thread(lambda: slots.take(timeout_s=0.05)) for _ in range(3)] == [[True], [True], [False]]


def test_slots_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    slots, order = WorkingSlots(SlotCount(1, 1)), []
    slots.take(timeout_s=0)

    def work(number: int) -> None:
        assert slots.take(timeout_s=PATIENCE_S)
        order.append(number)
        slots.give_back()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for number, each in enumerate(threads, start=1):
        each.start()
        wait_for(lambda asked=number: len(slots._waiting) == asked)
    slots.give_back()
    for each in threads:
        each.join()
    assert order == [0, 1, 2, 3, 4]


def test_whoever_waits_lends_the_slot_and_works_on_without_waiting_for_it() -> None:
    slots = WorkingSlots(SlotCount(1, 1))
    slots.take(timeout_s=0)
    with slots.lent():
        assert in_thread(lambda: slots.take(timeout_s=0)) == [True]
    # two work now; one more may work only when both are done
    assert in_thread(lambda: slots.take(timeout_s=0.05)) == [False]
    slots.give_back()
    assert in_thread(lambda: slots.take(timeout_s=0.05)) == [False]


def test_a_thread_without_a_slot_lends_none() -> None:
    slots = WorkingSlots(SlotCount(1, 1))
    with slots.lent():
        pass
    assert [in_thread(lambda: slots.take(timeout_s=0.05)) for _ in range(2)] == [[True], [False]]


class Working:
    """A request in a thread that has a slot, until its end is asked for."""

    def __init__(self, slots: WorkingSlots, timeout_s: float = PATIENCE_S) -> None:
        self.has_slot = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(slots, timeout_s))
        self._thread.start()

    def _work(self, slots: WorkingSlots, timeout_s: float) -> None:
        self.has_slot = slots.take(timeout_s=timeout_s)
        self._end.wait(PATIENCE_S)
        slots.give_back()

    def end(self) -> None:
        self._end.set()
        self._thread.join()


def test_requests_that_take_long_do_not_block_the_others_up_to_the_most() -> None:
    slots = WorkingSlots(SlotCount(usual=1, most=3))
    long = [Working(slots) for _ in range(3)]
    for each in long:
        wait_for(lambda each=each: each.has_slot)
    assert in_thread(lambda: slots.take(timeout_s=5 * STALLED_AFTER_S)) == [False]
    for each in long:
        each.end()


def test_beside_a_long_request_the_others_follow_each_other_without_a_pause() -> None:
    slots = WorkingSlots(SlotCount(usual=1, most=2))
    long = Working(slots)
    wait_for(lambda: long.has_slot)

    def work_shortly() -> bool:
        has_slot = slots.take(timeout_s=PATIENCE_S)
        slots.give_back()
        return has_slot

    first = Working(slots)
    wait_for(lambda: first.has_slot)
    others = [threading.Thread(target=work_shortly) for _ in range(20)]
    for each in others:
        each.start()
    wait_for(lambda: len(slots._waiting) == len(others))
    began_s = time.monotonic()
    first.end()
    for each in others:
        each.join()
    assert time.monotonic() - began_s < len(others) * STALLED_AFTER_S / 2
    long.end()


def test_when_the_long_request_has_ended_as_few_work_as_before() -> None:
    slots = WorkingSlots(SlotCount(usual=1, most=4))
    long, beside = Working(slots), Working(slots)
    wait_for(lambda: long.has_slot and beside.has_slot)
    long.end()
    beside.end()
    assert [in_thread(lambda: slots.take(timeout_s=0)) for _ in range(2)] == [[True], [False]]


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("sqlite:////srv/assent.sqlite3", ON_SQLITE),
        ("postgresql+psycopg:///assent", ON_LOCAL_POSTGRESQL),
        ("postgresql+psycopg://u:p@localhost:5432/assent", ON_LOCAL_POSTGRESQL),
        ("postgresql+psycopg://u:p@[::1]/assent", ON_LOCAL_POSTGRESQL),
        ("postgresql+psycopg://u@/assent?host=/run/postgresql", ON_LOCAL_POSTGRESQL),
        ("postgresql+psycopg://u:p@db.example.com/assent", ON_DISTANT_POSTGRESQL),
        ("postgresql+psycopg://u@/assent?host=10.0.0.3", ON_DISTANT_POSTGRESQL),
    ],
)
def test_more_requests_work_where_they_wait_for_a_server_on_another_machine(url: str, count: SlotCount) -> None:
    assert count_for(url) == count
