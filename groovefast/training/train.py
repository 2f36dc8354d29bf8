"""Training: the loop around the step, with its checkpoints, evaluations and errors.

The run's folder is described in `run_folder`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import tensorflow as tf

from groovefast.config import MAX_SEED, Config, get_config
from groovefast.errors import GrooveFastError, OptionError, WorkerLostError, check_whole
from groovefast.files import lock_folder
from groovefast.model.checkpoints import load_weights
from groovefast.shards.find import DataPattern, find_shards
from groovefast.shards.manifest import sha256_of
from groovefast.training.devices import (
    choose_precision,
    choose_strategy,
    has_several_workers,
    is_chief,
    runs_on_gpu,
)
from groovefast.training.finish import fit_models
from groovefast.training.memory import free_memory
from groovefast.training.run_at_url import RunHere, open_run
from groovefast.training.run_folder import RunFolder, RunIdentity, begun_precision, has_checkpoint
from groovefast.training.schedules import check_sampling
from groovefast.training.step import Trainer, step_memory
from groovefast.windows.augmentation import Augmentation
from groovefast.windows.cutting import Cutting
from groovefast.windows.dataset import Windows, batches, open_windows
from groovefast.windows.order import Order, Ordered
from groovefast.windows.token_dataset import TokenWindows

_log = logging.getLogger(__name__)

_MOST_SKIPPED_IN_ROW = 50
"""More than float16's loss scale needs to come down from its initial value."""
_SECONDS_PER_CALL = 0.3
"""Python looks in on the graph about that often: to report, to log, to stop."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: Steps done.
        steps: Steps to do.
        loss: Mean loss of the latest steps.
        examples_per_second: Windows trained on per second in this call of `train`; None until
            the graph is built and the data is where the run stands.
        seconds_left: Expected time to the end, likewise.
        skipped_steps: Steps whose gradient was too large or not finite.
        eval_loss: That of the latest evaluation in this call, if there was one.
    """

    step: int
    steps: int
    loss: float
    examples_per_second: float | None
    seconds_left: float | None
    skipped_steps: int
    eval_loss: float | None


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes:
        step: Steps done, in this call and before.
        metrics: Means over the last logged steps, under Magenta's names.
        eval_metrics: Those of the last evaluation in this call, empty without one.
        skipped_steps: Steps whose gradient was too large or not finite.
        examples_per_second: Windows trained on per second in this call; None if it was too short
            to tell.
        model_dir: The folder of the exported model, or its URL.
        interrupted: Whether it was stopped before its last step.
    """

    step: int
    metrics: Mapping[str, float]
    eval_metrics: Mapping[str, float]
    skipped_steps: int
    examples_per_second: float | None
    model_dir: Path | str
    interrupted: bool


def train(
    config: str | Config,
    data: DataPattern,
    run_dir: str | os.PathLike[str],
    eval_data: DataPattern | None = None,
    steps: int = 10_000,
    *,
    start_from: str | os.PathLike[str] | None = None,
    batch_size: int | None = None,
    hparams: str | Mapping[str, Any] | None = None,
    hop_bars: int | None = None,
    dedupe: bool = False,
    min_hits: int = 0,
    precision: str = "auto",
    seed: int = 0,
    device: str = "auto",
    strategy: str = "auto",
    cache: bool = True,
    log_every: int = 20,
    eval_every: int = 500,
    checkpoint_minutes: float = 10,
    keep: int = 3,
    prior: bool = True,
    progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Trains a model, or goes on where an earlier call with the same `run_dir` stopped.

    On one machine a run that was interrupted, or killed at any moment, and continued gives exactly
    the numbers of an unbroken one. It goes on only with the config, seed, precision, training
    windows and `cache` that it was begun with, wherever the data lies now. Ctrl-C (or SIGTERM)
    saves and stops.

    Args:
        config: A config or its name.
        data: Shards to train on, see `shards.find.find_shards`.
        run_dir: The run's folder, made if need be, or its URL, see `run_at_url`.
        eval_data: Shards to evaluate on. The model with the lowest loss on them is kept in
            `run_dir`/best; with other ones it is looked for anew.
        steps: Steps in all, those of earlier calls included.
        start_from: A model to take the first weights from, as `model.checkpoints.load_model` finds
            it; of this config or another one of the same sizes. The step counts from 0 all the
            same. A run that goes on has its own weights and does without.
        batch_size: Windows in a batch, over all replicas; the config's, or that in `hparams`, if
            None.
        hparams: Hyper-parameters to replace, as `Config.with_hparams` takes them.
        hop_bars: Bars from the start of a window to the start of the next; those of the config if
            None. This and the next two are also of the windows to evaluate on.
        dedupe: Whether to leave out windows that are as an earlier one of the same data.
        min_hits: Windows with fewer hits are left out.
        precision: "float32", "mixed_float16", "mixed_bfloat16", or "auto": that of the run that
            goes on, or else see `devices.choose_precision`.
        seed: Decides the first weights, the order of the data and all noise.
        device: "auto", "cpu" or "gpu".
        strategy: "auto", "mirrored" or "multiworker", see `devices.choose_strategy`. Workers
            share `run_dir`; the first one writes.
        cache: Whether to keep the data in memory; if not, it comes in another order.
        log_every: Steps between lines of the record.
        eval_every: Steps between evaluations.
        checkpoint_minutes: Minutes between checkpoints; there is one at the end too.
        keep: Checkpoints to keep.
        prior: Whether to fit prior and touch to the model after the last step, see `fitting`; a
            model without z, or of tokens, has neither.
        progress: Called after every few steps.

    Raises:
        GrooveFastError: Data that cannot be used, a `run_dir` of another run or in which another
            process trains, a device that is not there, not enough memory or room on the disk, or a
            loss that is no number any more.
        WorkerLostError: Another worker ended before the last step; when all are started again, the
            run goes on from the last checkpoint.
    """
    check_whole("keep", keep, 1)
    seed = check_whole("seed", seed, 0, MAX_SEED)
    if not 0 <= checkpoint_minutes < math.inf:
        raise OptionError("checkpoint_minutes", f"{checkpoint_minutes} is not a number from 0 on")
    rhythm = _Rhythm(
        steps=steps,
        log_every=log_every,
        eval_every=eval_every,
        checkpoint_seconds=60 * checkpoint_minutes,
    )
    config = get_config(config).with_hparams(hparams or {}, batch_size)
    check_sampling(config.hparams)
    cutting = Cutting.of(config, hop_bars, dedupe, min_hits)
    replicas = choose_strategy(strategy, device)
    with open_run(run_dir) as run:
        path, start = run.path, None
        if precision == "auto":
            precision = begun_precision(path) or precision
        precision = choose_precision(precision, replicas)
        _check_batch_size(config.hparams.batch_size, replicas)
        if start_from is not None and not has_checkpoint(path):
            start = load_weights(start_from, config)
        shards = find_shards(data)
        windows = open_windows(shards, config, cutting, cache=cache, seed=seed)
        identity = RunIdentity(
            config, seed, precision, windows.count, sha256_of(*shards), cutting, streamed=not cache
        )
        eval_shards = None if eval_data is None else find_shards(eval_data)
        evaluation = eval_shards and _in_order(eval_shards, config, cutting, cache)
        _check_memory(config, precision, replicas)
        with _plain_errors(path, config), contextlib.ExitStack() as stack:
            trainer = Trainer(config, replicas, precision, seed)
            if start is not None:
                trainer.start_from(start)
            writes = is_chief(replicas)
            if writes:
                lock = lock_folder(path, "another process is training in it")
                stack.callback(os.close, lock)
            folder = RunFolder(path, identity, trainer, keep, writes)
            stack.callback(folder.close)
            if eval_shards:
                folder.evaluate_on(sha256_of(*eval_shards))
            _announce(trainer, windows, precision, replicas)
            order = Order(seed=seed, repeat=True, start=int(trainer.step))
            loop = _Loop(
                trainer,
                folder,
                run,
                rhythm,
                iterator=iter(_distribute(windows, config, order, replicas)),
                evaluation=evaluation,
                speed=_Speed(config.hparams.batch_size),
                several_workers=has_several_workers(replicas),
            )
            loop.run(progress or (lambda _: None))
            can_fit = config.hparams.z_size and not config.tokens
            if prior and can_fit and writes and int(trainer.step) >= steps:
                fit_models(folder.models(), shards, cutting, eval_shards, seed)
            return TrainingResult(
                step=int(trainer.step),
                metrics=folder.latest(),
                eval_metrics=loop.eval_metrics,
                skipped_steps=int(trainer.skipped),
                examples_per_second=loop.speed.overall(),
                model_dir=run.called(folder.model_dir),
                interrupted=int(trainer.step) < steps,
            )


