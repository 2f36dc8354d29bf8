"""Threads that compute while the server goes on answering."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Workers:
    """A few threads that take work in turn.

    They are daemons: what cannot be stopped does not keep the process from ending.
    """

    def __init__(self, threads: int) -> None:
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = (
            queue.SimpleQueue()
        )
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def start(self, work: Callable[[], _Result]) -> asyncio.Future[_Result]:
        """Has something done; who cancels it before its turn comes spares it."""
        future: Future[_Result] = Future()
        self._waiting.put((future, work))
        return asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            self._do(*self._waiting.get())

    @staticmethod
    def _do(future: Future[Any], work: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
