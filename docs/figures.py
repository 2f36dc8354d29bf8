"""Draws the figures of how-it-works.md into docs/images, from played drumming and real runs.

    python docs/figures.py --data data/groove --runs runs/how-it-works [NAME ...]

draws those named, or all. DATA is the Groove MIDI Dataset. The small models that figures compare
are trained into RUNS first, minutes each on one core, by commands that are shown; runs that are
there are used as they are. What the page says in numbers is printed beside.
"""

from __future__ import annotations

import dataclasses
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from groovefast import GrooveConverter, convert, load_model
from groovefast.config import CONFIGS
from groovefast.drums import DRUM_CLASSES, pitch_table
from groovefast.evaluation.evaluate import read_performances
from groovefast.evaluation.features import likeness_of_bars
from groovefast.evaluation.form import likeness_at, share_of_changes
from groovefast.evaluation.measures import Performances
from groovefast.evaluation.ngram import NGram
from groovefast.midi.groove import Groove
from groovefast.model.in_use import InUse
from groovefast.model.latent import slerp
from groovefast.plot_style import (
    BLUE,
    GREEN,
    INK,
    LINE,
    MUTED,
    ORANGE,
    PURPLE,
    new_figure,
    save,
    styled,
)
from groovefast.windows import transforms
from groovefast.windows.attributes import ATTRIBUTES, attributes_of
from groovefast.windows.rows import Grid, RowLayout

Array: TypeAlias = "NDArray[np.float32]"
Numbers: TypeAlias = "NDArray[Any]"

IMAGES = Path(__file__).parent / "images"
PLAYED = "drummer1/session1/1_funk_80_beat_4-4.mid"
"""The performance that is looked at closely, in the dataset."""
ENDS = (
    "drummer1/session1/2_funk_80_beat_4-4.mid",
    "drummer1/session1/38_latin-samba_116_beat_4-4.mid",
)
"""The performances that are interpolated, both of the validation split."""
_BAR = 16
_SEED = 0
_SMALL = (
    "enc_rnn_size=[128],dec_rnn_size=[128,128],dropout_keep_prob=1,learning_rate=0.003,"
    "warmup_steps=50"
)
_FOUR_BARS = f"{_SMALL},z_size=64,batch_size=64"
_HUMANIZE = (
    f"{_FOUR_BARS},max_beta=1,free_bits=96,loss_at_hits_only=true,velocities_weight=8,"
    "offsets_weight=8,sampling_keeps_hits=true"
)


@dataclasses.dataclass(frozen=True)
class Run:
    """A small model that figures are drawn of.

    Attributes:
        differs: The hyper-parameters in which it differs from those it is compared with.
        config: What it is.
        common: The hyper-parameters it has in common with them.
        steps: Of training.
    """

    differs: str
    config: str = "groovae_4bar"
    common: str = _FOUR_BARS
    steps: int = 1500

    @property
    def hparams(self) -> str:
        """All that are not the config's."""
        return ",".join(
            filter(None, (self.common, f"cosine_decay_steps={self.steps}", self.differs))
        )


RUNS: Mapping[str, Run] = {
    "free-bits": Run("max_beta=1,free_bits=96"),
    "collapse": Run("max_beta=1,free_bits=0"),
    "low-beta": Run("max_beta=0.2,free_bits=0"),
    "own-rows": Run("max_beta=1,free_bits=96,sampling_schedule=inverse_sigmoid,sampling_rate=150"),
    "humanize-truth": Run(
        "sampling_schedule=teacher_forcing", "groovae_2bar_humanize", _HUMANIZE, 800
    ),
    "humanize-own": Run(
        "sampling_schedule=inverse_sigmoid,sampling_rate=80",
        "groovae_2bar_humanize",
        _HUMANIZE,
        800,
    ),
}


def command(name: str, runs: Path) -> list[str]:
    """Returns the words of the command that trains a small model."""
    run = RUNS[name]
    return [
        *("groovefast-train", "--config", run.config, "--run-dir", str(runs / name)),
        *("--data", str(runs / "records/train-*"), "--steps", str(run.steps)),
        *("--eval-data", str(runs / "records/validation-*"), "--eval-every", "100"),
        *("--precision", "float32", "--no-prior", "--hparams", run.hparams),
    ]


