from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from distortion_heads._system.threads import HELPER, QUEUED, completed, in_order, ordered


def test_results_come_in_order_and_items_are_worked_on_at_once() -> None:
    together = threading.Barrier(2, timeout=60)

    def work(item: int) -> int:
        together.wait()  # passes only if two are in work
        time.sleep(0.01 * (item % 2 == 0))
        return item * 10

    found = in_order(range(8), work, threads=2, is_large=lambda item: False, work_alone=lambda item: -1)
    assert list(found) == [0, 10, 20, 30, 40, 50, 60, 70]


def test_a_large_item_is_alone() -> None:
    running: list[int] = []
    beside: list[int] = []
    caller = threading.current_thread()

    def work(item: int) -> int:
        running.append(item)
        time.sleep(0.005)
        running.remove(item)
        return item

    def alone(item: int) -> int:
        beside.extend(running)
        assert threading.current_thread() is caller
        return -item

    found = list(in_order(range(1, 12), work, threads=3, is_large=lambda item: item % 4 == 0, work_alone=alone))
    assert found == [1, 2, 3, -4, 5, 6, 7, -8, 9, 10, 11]
    assert beside == []


def test_few_are_taken_ahead_and_closing_ends_the_threads() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    found = in_order(items(), lambda item: item, threads=2, is_large=lambda item: False, work_alone=lambda item: item)
    assert next(found) == 0
    assert len(taken) <= QUEUED * 2 + 1
    found.close()
    assert len(taken) <= QUEUED * 2 + 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(HELPER)]


def test_what_is_raised_comes_in_its_place() -> None:
    def work(item: int) -> int:
        return 6 // item

    found = in_order([3, 2, 0, 1], work, threads=2, is_large=lambda item: False, work_alone=work)
    assert [next(found), next(found)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(found)


@pytest.mark.parametrize("large", [0, 2])
def test_a_large_item_that_fails_comes_in_its_place(large: int) -> None:
    def work(item: int) -> int:
        return 6 // item

    found = in_order([3, 2, 0, 1], work, threads=2, is_large=lambda item: item == large, work_alone=work)
    assert [next(found), next(found)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_no_more_than_asked_for_are_under_way() -> None:
    under_way: list[int] = []

    def submit(item: int) -> Future[int]:
        under_way.append(item)
        assert len(under_way) <= 3
        return completed(lambda number: number * 2, item)

    for item, result in enumerate(ordered(range(9), submit, 3)):
        assert result == 2 * item
        under_way.remove(item)
