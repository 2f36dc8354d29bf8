"""A conversion whose work others do: what it gives out, and what it makes of what comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from groovefast.conversion.corpus import Corpus
from groovefast.conversion.job import Job, Made, Progress
from groovefast.conversion.output import OutputFolder
from groovefast.conversion.work import Work, divide
from groovefast.errors import GrooveFastError
from groovefast.shards.manifest import ShardEntry

Run = Callable[[Iterable[Work], Path], None]
"""Has work done and returns when all is, in whatever order, by whomever, and how often it wants.

It is given the work, which can be pickled, and the folder for attempts, which all workers must
reach under that path: `work.note(work.do(each), folder)` does one.
"""

_PATIENCE_S = 0.1


def run_elsewhere(
    run: Run,
    job: Job,
    corpus: Corpus,
    folder: OutputFolder,
    kept: Mapping[str, ShardEntry],
    on_progress: Callable[[Progress], None] | None,
) -> Made:
    """Does what `job.run` does by the hands of others.

    Shards get their names as they come in, so that what is complete stays if this process ends.

    Raises:
        GrooveFastError: What did the work ended without all of it.
        Exception: Whatever `run` raises.
    """
    attempts = folder.new_attempts()
    works = divide(job, corpus, kept, attempts)  # one after another, as they are asked for
    total = job.files_to_read(kept)
    known, failed = dict(kept), dict[int, Mapping[str, Any]]()
    running = _Running(run, works, attempts)
    started = time.perf_counter()
    is_over = False
    while not is_over:
        is_over = running.wait(_PATIENCE_S)
        for done in folder.take_up(known):
            if done.failed:
                failed[done.work] = done.failed
        if on_progress:
            files = sum(entry.files for name, entry in known.items() if name not in kept)
            on_progress(Progress(min(files, total), total, time.perf_counter() - started))
    made = [entry for name, entry in known.items() if name not in kept]
    first = failed[min(failed)] if failed else None
    missing = [shard.name for shard in job.planned if shard.name not in known]
    if missing and not first:
        raise GrooveFastError(
            f"{folder.path}: the runner ended, but {len(missing):,} of {len(job.planned):,} shards "
            f"are missing, {missing[0]} first; its log may say why, and --resume goes on"
        )
    return Made(made, first)


class _Running:
    """Something that runs in a thread, which does not keep the process from ending."""

    def __init__(self, run: Run, works: Iterable[Work], attempts: Path) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(run, works, attempts), daemon=True)
        self._thread.start()

    def wait(self, patience_s: float) -> bool:
        """Waits for its end; returns whether it is there, and raises what it raised."""
        self._thread.join(patience_s)
        if self._thread.is_alive():
            return False
        if self._error:
            raise self._error
        return True

    def _run(self, run: Run, works: Iterable[Work], attempts: Path) -> None:
        try:
            run(works, attempts)
        except BaseException as error:
            self._error = error