@dataclasses.dataclass(frozen=True)
class Sources:
    """What figures are made of.

    Attributes:
        data: The folder of the Groove MIDI Dataset.
        runs: Where the records and the runs are, or go.
        most: Windows that are measured, of each split.
    """

    data: Path
    runs: Path
    most: int = 512

    def records(self, split: str) -> str:
        """Returns the shards of a split, which are made if there are none."""
        folder = self.runs / "records"
        if not folder.exists():
            convert(self.data, folder, metadata=self.data / "info.csv")
        return str(folder / f"{split}-*")

    def run(self, name: str) -> Path:
        """Returns the folder of a run that is trained to its end."""
        self.records("train")
        folder = self.runs / name
        if not (folder / "training.png").exists():
            words = command(name, self.runs)
            click.echo(f"$ {shlex.join(words)}")
            subprocess.run([Path(sys.executable).parent / words[0], *words[1:]], check=True)
        return folder

    def windows(self, split: str, config: str, most: int | None = None) -> Performances:
        """Returns some windows of a split, drawn."""
        windows = read_performances(self.records(split), CONFIGS[config])
        chosen = np.random.default_rng(_SEED).permutation(len(windows))[: most or self.most]
        return windows.replace(
            hits=windows.hits[chosen],
            velocities=windows.velocities[chosen],
            offsets=windows.offsets[chosen],
            qpms=windows.qpms[chosen],
            performances=None,
            styles=None if windows.styles is None else windows.styles[chosen],
        )


def _rows(windows: Performances, model: InUse) -> Array:
    """Windows as a model hears them."""
    arrays = windows.hits, windows.velocities, windows.offsets
    grid = Grid(*(np.asarray(array, np.float32) for array in arrays))
    return np.asarray(RowLayout.of(model.config.converter).assemble(np, grid), np.float32)


_LAYOUT = RowLayout.of(CONFIGS["groovae_4bar"].converter)


def _grid(rows: Array) -> Grid:
    return _LAYOUT.numbers(rows)


def _f1(written: Numbers, played: Numbers, axes: int | tuple[int, ...] | None = None) -> Numbers:
    """Of hits, over axes."""
    both, either = (written & played).sum(axes), written.sum(axes) + played.sum(axes)
    return np.asarray(2 * both / np.maximum(either, 1))


def _bar_likeness(hits: NDArray[np.bool_]) -> float:
    """The mean Jaccard likeness of two bars of a window."""
    nothing = np.zeros(hits.shape, np.float32)
    windows = Performances(hits, nothing, nothing, np.full(len(hits), 120.0))
    return float(likeness_of_bars(windows).mean())


