"""`groovefast-train`: shards to a trained model, with a line or a bar that says how it goes."""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groovefast.cli import console
from groovefast.cli.progress import Stage, display
from groovefast.config import DEVICES, MAX_SEED, PRECISIONS, STRATEGIES, get_config
from groovefast.errors import GrooveFastError, OptionError

if TYPE_CHECKING:
    from groovefast.training.train import Progress, TrainingResult

_SECONDS_BETWEEN_LINES = 10.0
_NOTHING = object()


@console.command("groovefast-train")
@click.argument("unquoted", nargs=-1, metavar="", type=click.Path())
@click.option("--config", required=True, metavar="NAME", help="What to train, see the README.")
@click.option(
    "--data",
    multiple=True,
    metavar="PATTERN",
    help="Shards to train on: a quoted pattern such as 'records/train-*.tfrecord', a folder or a "
    "file. May be given several times.",
)
@click.option(
    "--eval-data",
    multiple=True,
    metavar="PATTERN",
    help="Shards to evaluate on, likewise. The model with the lowest loss on them is kept in "
    "RUN_DIR/best.",
)
@console.tfds("Instead of --data, train on")
@console.cutting("config")
@click.option(
    "--run-dir",
    required=True,
    type=console.PathOrUrl(file_okay=False),
    help="Folder of the run, or its URL. The same command again goes on where it stopped.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=10_000, show_default=True, help="Steps in all."
)
@click.option(
    "--start-from",
    metavar="MODEL",
    help="A model to begin with instead of fresh weights: a folder, the name of an included one, "
    "a checkpoint of Magenta, or the URL of either, of any config of the same sizes. "
    "Hyper-parameters are not taken over.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Windows in a batch.  [default: the config's]",
)
@click.option(
    "--hparams",
    default="",
    metavar="NAME=VALUE,…",
    help="Hyper-parameters to change, as in batch_size=64,free_bits=0,enc_rnn_size=[256].",
)
@click.option(
    "--precision",
    type=console.Choice(["auto", *PRECISIONS]),
    default="auto",
    show_default=True,
    help="auto: that of a run that goes on; else mixed_float16 on a GPU, mixed_bfloat16 on a CPU "
    "that has it, float32 elsewhere.",
)
@click.option(
    "--device",
    type=console.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="auto: a GPU if there is one.",
)
@click.option(
    "--strategy",
    type=console.Choice(STRATEGIES),
    default="auto",
    show_default=True,
    help="mirrored: all devices of this machine; multiworker: the machines of TF_CONFIG; "
    "auto: what there is.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=MAX_SEED),
    default=0,
    show_default=True,
    help="Decides first weights, order of the data, noise.",
)
@click.option(
    "--log-every",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="STEPS",
    help="How often metrics are written down.",
)
@click.option(
    "--eval-every",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    metavar="STEPS",
    help="How often to evaluate.",
)
@click.option(
    "--checkpoint-minutes",
    type=console.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="MINUTES",
    help="How often to save.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Checkpoints to keep.",
)
@click.option(
    "--stream",
    "cache",
    is_flag=True,
    callback=lambda *given: not given[-1],  # what is asked for is not to cache
    help="Read the shards in every epoch rather than keep the data in memory.",
)
@click.option(
    "--no-prior",
    "prior",
    is_flag=True,
    callback=lambda *given: not given[-1],
    help="Do not fit prior and touch after the last step; groovefast-prior does it later.",
)
def command(
    unquoted: tuple[str, ...],
    config: str,
    data: tuple[str, ...],
    eval_data: tuple[str, ...],
    run_dir: Path | str,
    tfds: str | None,
    tfds_data_dir: str | None,
    batch_size: int | None,
    hparams: str,
    **options: Any,
) -> int:
    """Trains a model. Ctrl-C saves and stops; the same command again goes on."""
    if unquoted:
        raise GrooveFastError(
            f"{unquoted[0]}: unexpected; put the pattern after --data in quotes, as in "
            "--data 'records/train-*.tfrecord'"
        )
    if tfds_data_dir is not None and tfds is None:
        raise OptionError("tfds_data_dir", "there is no `tfds` to look for there")
    if not data and tfds is None:
        raise GrooveFastError("--data is missing: name the shards, or a data set with --tfds")
    if data and tfds is not None:
        raise OptionError("data", "give either it or `tfds`")
    if tfds is not None and not isinstance(run_dir, Path):
        raise OptionError(
            "tfds",
            f"is converted into the folder of the run, which is a URL; run groovefast-convert "
            f"--tfds {tfds} DIR and give `data` 'DIR/train-*'",
        )
    chosen = get_config(config).with_hparams(hparams, batch_size)

    from groovefast.shards.find import find_shards

    shards = find_shards(data) if data else []
    eval_shards = find_shards(eval_data) if eval_data else None

    console.load_tensorflow()  # only now: it takes seconds
    from groovefast.training.train import train

    stage = _Stages()
    with display(_SECONDS_BETWEEN_LINES) as (show, say), _messages(say):
        if tfds is not None:
            assert isinstance(run_dir, Path)
            from groovefast.cli.tfds_records import records_of

            sets = records_of(tfds, run_dir, chosen, tfds_data_dir, say)
            shards, eval_shards = sets["train"], eval_shards or sets.get("validation")
        result = train(
            chosen,
            shards,
            run_dir,
            eval_data=eval_shards,
            progress=lambda progress: show(stage(progress)),
            **options,
        )
    click.echo(_summary(result))
    return console.EXIT_INTERRUPTED if result.interrupted else 0


