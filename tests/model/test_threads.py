"""Parts are done in threads, and NumPy's own are as before afterwards."""

from __future__ import annotations

import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from groovefast.model import threads
from groovefast.model.threads import in_threads


def blas_threads() -> list[int]:
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine of three processors."""
    monkeypatch.setattr(threads, "processors", lambda: 3)


def test_results_come_in_order_from_threads_with_products_of_their_own() -> None:
    together = threading.Barrier(3)

    def work(number: int) -> tuple[int, list[int]]:
        together.wait(timeout=20)
        return number, blas_threads()

    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        done = in_threads(work, range(6))
        assert blas_threads() == before
    assert done == [(number, [1] * len(before)) for number in range(6)]


def test_one_part_is_done_by_the_thread_that_asks() -> None:
    (done,) = in_threads(lambda _: (threading.current_thread(), blas_threads()), ["part"])
    assert done == (threading.current_thread(), [1] * len(blas_threads()))
    assert in_threads(str, []) == []


def test_products_are_left_alone_until_the_last_is_done() -> None:
    seen = []

    def outer(_: int) -> None:
        in_threads(str, [1, 2])
        seen.extend(blas_threads())

    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        in_threads(outer, [1, 2])
        assert blas_threads() == before
    assert set(seen) <= {1}


def test_an_error_is_told_and_nothing_stays_limited() -> None:
    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ZeroDivisionError):
            in_threads(lambda number: 1 // number, [1, 0])
        assert blas_threads() == before