def _tidy(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    ax.set_title(title)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(axis="y")
    ax.set_axisbelow(True)


def _roll(ax: Axes, rows: Array, title: str, bars: int = 2, named: bool = True) -> None:
    """Draws the first bars of a window: larger and darker dots are louder."""
    grid = _grid(rows[None, : bars * _BAR])
    steps, drums = np.nonzero(grid.hits[0] > 0.5)
    velocities, early = grid.velocities[0][steps, drums], grid.offsets[0][steps, drums] / 2
    ax.scatter(
        steps - early, drums, s=4 + 34 * velocities**1.5, c=[INK], alpha=0.35 + 0.65 * velocities
    )
    ax.set_title(title)
    ax.set_xlim(-0.8, bars * _BAR - 0.2)
    ax.set_ylim(-0.6, len(DRUM_CLASSES) - 0.4)
    ax.set_xticks(range(0, bars * _BAR, _BAR), [f"bar {bar + 1}" for bar in range(bars)], ha="left")
    ax.set_xticks(range(0, bars * _BAR, 4), minor=True)
    ax.set_yticks(range(len(DRUM_CLASSES)), DRUM_CLASSES if named else [""] * len(DRUM_CLASSES))
    for bar in range(1, bars):
        ax.axvline(bar * _BAR - 0.5, color=MUTED, linewidth=0.8)
    ax.grid(axis="both", which="both")
    ax.tick_params(axis="x", which="minor", size=0)
    ax.set_axisbelow(True)


# --- What is kept of a performance ------------------------------------------------------------


@styled
def grid(sources: Sources) -> Figure:
    """A played bar: where its hits were played, and where the grid puts them."""
    path, first = sources.data / PLAYED, 2
    converter = GrooveConverter(split_bars=2, hop_bars=1, pitch_classes="roland")
    tensors = converter.to_tensors(path)
    rows, qpm = tensors.outputs[first], float(tensors.qpms[first])
    step = 15 / qpm
    notes = Groove.from_midi(path).notes.copy()
    notes["time"] -= first * _BAR * step
    notes = notes[(notes["time"] >= -step / 2) & (notes["time"] < (2 * _BAR - 0.5) * step)]
    straight = rows.copy()
    straight[:, 18:] = 0
    for name, kept in (("the grid alone", straight), ("with offsets", rows)):
        (again,) = converter.from_tensors(kept, qpm, "roland")
        far = 1000 * np.abs(again.notes["time"][:, None] - notes["time"]).min(1)
        click.echo(
            f"{name}: {len(again.notes)} of {len(notes)} notes, off by {far.mean():.2f} ms, at "
            f"most {far.max():.2f}"
        )
    for note in notes[np.argsort(notes["time"])[:4]]:
        click.echo(f"{1000 * note['time']:.1f} ms: pitch {note['pitch']}, {note['velocity']}")
    for t in range(3):
        hits = np.flatnonzero(rows[t, :9])
        told = (f"{DRUM_CLASSES[d]} {rows[t, 9 + d]:.3f} {rows[t, 18 + d]:+.3f}" for d in hits)
        click.echo(f"row {t}: {', '.join(told)}")
    drums = np.frombuffer(pitch_table("roland"), np.uint8)[notes["pitch"]]
    names = ("kick", "snare", "closed hi-hat", "open hi-hat")
    figure = new_figure(10.4, 3.4)
    ax = figure.subplots()
    for line, name in enumerate(names):
        drum = DRUM_CLASSES.index(name)
        own = notes[drums == drum]
        own = own[own["time"] < (_BAR - 0.5) * step]
        sizes = 15 + 150 * (own["velocity"] / 127) ** 1.5
        ax.scatter(
            own["time"] / step,
            np.full(len(own), line),
            s=sizes,
            color=BLUE,
            alpha=0.75,
            linewidths=0,
        )
        steps = np.flatnonzero(rows[:_BAR, drum])
        ax.scatter(
            steps,
            np.full(len(steps), line),
            s=60,
            facecolors="none",
            edgecolors=INK,
            linewidths=0.9,
        )
        for t in map(int, steps):
            ax.annotate(
                f"{rows[t, 18 + drum]:+.2f}",
                (t, line),
                (0, 9),
                color=MUTED,
                fontsize=7.5,
                textcoords="offset points",
                ha="center",
            )
    ax.set_title("Rings: the steps of the grid. Dots: where it was played. Numbers: the offsets")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.5, len(names) - 0.4)
    ax.set_xticks(range(_BAR), [str(t) for t in range(_BAR)])
    ax.set_xlim(-0.8, _BAR - 0.4)
    ax.set_xlabel("step")
    ax.grid(axis="x")
    ax.set_axisbelow(True)
    return figure


# --- The variational autoencoder --------------------------------------------------------------


@styled
def gradient(sources: Sources) -> Figure:
    """Two ways to estimate the same gradient from draws."""
    del sources
    batch = 64
    z = 1 + np.random.default_rng(_SEED).standard_normal((10_000, batch))
    figure = new_figure(7.4, 3.0)
    ax = figure.subplots()
    for name, estimates, color in (
        ("score function, z²(z − μ)/σ²", z**2 * (z - 1), ORANGE),
        ("reparameterised, 2z", 2 * z, BLUE),
    ):
        means = estimates.mean(1)
        click.echo(
            f"{name}: mean {means.mean():.2f}, one draw ± {estimates.std():.2f}, batch "
            f"± {means.std():.2f}"
        )
        ax.hist(
            means,
            np.linspace(-0.5, 5, 111).tolist(),
            density=True,
            alpha=0.6,
            color=color,
            label=f"{name}: ± {means.std():.2f}",
        )
    ax.axvline(2, color=INK, linewidth=1, linestyle="--", label="the gradient, 2")
    _tidy(ax, f"Gradient of E[z²] by μ, from {batch} draws; μ = σ = 1", "estimate", "density")
    ax.legend()
    return figure


def _curve(folder: Path, split: str, name: str) -> tuple[list[int], list[float]]:
    """A metric over the steps of a run."""
    from groovefast.training.metrics import read_metrics

    lines = [line for line in read_metrics(folder) if line["split"] == split and name in line]
    return [line["step"] for line in lines], [line[name] for line in lines]