def _summary(result: TrainingResult) -> str:
    """The last line of a run."""
    facts = [f"step {result.step}"]
    if "loss" in result.metrics:
        facts.append(f"loss {result.metrics['loss']:.2f}")
    if "loss" in result.eval_metrics:
        facts.append(f"evaluation {result.eval_metrics['loss']:.2f}")
    if result.examples_per_second is not None:
        facts.append(f"{result.examples_per_second:.0f} examples/s")
    if result.skipped_steps:
        facts.append(f"{result.skipped_steps} steps skipped")
    ending = "stopped; the same command goes on from here" if result.interrupted else "done"
    return f"{', '.join(facts)}: {ending}; model in {result.model_dir}"


@contextlib.contextmanager
def _messages(say: Callable[[str], None]) -> Iterator[None]:
    """Hands what the library logs to `say`, and to no handler of the root logger besides."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            prefix = "warning: " if record.levelno >= logging.WARNING else ""
            say(prefix + record.getMessage())

    logger, handler = logging.getLogger("groovefast"), Handler()
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        level, logger.propagate = before
        logger.setLevel(level)


class _Stages:
    """How far a run is, in words; its beginning, each evaluation and its end are news."""

    def __init__(self) -> None:
        self._eval_loss: object = _NOTHING

    def __call__(self, progress: Progress) -> Stage:
        evaluated = progress.eval_loss != self._eval_loss
        self._eval_loss = progress.eval_loss
        return Stage(
            progress.step,
            progress.steps,
            f"step {progress.step}/{progress.steps}  {_figures(progress)}{_left(progress)}",
            is_news=evaluated or progress.step == progress.steps,
        )


def _figures(progress: Progress) -> str:
    """Loss, speed and what else there is to tell."""
    figures = [f"loss {progress.loss:.2f}"]
    if progress.eval_loss is not None:
        figures.append(f"evaluation {progress.eval_loss:.2f}")
    if progress.examples_per_second is not None:
        figures.append(f"{progress.examples_per_second:.0f} examples/s")
    if progress.skipped_steps:
        figures.append(f"{progress.skipped_steps} skipped")
    return "  ".join(figures)


def _left(progress: Progress) -> str:
    if progress.seconds_left is None:
        return ""
    return f"  {datetime.timedelta(seconds=round(progress.seconds_left))} left"


def main() -> None:
    """Entry point of `groovefast-train`."""
    console.run(command)