@dataclasses.dataclass(frozen=True)
class _Rhythm:
    """How often things happen, in steps unless said otherwise."""

    steps: int
    log_every: int
    eval_every: int
    checkpoint_seconds: float

    def __post_init__(self) -> None:
        for name in ("steps", "log_every", "eval_every"):
            check_whole(name, getattr(self, name), 1)

    def next_stop(self, step: int) -> int:
        """The next step after which something is to be done."""
        return min(self.steps, *(every * (step // every + 1) for every in self._periods))

    def is_due(self, every: int, step: int) -> bool:
        """Whether `step` is one to log or evaluate at; the last one always is."""
        return step % every == 0 or step == self.steps

    @property
    def _periods(self) -> tuple[int, int]:
        return self.log_every, self.eval_every


@dataclasses.dataclass
class _Loop:
    """The loop of `train`."""

    trainer: Trainer
    folder: RunFolder
    place: RunHere
    rhythm: _Rhythm
    iterator: Any
    evaluation: tf.data.Dataset | None
    speed: _Speed
    several_workers: bool
    """Then all of them have to make the same calls, and speed must not decide."""
    eval_metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Those of the last evaluation here."""

    def run(self, progress: Callable[[Progress], None]) -> None:
        """Trains until the last step, or until asked to stop."""
        step, saved_at = int(self.trainer.step), time.monotonic()
        with _Stopper() as stopper:
            while step < self.rhythm.steps and not self._is_asked(stopper):
                step = self._train_from(step)
                means = self.trainer.means()
                if self.rhythm.is_due(self.rhythm.log_every, step):
                    self._log(means)
                if self.evaluation and self.rhythm.is_due(self.rhythm.eval_every, step):
                    self.eval_metrics = self.trainer.evaluate(self.evaluation)
                    self.folder.log_evaluation(self.eval_metrics)
                progress(self._progress(step, means["loss"]))
                if time.monotonic() - saved_at >= self.rhythm.checkpoint_seconds:
                    self._save()
                    saved_at = time.monotonic()
        self._save()
        self.folder.draw()

    def _save(self) -> None:
        if self.folder.save():
            self.place.saved()

    def _is_asked(self, stopper: _Stopper) -> bool:
        """Whether to stop: with several workers all at the same step, whichever was asked."""
        return self.trainer.agree(stopper.asked) if self.several_workers else stopper.asked

    def _train_from(self, step: int) -> int:
        """Does some steps in one call of the graph and returns where that leads."""
        count = self.rhythm.next_stop(step) - step
        if not self.several_workers:
            count = min(count, self.speed.steps_in(_SECONDS_PER_CALL))
        with self.speed.timing(count):
            self.trainer.run(self.iterator, tf.constant(count))
            skipped_in_row = int(self.trainer.skipped_in_row)
        if skipped_in_row >= _MOST_SKIPPED_IN_ROW:
            raise GrooveFastError(
                f"the gradient was too large or not a number in each of the last {skipped_in_row} "
                f"steps, up to step {step + count}; check the data, lower learning_rate or use "
                "precision float32"
            )
        return step + count

    def _log(self, means: Mapping[str, float]) -> None:
        extra: dict[str, float] = {"skipped_steps": int(self.trainer.skipped)}
        if (speed := self.speed.lap()) is not None:
            extra["examples_per_second"] = speed
        self.folder.log("train", {**means, **extra})
        self.trainer.clear_means()

    def _progress(self, step: int, loss: float) -> Progress:
        return Progress(
            step=step,
            steps=self.rhythm.steps,
            loss=loss,
            examples_per_second=self.speed.overall(),
            seconds_left=self.speed.seconds_for(self.rhythm.steps - step),
            skipped_steps=int(self.trainer.skipped),
            eval_loss=self.eval_metrics.get("loss"),
        )


class _Speed:
    """Examples per second, without the first call: it builds the graph and finds its data."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self._warm = False
        self._whole = self._lap = _Timing()

    @contextlib.contextmanager
    def timing(self, steps: int) -> Iterator[None]:
        """Times what happens inside as so many steps."""
        start = time.perf_counter()
        yield
        if self._warm:
            taken = _Timing(steps, time.perf_counter() - start)
            self._whole, self._lap = self._whole + taken, self._lap + taken
        self._warm = True

    def overall(self) -> float | None:
        """Over all timings; None without any."""
        return self._whole.rate(self.batch_size)

    def seconds_for(self, steps: int) -> float | None:
        """How long so many steps take, once that can be told."""
        speed = self.overall()
        return steps * self.batch_size / speed if speed else None

    def steps_in(self, seconds: float) -> int:
        """How many steps take about so long, at least 1."""
        return max(1, int((self.overall() or 0) * seconds / self.batch_size))

    def lap(self) -> float | None:
        """Over the timings since the last call of this; None without any."""
        lap, self._lap = self._lap, _Timing()
        return lap.rate(self.batch_size)


@dataclasses.dataclass(frozen=True)
class _Timing:
    """Steps, and what they took."""

    steps: int = 0
    seconds: float = 0.0

    def __add__(self, other: _Timing) -> _Timing:
        return _Timing(self.steps + other.steps, self.seconds + other.seconds)

    def rate(self, batch_size: int) -> float | None:
        """Examples per second in batches of this size."""
        return self.steps * batch_size / self.seconds if self.seconds else None


class _Stopper:
    """Turns the first Ctrl-C, or SIGTERM, into a wish to stop; a second one acts as ever."""

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Stopper:
        # Only the main thread can set handlers; elsewhere the caller's stay.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in self._SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.asked = True
        signal.signal(number, self._before[number])
        _log.info("saving and stopping; press Ctrl-C again to stop at once")


def _announce(
    trainer: Trainer, windows: Ordered, precision: str, strategy: tf.distribute.Strategy
) -> None:
    config = trainer.model.config
    devices = [device.rpartition("device:")[2] for device in strategy.extended.worker_devices]
    parameters = sum(variable.shape.num_elements() for variable in trainer.model.weights.values())
    _log.info(
        "%s: %s parameters, %s windows in batches of %d, %s on %s",
        config.name,
        f"{parameters:,}",
        f"{windows.count:,}",
        config.hparams.batch_size,
        precision,
        " ".join(devices),
    )
    if (step := int(trainer.step)) > 0:
        _log.info("going on from step %d", step)


def _in_order(data: DataPattern, config: Config, cutting: Cutting, cache: bool) -> tf.data.Dataset:
    """Windows to evaluate on."""
    windows = open_windows(data, config, cutting, cache=cache)
    return batches(windows, config.converter, Order(shuffle=False), config.hparams.batch_size)


def _distribute(
    windows: Windows | TokenWindows, config: Config, order: Order, strategy: tf.distribute.Strategy
) -> Any:
    """Batches of `config.hparams.batch_size`, each in parts for the replicas."""
    batch_size = config.hparams.batch_size
    augmentation = Augmentation.of(config)

    def worker_batches(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        share = batch_size // workers
        shard = (context.input_pipeline_id, workers)
        data = batches(
            windows, config.converter, order, share, shard=shard, augmentation=augmentation
        )
        return data.rebatch(batch_size // context.num_replicas_in_sync, drop_remainder=True)

    return strategy.distribute_datasets_from_function(worker_batches)


def _check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    if batch_size % strategy.num_replicas_in_sync:
        raise OptionError(
            "batch_size",
            f"{batch_size} cannot be shared out to {strategy.num_replicas_in_sync} devices evenly",
        )


def _check_memory(config: Config, precision: str, strategy: tf.distribute.Strategy) -> None:
    """Refuses what the kernel would end this process for without a word."""
    free = None if runs_on_gpu(strategy) else free_memory()
    batch_size, devices = config.hparams.batch_size, len(strategy.extended.worker_devices)
    windows = batch_size * devices // strategy.num_replicas_in_sync
    needed = step_memory(config, precision, windows)
    if free is not None and needed > free:
        raise GrooveFastError(
            f"not enough memory: a step of {windows} windows needs {needed / 1e9:,.1f} GB or more, "
            f"and {free / 1e9:,.1f} GB are free; use a smaller batch than {batch_size}, or "
            "a smaller model"
        )


@contextlib.contextmanager
def _plain_errors(run_dir: Path, config: Config) -> Iterator[None]:
    """Says in plain words what TensorFlow runs out of or loses."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT)):
            raise GrooveFastError(
                f"{run_dir}: no space left there; make room, and the same command goes on from "
                "the last checkpoint"
            ) from error
        raise GrooveFastError(
            f"out of memory; use a smaller batch than {config.hparams.batch_size}, or a "
            "smaller model"
        ) from error
    except (tf.errors.NotFoundError, tf.errors.DataLossError) as error:
        raise GrooveFastError(
            f"the data changed during training ({str(error.message).splitlines()[0]}); the same "
            "command goes on from the last checkpoint"
        ) from error
    except _LOST as error:
        raise WorkerLostError(
            f"another worker went away ({_why_lost(error)}); start all workers again to go on from "
            "the last checkpoint"
        ) from error


_LOST = tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError
_OF_NO_HELP = ("Graph execution error:", "Detected at node", 'File "')
"""How lines begin that tell where in the graph, or in Python, an error was noticed."""


def _why_lost(error: tf.errors.OpError) -> str:
    """The first line of TensorFlow's that says something of what happened."""
    lines = (line.strip() for line in str(error.message).splitlines())
    told = (line for line in lines if line and not line.startswith(_OF_NO_HELP))
    return next(told, type(error).__name__)