@styled
def losses(sources: Sources) -> Figure:
    """What a small run learns, step by step."""
    folder = sources.run("free-bits")
    figure = new_figure(9.6, 3.2)
    reconstruction, parts, kl = figure.subplots(1, 3)
    for split, style in (("train", "-"), ("eval", "o")):
        label = "training" if split == "train" else "validation"
        size = {"markersize": 3.2, "linewidth": 1.2}
        reconstruction.plot(
            *_curve(folder, split, "losses/r_loss"), style, color=BLUE, label=label, **size
        )
        kl.plot(*_curve(folder, split, "losses/kl_bits"), style, color=PURPLE, label=label, **size)
        for part, color in (("hits", BLUE), ("velocities", ORANGE), ("offsets", GREEN)):
            steps, values = _curve(folder, split, f"metrics/{part}_loss")
            shown = part if split == "train" else None
            parts.plot(steps, values, style, color=color, label=shown, **size)
    kl.axhline(96, color=INK, linewidth=1, linestyle="--")
    kl.annotate(
        "free bits: 96",
        (RUNS["free-bits"].steps, 96),
        (0, 4),
        textcoords="offset points",
        ha="right",
        color=INK,
        fontsize=8.5,
    )
    _tidy(reconstruction, "Reconstruction, per window", "step", "nats")
    _tidy(parts, "Its parts, per 16th", "step", "nats, squares")
    _tidy(kl, "KL, per window", "step", "bits")
    for ax in (reconstruction, parts, kl):
        ax.set_ylim(bottom=0)
        ax.legend(loc="lower right" if ax is kl else "upper right")
    kl.set_ylim(top=112)
    for split in ("train", "eval"):
        for name in ("loss", "losses/r_loss", "losses/kl_bits"):
            click.echo(f"{split} {name}: {_curve(folder, split, name)[1][-1]:.2f}")
    return figure


def _decoded(model: InUse, z: Array, temperature: float = 0.0) -> NDArray[np.bool_]:
    """The hits decoded from z, each row hearing those the model wrote before, (n, steps, 9)."""
    rows = np.asarray(model.decode(z, temperature=temperature, seed=_SEED))
    return np.asarray(_grid(rows).hits > 0.5)


@styled
def collapse(sources: Sources) -> Figure:
    """How much z says, and what comes of it: KL at full price, cheaper, and free at first."""
    truth = sources.windows("validation", "groovae_4bar")
    shown = (
        ("collapse", "β = 1, no free bits", ORANGE),
        ("low-beta", "β = 0.2, no free bits", GREEN),
        ("free-bits", "β = 1, 96 free bits", BLUE),
    )
    figure = new_figure(9.6, 3.2)
    bits, scores = figure.subplots(1, 2, width_ratios=(1.5, 1))
    for number, (name, label, color) in enumerate(shown):
        folder = sources.run(name)
        steps, values = _curve(folder, "eval", "losses/kl_bits")
        bits.plot(steps, values, "o-", color=color, markersize=3, label=label)
        model = load_model(folder / "model")
        mu, sigma = map(np.asarray, model.encode(_rows(truth, model)))
        eps = np.random.default_rng(_SEED).standard_normal(mu.shape)
        z = np.asarray(mu + sigma * eps, np.float32)
        f1 = float(_f1(_decoded(model, z), truth.hits))
        other = float(_f1(_decoded(model, z[::-1]), truth.hits))
        r_loss = _curve(folder, "eval", "losses/r_loss")[1][-1]
        elbo = -r_loss - values[-1] * np.log(2)
        click.echo(
            f"{label}: KL {values[-1]:.1f} bits, F1 {f1:.3f}, by another's z {other:.3f}, ELBO "
            f"{elbo:.1f} nats"
        )
        told = "with the z of another window" if number == 0 else None
        scores.plot([other] * 2, [number - 0.38, number + 0.38], color=INK, linewidth=2, label=told)
        scores.barh(number, f1, color=color, height=0.6)
        scores.text(f1 + 0.015, number, f"{f1:.2f}", va="center", color=INK, fontsize=9)
    _tidy(bits, "What z costs: KL of a window, validation", "step", "bits")
    bits.set_ylim(bottom=-3)
    bits.legend(loc="center right")
    scores.set_yticks(range(3), [label for _, label, _ in shown])
    scores.set_xlim(0, 1)
    _tidy(scores, "Hits decoded from z: F1")
    scores.legend(loc="upper right")
    scores.set_ylim(2.5, -0.9)
    scores.grid(visible=False, axis="y")
    scores.grid(axis="x")
    return figure


