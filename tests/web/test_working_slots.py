"""So many requests work at the same time; the others wait in order, for a limited time."""

import threading
from collections.abc import Callable

from app.web.working_slots import WorkingSlots
from tests.processes import PATIENCE_S, wait_for


def in_thread(act: Callable[[], object]) -> list[object]:
    """What the call returned in its own thread."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join()
    return found


def test_a_slot_is_refused_while_all_are_taken_and_given_when_one_comes_back() -> None:
    slots = WorkingSlots(1)
    assert slots.take(timeout_s=0)
    assert in_thread(lambda: slots.take(timeout_s=0.05)) == [False]
    slots.give_back()
    assert in_thread(lambda: slots.take(timeout_s=0)) == [True]


def test_a_thread_has_at_most_one_slot_and_gives_back_only_what_it_has() -> None:
    slots = WorkingSlots(2)
    assert slots.take(timeout_s=0)
    assert slots.take(timeout_s=0)
    slots.give_back()
    slots.give_back()
    assert [in_thread(lambda: slots.take(timeout_s=0.05)) for _ in range(3)] == [[True], [True], [False]]


def test_slots_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    slots, order = WorkingSlots(1), []
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
    slots = WorkingSlots(1)
    slots.take(timeout_s=0)
    with slots.lent():
        assert in_thread(lambda: slots.take(timeout_s=0)) == [True]
    # two work now; one more may work only when both are done
    assert in_thread(lambda: slots.take(timeout_s=0.05)) == [False]
    slots.give_back()
    assert in_thread(lambda: slots.take(timeout_s=0.05)) == [False]


def test_a_thread_without_a_slot_lends_none() -> None:
    slots = WorkingSlots(1)
    with slots.lent():
        pass
    assert [in_thread(lambda: slots.take(timeout_s=0.05)) for _ in range(2)] == [[True], [False]]
