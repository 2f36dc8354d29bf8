"""Conversion on Apache Beam: on its runners, and as a transform for pipelines of one's own.

No more of Beam is used than all runners have: elements that are mapped, one by one. Dask's drops
what the end of a bundle emits, mixes outputs that are told apart by tags, and computes nothing but
the last collection of a pipeline, so that there are no batches, no side outputs and no branches.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from groovefast.conversion import work
from groovefast.conversion.elsewhere import Run
from groovefast.conversion.work import Done, Work
from groovefast.errors import GrooveFastError, OptionError


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps to itself what Beam warns of while it is imported, as that it lacks Google's clients.

    And that it thereby has all that any library logs printed from then on.
    """
    level, handlers = logging.root.manager.disable, list(logging.root.handlers)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
        logging.root.handlers[:] = handlers


with _without_warnings():
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.runner import PipelineState, create_runner

_DIRECT = "FnApiRunner"
"""What does the work of `DirectRunner`, which would first try to download another that does."""
_RUNNERS = {"directrunner": _DIRECT, "direct": _DIRECT}
_DASK = ("daskrunner", "dask")
_DASK_RUNNER = "apache_beam.runners.dask.dask_runner.DaskRunner"
_PARTITIONS = ("--dask_npartitions", "--dask_partition_size")


def run_on(runner: str, options: Sequence[str]) -> Run:
    """Returns what does work on a runner.

    Args:
        runner: Its name, such as `DirectRunner`.
        options: Options of Beam and the runner, as on a command line.

    Raises:
        OptionError: There is no such runner, or no such option.
        MissingPackageError: What the runner needs is not installed.
    """
    words = list(options)
    is_dask = runner.lower() in _DASK
    if is_dask:
        import distributed  # noqa: F401 - Beam would say that later, and in another way

        name = _DASK_RUNNER
        if not any(word.startswith(_PARTITIONS) for word in words):
            words.append("--dask_partition_size=1")  # else 128 shards would be one worker's
    else:
        name = _RUNNERS.get(runner.lower(), runner)
    try:
        made = create_runner(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise OptionError("runner", str(error).splitlines()[0]) from None
    if name in (_DIRECT, _DASK_RUNNER):  # others may have options that only their server knows
        _refuse_unknown(words)

    def run(works: Iterable[Work], attempts: Path) -> None:
        pipeline = beam.Pipeline(runner=made, options=PipelineOptions(words))
        _ = (
            pipeline
            | "Work" >> beam.Create(list(works), reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "Convert" >> beam.Map(work.do)
            | "Note" >> beam.Map(_note, str(attempts))
        )
        try:
            result = pipeline.run()
            state = result.wait_until_finish()
            if is_dask:
                result.client.close()
        except Exception as error:
            raise GrooveFastError(f"{runner}: {_reason(error)}") from error
        if state not in (None, PipelineState.DONE):
            raise GrooveFastError(f"{runner}: the pipeline ended as {state}; its log may say why")

    return run


def _refuse_unknown(words: Sequence[str]) -> None:
    """Refuses options that no part of Beam has, which it would only warn of, and go on."""
    known, given = (
        PipelineOptions(list(words)).get_all_options(retain_unknown_options=is_retained)
        for is_retained in (False, True)
    )
    for name in given:
        if name not in known:
            raise OptionError("runner", f"neither Beam nor the runner has an option --{name}")


def _note(done: Done, attempts: str) -> int:
    """Notes an attempt; returns which work it was at."""
    work.note(done, attempts)
    return done.work


def _reason(error: Exception) -> str:
    """The first line of what went wrong, without the name of Beam's step."""
    lines = str(error).strip().splitlines()
    return lines[0].partition(" [while running")[0] if lines else type(error).__name__