@styled
def own_rows(sources: Sources) -> Figure:
    """Timing, beat by beat, of a decoder that hears the truth and of one that hears itself."""
    config = CONFIGS["groovae_2bar_humanize"]
    truth = sources.windows("validation", config.name, 2 * sources.most)
    hits, velocities, offsets = (
        np.asarray(array, np.float32) for array in (truth.hits, truth.velocities, truth.offsets)
    )
    heard, rows, _ = transforms.apply(config.converter, np, hits, velocities, offsets)
    ms = 15_000 / truth.qpms[:, None, None] / 2
    beats = truth.hits.reshape(len(truth), 8, -1)

    def by_beat(offsets: Numbers) -> Numbers:
        errors = (np.abs(offsets - truth.offsets) * ms).reshape(beats.shape)
        return np.asarray((errors * beats).sum((0, 2)) / beats.sum((0, 2)))

    figure = new_figure(9.6, 3.2)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, name, title in (
        (axes[0], "humanize-truth", "Trained by teacher forcing"),
        (axes[1], "humanize-own", "Trained by scheduled sampling"),
    ):
        model = load_model(sources.run(name) / "model")
        mu = model.encode(heard).mu
        logits = np.asarray(model.teacher_forced(mu, rows))
        written = np.asarray(model.decode(mu, temperature=0.0, seed=_SEED, hits=hits))
        for label, played, style, color in (
            ("hears its own rows", written[..., 18:], "o-", ORANGE),
            ("hears the truth", np.tanh(logits[..., 18:]), "o-", BLUE),
            ("on the grid", np.zeros(hits.shape), "--", INK),
        ):
            errors = by_beat(played)
            click.echo(f"{title}, {label}: {np.round(errors, 1).tolist()}, {errors.mean():.1f} ms")
            ax.plot(np.arange(8) + 1, errors, style, color=color, markersize=3, label=label)
        _tidy(ax, title, "beat of the window", "timing error, ms" if ax is axes[0] else "")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(loc="lower left")
    four_bars = sources.windows("validation", "groovae_4bar")
    for name in ("free-bits", "own-rows"):
        model = load_model(sources.run(name) / "model")
        f1 = float(
            _f1(
                _decoded(model, np.asarray(model.encode(_rows(four_bars, model)).mu)),
                four_bars.hits,
            )
        )
        click.echo(f"{name}: F1 {f1:.3f}")
    return figure


# --- The included models ----------------------------------------------------------------------


def _two_grooves(sources: Sources, model: InUse) -> Array:
    """Rows of four bars of each of the performances that are interpolated."""
    converter = GrooveConverter.from_config(model.config)
    return np.stack([converter.to_tensors(sources.data / path).outputs[4] for path in ENDS])


@styled
def conductor(sources: Sources) -> Figure:
    """Sixteen bars: what is read back, bar by bar, and the form of what is played and made."""
    model = load_model("groovae_16bar")
    truth = sources.windows("validation", "groovae_16bar")
    read = _decoded(model, np.asarray(model.encode(_rows(truth, model)).mu))
    assert model.prior is not None
    new = _decoded(model, model.prior.latents(len(truth), seed=_SEED), temperature=0.5)
    figure = new_figure(10.4, 3.2)
    scores, likeness, changes = figure.subplots(1, 3)
    bars = np.arange(16) + 1
    in_bars = (len(truth), len(bars), _BAR, -1)
    f1 = _f1(read.reshape(in_bars), truth.hits.reshape(in_bars), (0, 2, 3))
    click.echo(f"F1 by bar {np.round(f1, 3).tolist()}, {float(_f1(read, truth.hits)):.3f}")
    scores.plot(bars, f1, "o-", color=BLUE, markersize=3.5)
    _tidy(scores, "Hits decoded from z: F1", "bar of the window")
    scores.set_ylim(0, 1)
    for name, hits, style, color in (
        ("played", truth.hits, "o--", INK),
        ("new", new, "o-", BLUE),
    ):
        by_bars = hits.reshape(in_bars)
        alike = [likeness_at(by_bars, apart) for apart in bars[:-1]]
        share = share_of_changes(by_bars)
        click.echo(f"{name}: likeness {np.round(alike, 2).tolist()}")
        click.echo(f"{name}: new bars {np.round(share, 2).tolist()}")
        likeness.plot(bars[:-1], alike, style, color=color, markersize=3, label=name)
        changes.plot(bars[1:], share, style, color=color, markersize=3, label=name)
    _tidy(likeness, "Likeness of two bars", "bars apart")
    _tidy(changes, "Not the bar before", "bar of the window", "share of windows")
    for ax in (likeness, changes):
        ax.set_ylim(0, 1.02)
        ax.set_xticks(range(0, 17, 4))
        ax.legend(loc="lower right")
    scores.set_xticks(range(0, 17, 4))
    return figure


