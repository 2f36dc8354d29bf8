"""Conversion on Apache Beam: on its runners, and as a transform for pipelines of one's own.

No more of Beam is used than all runners have: elements that are mapped, one by one. Dask's drops
what the end of a bundle emits, mixes outputs that are told apart by tags, and computes nothing but
the last collection of a pipeline, so that there are no batches, no side outputs and no branches.

Elements are small: Beam compresses all of them several times before anything is run, and Dataflow
takes no more than 10 MB of them. What is to be done lies in a file, of which each is a piece.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from groovefast.conversion import work
from groovefast.conversion.elsewhere import Run
from groovefast.conversion.job import failure
from groovefast.conversion.one_file import convert_file
from groovefast.conversion.options import Options
from groovefast.conversion.outcomes import FileProblem, Outcome, explain
from groovefast.conversion.work import Stored, Work
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
    from apache_beam.metrics import Metrics
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.runner import PipelineState, create_runner

_LOGGER = logging.getLogger(__name__)

_DIRECT = "FnApiRunner"
"""What does the work of `DirectRunner`, which would first try to download another that does."""
_RUNNERS = {"directrunner": _DIRECT, "direct": _DIRECT}
_DASK = ("daskrunner", "dask")
_DASK_RUNNER = "apache_beam.runners.dask.dask_runner.DaskRunner"
_PARTITIONS = ("--dask_npartitions", "--dask_partition_size")


class ConvertMidi(beam.PTransform):  # type: ignore[misc]
    """MIDI files to records: what the shards of a conversion hold, for pipelines of one's own.

    Its input are paths, or pairs of a name and the bytes of a file; its output are serialized
    `tf.train.Example`s, those of a file in their order, whose `source` is the path or the name. It
    knows neither zips nor metadata, which are matters of a whole corpus.

    A file that cannot be read is named in a warning of the log, and counted in the metrics of the
    namespace `groovefast`, as are those that hold nothing to convert.

        files | ConvertMidi(pitch_classes="reduced") | beam.io.WriteToTFRecord("gs://…/data")
    """

    def __init__(self, **options: Any) -> None:
        """Keeps the options.

        Args:
            **options: Those of `convert` that decide what is in a record: `steps_per_quarter`,
                `pitch_classes`, `channel`, `track`, `magenta_compat`, `representation`,
                `unmapped_pitches`, and `on_error`, under which "fail" ends the pipeline.

        Raises:
            GrooveFastError: A mistake in the options.
        """
        super().__init__()
        if "dedupe" in options:
            raise OptionError("dedupe", "is of whole corpora, not of one file after another")
        self._options = Options.of(**options)

    def expand(self, files: Any) -> Any:
        """Returns the collection of records."""
        return files | beam.ParDo(_ConvertFile(self._options)).with_output_types(bytes)


class _ConvertFile(beam.DoFn):  # type: ignore[misc]
    """See `ConvertMidi`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._room: tempfile.TemporaryDirectory[str] | None = None

    def setup(self) -> None:
        self._room = tempfile.TemporaryDirectory(prefix="groovefast-")

    def teardown(self) -> None:
        if self._room:
            self._room.cleanup()

    def process(self, file: str | os.PathLike[str] | tuple[str, bytes]) -> Iterator[bytes]:
        assert self._room
        name, content = file if isinstance(file, tuple) else (os.fspath(file), None)
        converted = convert_file(os.fsencode(name), content, self._options, Path(self._room.name))
        outcome = Outcome.CONVERTED
        if converted.told:
            outcome = Outcome(converted.told["outcome"])
            if outcome.is_failure and self._options.on_error == "fail":
                raise failure(name, converted.told)
            if outcome.is_failure or outcome is Outcome.SALVAGED:
                _LOGGER.warning("%s", FileProblem(name, outcome, explain(converted.told)))
        Metrics.counter("groovefast", outcome.value).inc()
        yield from converted.records


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
        stored = work.store(works, attempts)
        if not stored:  # an earlier run did all, and was killed before it could say so
            return
        pipeline = beam.Pipeline(runner=made, options=PipelineOptions(words))
        _ = (
            pipeline
            | "Work" >> beam.Create(stored, reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "Convert" >> beam.Map(_do)
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


def _do(stored: Stored) -> int:
    """Does work and notes that it is done; returns its number."""
    done = work.do(work.fetch(stored))
    work.note(done, stored.attempts)
    return done.work


def _reason(error: Exception) -> str:
    """The first line of what went wrong, without the name of Beam's step."""
    lines = str(error).strip().splitlines()
    return lines[0].partition(" [while running")[0] if lines else type(error).__name__
