"""The same work for parts of many windows, on several processors.

A thread for each part with products on one processor is quicker than one part after the other with
each product on all: what is done between products is shared out too. And no product waits for a
processor that other programs keep busy, which can take a hundred times as long as the product.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")

_lock = threading.Lock()
_users = 0


def in_threads(function: Callable[[_Part], _Result], parts: Sequence[_Part]) -> list[_Result]:
    """Returns what a function makes of each part, in their order.

    Args:
        function: Spends its time in NumPy, so that threads do not wait for each other.
        parts: One is done by the caller's own thread, several by as many as there are processors.
    """
    workers = min(len(parts), processors())
    with products_on_one_processor():
        if workers < 2:
            return [function(part) for part in parts]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(function, parts))


@contextlib.contextmanager
def products_on_one_processor() -> Iterator[None]:
    """Meanwhile NumPy's matrix products, which all threads of a process share, use no threads."""
    global _users
    with _lock:
        if not _users:
            _blas().limit()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _blas().restore()


class _Blas:
    """The library of NumPy's matrix products."""

    def __init__(self) -> None:
        from threadpoolctl import ThreadpoolController  # only here: what only loads needs none

        self._controller = ThreadpoolController()
        self._limiter: Any = None

    def limit(self) -> None:
        """Lets it use one thread."""
        self._limiter = self._controller.limit(limits=1, user_api="blas")

    def restore(self) -> None:
        """Lets it use as many as before."""
        self._limiter.restore_original_limits()


@functools.cache
def _blas() -> _Blas:
    return _Blas()


def processors() -> int:
    """Returns how many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