@styled
def interpolation(sources: Sources) -> Figure:
    """From one played groove to another, and how long z is on the way."""
    model = load_model("groovae_4bar")
    pair = _two_grooves(sources, model)
    a, b = np.asarray(model.encode(pair).mu)
    at = np.linspace(0, 1, 21)
    arc = slerp(a, b, at)
    straight = np.asarray((1 - at[:, None]) * a + at[:, None] * b, np.float32)
    decoded = np.asarray(model.decode(arc, temperature=0.0, seed=_SEED))
    figure = new_figure(9.2, 4.8)
    cells = figure.add_gridspec(2, 12)
    for number, index in enumerate((0, 7, 13, 20)):
        ax = figure.add_subplot(cells[0, 3 * number : 3 * number + 3])
        _roll(ax, decoded[index], f"{at[index]:.2f} of the way", named=number == 0)
    norms = figure.add_subplot(cells[1, :6])
    x, y = np.random.default_rng(_SEED).standard_normal((2, 256)).astype(np.float32)
    drawn = np.asarray((1 - at[:, None]) * x + at[:, None] * y)
    for points, style, color, label in (
        (slerp(x, y, at), "-", BLUE, "two draws of N(0, 1): arc"),
        (drawn, "--", BLUE, "the same: line"),
        (arc, "-", ORANGE, "these grooves: arc"),
        (straight, "--", ORANGE, "the same: line"),
    ):
        lengths = np.linalg.norm(points, axis=1)
        click.echo(f"{label}: norm {lengths[0]:.1f}, {lengths[10]:.1f}, {lengths[-1]:.1f}")
        norms.plot(at, lengths, style, color=color, label=label)
    norms.set_ylim(bottom=0)
    _tidy(norms, "Length of z on the way", "from the first groove to the second", "‖z‖")
    norms.legend(loc="lower left", ncols=2)
    likeness = figure.add_subplot(cells[1, 6:])
    hits = _grid(decoded).hits > 0.5
    for groove, color, label in zip(pair, (GREEN, PURPLE), ("first", "second"), strict=True):
        there = (groove[:, :9] > 0.5)[None].repeat(len(hits), 0)
        likeness.plot(
            at, _f1(hits, there, (1, 2)), "o-", color=color, markersize=3, label=f"with the {label}"
        )
    _tidy(likeness, "Hits in common on the arc: F1", "from the first groove to the second")
    likeness.set_ylim(0, 1.02)
    likeness.legend(loc="lower center")
    return figure


@styled
def temperature(sources: Sources) -> Figure:
    """What temperature does to one hit, with z and without."""
    with_z, without = load_model("groovae_4bar"), load_model("groove_rnn")
    assert with_z.prior is not None
    most = sources.most // 2
    z = with_z.prior.latents(most, seed=_SEED)
    truth = sources.windows("validation", "groove_rnn", most)
    heard = _rows(truth, without)[:, : 4 * _BAR]
    temperatures = np.array([0.2, 0.5, 0.75, 1, 1.5, 2])

    def continued(t: float) -> Array:
        rows = np.asarray(without.go_on(heard, 4 * _BAR, float(t), seed=_SEED))
        layout = RowLayout.of(without.config.converter)
        return np.asarray(_LAYOUT.assemble(np, layout.drawn(rows, None)), np.float32)

    def decoded(t: float) -> Array:
        return np.asarray(with_z.decode(z, temperature=float(t), seed=_SEED))

    figure = new_figure(9.2, 4.8)
    (chance, density, likeness), rolls = figure.subplots(2, 3)
    logits = np.linspace(-6, 6, 121)
    for t, color in ((0.2, BLUE), (0.5, GREEN), (1.0, INK), (2.0, ORANGE)):
        chance.plot(logits, 1 / (1 + np.exp(-logits / t)), color=color, label=f"T = {t:g}")
    _tidy(chance, "Chance of a hit", "logit")
    chance.legend()
    ways = (("groovae_4bar, told z", decoded, BLUE), ("groove_rnn, going on", continued, ORANGE))
    for name, draw, color in ways:
        hits = [_grid(draw(t)).hits > 0.5 for t in temperatures]
        counts = [float(each.sum((1, 2)).mean() / 4) for each in hits]
        alike = [_bar_likeness(each) for each in hits]
        click.echo(f"{name}: hits a bar {np.round(counts, 1)}, likeness {np.round(alike, 2)}")
        density.plot(temperatures, counts, "o-", color=color, markersize=3.5, label=name)
        likeness.plot(temperatures, alike, "o-", color=color, markersize=3.5, label=name)
    played = truth.hits[:, : 4 * _BAR]
    for ax, title, value in (
        (density, "Hits a bar", float(played.sum((1, 2)).mean() / 4)),
        (likeness, "Likeness of bars", _bar_likeness(played)),
    ):
        click.echo(f"played: {value:.2f}")
        ax.axhline(value, color=INK, linewidth=1, linestyle="--", label="played")
        _tidy(ax, title, "temperature")
        ax.set_ylim(bottom=0)
    density.legend(loc="lower right")
    for ax, t in zip(rolls, (0.2, 0.75, 2.0), strict=True):
        _roll(ax, continued(t)[0], f"groove_rnn, T = {t:g}", named=ax is rolls[0])
    return figure


@styled
def posterior(sources: Sources) -> Figure:
    """Where played windows lie in the latent space, where N(0, 1) draws, and the fitted prior."""
    model = load_model("groovae_4bar")
    prior = model.prior
    assert prior is not None
    windows = sources.windows("train", "groovae_4bar", 2 * sources.most)
    rng = np.random.default_rng(_SEED)
    mu, sigma = map(np.asarray, model.encode(_rows(windows, model)))
    clouds: tuple[tuple[str, Numbers, str], ...] = (
        ("played: z = μ + σε", mu + sigma * rng.standard_normal(mu.shape), BLUE),
        ("N(0, 1)", rng.standard_normal(mu.shape), ORANGE),
        ("fitted prior", prior.latents(len(mu), seed=_SEED), GREEN),
    )
    kl = 0.5 * (sigma**2 + mu**2 - 1 - 2 * np.log(sigma)).sum(1)
    click.echo(f"sigma {sigma.mean():.2f}, KL {kl.mean() / np.log(2):.0f} bits")
    click.echo(f"mu: norm {np.linalg.norm(mu, axis=1).mean():.2f}")
    ends = np.linspace(7, 19, 61).tolist()
    axes = prior.axes[:2] / np.linalg.norm(prior.axes[:2], axis=1, keepdims=True)
    figure = new_figure(10.4, 3.2)
    *planes, lengths = figure.subplots(1, 4)
    for ax, (name, points, color) in zip(planes, clouds, strict=True):
        flat = (points - prior.mean) @ axes.T
        norms = np.linalg.norm(points, axis=1)
        click.echo(
            f"{name}: norm {norms.mean():.2f} ± {norms.std():.2f}, deviations on both axes "
            f"{flat[:, 0].std():.2f}, {flat[:, 1].std():.2f}"
        )
        ax.scatter(*flat[:600].T, s=5, color=color, alpha=0.6, linewidths=0)
        _tidy(ax, name, "first principal axis", "second" if ax is planes[0] else "")
        ax.set_xlim(-5, 5)
        ax.set_ylim(-5, 5)
        ax.grid(axis="both")
        lengths.hist(norms, ends, density=True, alpha=0.6, color=color)
    played = np.linalg.norm(mu, axis=1)
    lengths.hist(
        played,
        ends,
        density=True,
        histtype="step",
        color=INK,
        label="played: μ",
    )
    _tidy(lengths, "Length", "‖z‖", "density")
    lengths.set_ylim(top=0.75)
    lengths.legend(loc="upper right")
    return figure


@styled
def attributes(sources: Sources) -> Figure:
    """What going along each direction changes."""
    model = load_model("groovae_4bar")
    windows = sources.windows("validation", "groovae_4bar")
    rows = _rows(windows, model)
    deviations = attributes_of(_grid(rows)).std(0)
    mu = np.asarray(model.encode(rows[: sources.most // 2]).mu)
    amounts = np.array([-1, -0.5, 0, 0.5, 1])
    figure = new_figure(10.4, 4.6)
    axes = figure.subplots(2, 4, sharex=True, sharey=True)

    def measured(z: Array) -> Numbers:
        rows = np.asarray(model.decode(z, temperature=0.0, seed=_SEED))
        return np.asarray(attributes_of(_grid(rows)).mean(0) / deviations)

    middle = measured(mu)
    for ax, (number, name) in zip(axes.flat, enumerate(ATTRIBUTES), strict=True):
        changes = np.array(
            [measured(mu + model.shift({name: float(amount)})) - middle for amount in amounts]
        )
        ax.plot(amounts, np.delete(changes, number, 1), color=MUTED, linewidth=0.9, alpha=0.6)
        ax.plot(amounts, changes[:, number], "o-", color=BLUE, markersize=3.5)
        ax.set_title(name)
        ax.grid(axis="y")
        others = np.abs(np.delete(changes[3] - changes[1], number)).max()
        own = changes[3, number] - changes[1, number]
        click.echo(f"{name}: from -0.5 to 0.5 {own:+.2f}, others at most {others:.2f}")
    for ax in axes[1]:
        ax.set_xlabel("asked for, σ")
    for ax in axes[:, 0]:
        ax.set_ylabel("change, σ")
    return figure


# --- Going on ---------------------------------------------------------------------------------


def _bits(likely: Numbers, hits: NDArray[np.bool_]) -> Numbers:
    """Of the hits of each step, (n, steps)."""
    found = np.where(hits, likely, 1 - likely)
    return np.asarray(-np.log2(found + 1e-7).sum(-1))


@styled
def next_step(sources: Sources) -> Figure:
    """What each next step costs, bar by bar, and how a performance goes on."""
    model = load_model("groove_rnn")
    truth = sources.windows("validation", "groove_rnn")
    rows = _rows(truth, model)
    logits = np.asarray(model.teacher_forced(np.zeros((len(rows), 0)), rows))
    likely = 1 / (1 + np.exp(-logits[..., :9].astype(np.float64)))
    train = sources.windows("train", "groove_rnn", 4 * sources.most)
    probabilities, _ = NGram.fit(train, (_BAR, 1)).predict(truth.hits)
    figure = new_figure(10.4, 3.4)
    cells = figure.add_gridspec(1, 5)
    costs = figure.add_subplot(cells[0, :2])
    for name, bits, color in (
        ("groove_rnn", _bits(likely, truth.hits), BLUE),
        ("n-gram", -np.log2(probabilities), ORANGE),
    ):
        by_bar = bits.reshape(len(truth), -1, _BAR).mean((0, 2))
        click.echo(f"{name}: bits a step by bar {np.round(by_bar, 2).tolist()}, {bits.mean():.2f}")
        costs.plot(
            np.arange(len(by_bar)) + 1, by_bar, "o-", color=color, markersize=3.5, label=name
        )
    _tidy(costs, "Which drums come next", "bar", "bits a step")
    costs.set_ylim(bottom=0)
    costs.legend(loc="lower left")
    heard = rows[:1, : 2 * _BAR]
    after = model.go_on(heard, 2 * _BAR, temperature=0.75, seed=4)
    numbers = RowLayout.of(model.config.converter).drawn(
        np.concatenate([heard, np.asarray(after)], 1), None
    )
    roll = figure.add_subplot(cells[0, 2:])
    shown = np.asarray(_LAYOUT.assemble(np, numbers), np.float32)
    roll.axvspan(2 * _BAR - 0.5, 4 * _BAR, color=LINE, alpha=0.55, linewidth=0)
    _roll(roll, shown[0], "Two bars heard, and two that the model plays on", bars=4)
    return figure


FIGURES: Mapping[str, Callable[[Sources], Figure]] = {
    "grid": grid,
    "gradient": gradient,
    "losses": losses,
    "collapse": collapse,
    "conductor": conductor,
    "own-rows": own_rows,
    "temperature": temperature,
    "interpolation": interpolation,
    "attributes": attributes,
    "posterior": posterior,
    "next-step": next_step,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(FIGURES)), metavar="[NAME]...")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data/groove"),
    show_default=True,
    help="The Groove MIDI Dataset.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs/how-it-works"),
    show_default=True,
    help="Where its records and the small runs are, or go.",
)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default=IMAGES,
    help="Where the figures go, docs/images by default.",
)
def main(names: Sequence[str], data: Path, runs: Path, output_dir: Path) -> None:
    """Draws the figures of how-it-works.md: those named, or all."""
    sources = Sources(data, runs)
    for name in names or FIGURES:
        click.echo(f"== {name}")
        save(FIGURES[name](sources), output_dir / f"how-{name}.png")


if __name__ == "__main__":
    main()
