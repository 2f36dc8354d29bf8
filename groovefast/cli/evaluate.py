"""`groovefast-evaluate`: how well a trained model drums, in numbers and a picture."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from groovefast.cli import console
from groovefast.errors import GrooveFastError, OptionError

if TYPE_CHECKING:
    from groovefast.evaluation.evaluate import Estimate, Evaluation, Likeness, Row
    from groovefast.evaluation.next_step import NextStepEvaluation
    from groovefast.evaluation.token_accuracy import TokenEvaluation
    from groovefast.model.groovae import GrooVAE

_NOT_FITTED = "Nothing to fit baselines on: no train shards beside --data; see --train-data."
_SPLIT = re.compile(r"^(test|validation|valid|eval|dev)(?=\b|_)")


class Column(NamedTuple):
    """A measure in the table: its field of `Scores`, heading and decimals."""

    field: str
    heading: str
    decimals: int
    published_decimals: int = 2


_TIMING_AND_DYNAMICS = (
    Column("timing_mae_ms", "timing\nms", 2),
    Column("timing_mse", "timing\nMSE", 4, 3),
    Column("timing_kl", "timing\nKL", 3),
    Column("velocity_kl", "velocity\nKL", 3),
    Column("velocity_mae", "velocity\nMAE", 3),
)
_HITS = (
    Column("f1", "hits\nF1", 3),
    Column("precision", "hits\nprecision", 3),
    Column("recall", "hits\nrecall", 3),
    Column("hits_per_bar", "hits\na bar", 2),
)
_NEW_GROOVES = (
    *("told,\nhits", "told,\nall", "bars\nalike", "overlap", "KL"),
    *("hits\na bar", "velocity", "offset,\n16ths"),
    *("nearest\n5 %", "nearest\nmedian", "within\n8"),
)
_STYLES = {
    "played": "played,\nhits",
    "made": "made,\nhits",
    "played_with_touch": "played,\nall",
    "made_with_touch": "made,\nall",
}
_PLAYED = Column("true_hits_per_bar", "played\na bar", 2)


@console.command("groovefast-evaluate")
@click.option(
    "--model",
    required=True,
    metavar="DIR",
    help="Model folder, such as RUN_DIR/model of groovefast-train, or the name of an included one.",
)
@click.option(
    "--data",
    required=True,
    metavar="PATTERN",
    help="Converted performances to measure on, as in 'data/test-*.tfrecord'.",
)
@click.option(
    "--train-data",
    metavar="PATTERN",
    help="Converted performances the baselines are fitted on, and the model was trained on.  "
    "[default: the train shards beside --data, if there are any]",
)
@click.option(
    "--style-data",
    metavar="PATTERN",
    help="Converted performances that styles are learned from, to recognise those of new grooves; "
    "others than of --train-data.  [default: --data]",
)
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    metavar="N",
    help="New grooves to make and measure, of models that make any; fewer are quicker, 0 are none."
    "  [default: as many as there are windows]",
)
@console.cutting("model")
@click.option(
    "--json",
    "json_file",
    type=console.LocalPath(),
    metavar="FILE",
    help="Also write all numbers as JSON.",
)
@click.option("--plot", type=console.LocalPath(), metavar="FILE.png", help="Also write a picture.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    help="Windows the model is given at once.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Bootstrap resamples of the windows, for the 95 % intervals.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the resamples and of new grooves; the same seed gives the same numbers.",
)
@click.option(
    "--touch",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Also measure the model with so much of a player's scatter around what it writes.",
)
def command(
    model: str,
    data: str,
    train_data: str | None,
    style_data: str | None,
    samples: int | None,
    hop_bars: int | None,
    dedupe: bool,
    min_hits: int,
    json_file: Path | None,
    plot: Path | None,
    batch_size: int,
    resamples: int,
    seed: int,
    touch: float,
) -> None:
    """Measures a trained model on converted performances, beside baselines and published numbers.

    Timing errors are those of the predicted against the played onsets. KL compares how offsets and
    velocities are spread, by position in the beat: it is large for a model that is too timid. New
    grooves are measured by whether they can be told from played ones, and whether they are copies;
    what the figures mean is in docs/measures.md. Of a model without z, such as groove_rnn, are
    measured the bits of each next step, and what it plays after what was played; of a model of
    tokens how often it says the right one, hearing the true ones before and hearing its own.
    """
    _check_folders({"json_file": json_file, "plot": plot})

    from rich.console import Console

    from groovefast.shards.find import find_shards

    shards = find_shards(data)
    train_shards = find_shards(train_data) if train_data else _train_shards_beside(data)
    style_shards = find_shards(style_data) if style_data else None
    console.load_tensorflow()
    from groovefast.evaluation.evaluate import evaluate
    from groovefast.model.checkpoints import load_model

    with Console(stderr=True).status(f"Evaluating {model} …"):
        loaded = load_model(model, backend="tensorflow")
        unheeded = {"style_data": style_data, "samples": samples, "plot": plot, "touch": touch}
        cutting = {"hop_bars": hop_bars, "dedupe": dedupe, "min_hits": min_hits}
        if loaded.config.tokens:
            _refuse(f"{loaded.config.name}, which is of tokens", unheeded | cutting)
            _evaluate_tokens(loaded, shards, json_file, batch_size, seed)
            return
        if not loaded.config.hparams.z_size:
            _refuse(f"{loaded.config.name}, which only goes on", unheeded)
            options = {**cutting, "batch_size": batch_size, "seed": seed}
            _evaluate_next_step(loaded, shards, train_shards, json_file, options)
            return
        evaluation = evaluate(
            loaded,
            shards,
            train_shards,
            style_data=style_shards,
            samples=samples,
            hop_bars=hop_bars,
            dedupe=dedupe,
            min_hits=min_hits,
            batch_size=batch_size,
            resamples=resamples,
            seed=seed,
            touch=touch,
        )
    _write_json(json_file, evaluation)
    if plot:
        from groovefast.evaluation.plot import plot_evaluation

        plot_evaluation(evaluation, plot)
    _show(evaluation)


def _evaluate_next_step(
    model: GrooVAE,
    shards: Sequence[Path],
    train_shards: Sequence[Path] | None,
    json_file: Path | None,
    options: Mapping[str, Any],
) -> None:
    """The same of a model without z, which goes on from what was played."""
    from groovefast.cli.next_step import NOTES, tables
    from groovefast.evaluation.next_step import evaluate_next_step

    evaluation = evaluate_next_step(model, shards, train_shards, **options)
    _write_json(json_file, evaluation)
    for table in tables(evaluation):
        _print_table(*table)
    click.echo(NOTES)
    if train_shards is None:
        click.echo(_NOT_FITTED)


def _evaluate_tokens(
    model: GrooVAE, shards: Sequence[Path], json_file: Path | None, batch_size: int, seed: int
) -> None:
    """The same of a model of tokens."""
    from groovefast.evaluation.token_accuracy import evaluate_tokens

    evaluation = evaluate_tokens(model, shards, batch_size=batch_size, seed=seed)
    _write_json(json_file, evaluation)
    _print_table(
        f"{evaluation.config.name}, {evaluation.windows:,} windows",
        ["teacher\nforcing", "sampling", "always the\ncommonest"],
        [[part.part, *(_number(share, 3) for share in part[1:])] for part in evaluation.parts],
    )
    losses = ", ".join(f"{name} {value:.2f}" for name, value in evaluation.losses.items())
    click.echo(f"Means over windows, in nats: {losses}")
    click.echo(
        "Share of steps whose likeliest token is the true one: after the true ones before, after "
        "the\n  model's own draws, and of the commonest token."
    )


def _refuse(reader: str, options: Mapping[str, Any]) -> None:
    """Raises if an option is given that a model has no use for."""
    for option, value in options.items():
        if value not in (None, 0.0):
            raise OptionError(option, f"of no use to a model of {reader}")


def _write_json(
    file: Path | None, evaluation: Evaluation | NextStepEvaluation | TokenEvaluation
) -> None:
    if file:
        from groovefast.files import write_atomically

        text = json.dumps(evaluation.to_json(), indent=2, allow_nan=False) + "\n"
        write_atomically(file, text.encode())


def _check_folders(files: Mapping[str, Path | None]) -> None:
    """Raises at once what would otherwise be found out when the work is done."""
    for option, path in files.items():
        if path and not path.parent.is_dir():
            raise OptionError(option, f"no such folder {path.parent}; make it first")
        if path and path.is_dir():
            raise OptionError(option, f"{path} is a folder; name a file")


def _train_shards_beside(data: str) -> list[Path] | None:
    """The training split of the same conversion, where `data` names another split of it."""
    from groovefast.shards.find import find_shards

    folder, slash, last = data.rstrip("/").rpartition("/")
    name, renamed = _SPLIT.subn("train", last)
    name = re.sub(r"-\d{5}-of-\d{5}(?=\.tfrecord$)", "-*", name)
    try:
        return find_shards(folder + slash + name) if renamed else None
    except GrooveFastError:
        return None


def _show(evaluation: Evaluation) -> None:
    """Prints the tables."""
    from groovefast.evaluation.measures import ALL

    columns = (*(_HITS if evaluation.chooses_hits else ()), *_TIMING_AND_DYNAMICS)
    _print_table(
        f"{evaluation.config.name}, {len(evaluation.truth):,} windows",
        [column.heading for column in columns],
        [[row.name, *_cells(row, columns)] for row in evaluation.rows],
    )
    if len(evaluation.classes) > 1:
        columns = (_PLAYED, *columns)
        _print_table(
            "By drum, this model",
            [column.heading for column in columns],
            [
                [name, *(_number(getattr(scores, c.field).value, c.decimals) for c in columns)]
                for name, scores in evaluation.rows[0].scores.items()
                if name != ALL and scores.true_hits_per_bar.value > 0
            ],
        )
    _show_repeats(evaluation)
    _show_new_grooves(evaluation)
    _show_notes(evaluation)


def _show_repeats(evaluation: Evaluation) -> None:
    if not evaluation.repeats:
        return
    played, *_ = rows = evaluation.repeats.values()
    _print_table(
        "Spread of a hit over repeats of its bar",
        ["hits", *(f"velocity,\n{name}" for name in evaluation.repeats)]
        + [f"16ths,\n{name}" for name in evaluation.repeats],
        [
            [
                drum,
                f"{spread.repeated:,}",
                *(_number(of[drum].velocity, 3) for of in rows),
                *(_number(of[drum].offset, 3) for of in rows),
            ]
            for drum, spread in played.items()
            if spread.repeated
        ],
    )


def _show_new_grooves(evaluation: Evaluation) -> None:
    if evaluation.samples:
        _print_table(
            f"{evaluation.num_samples:,} new grooves",
            _NEW_GROOVES,
            [[name, *_likeness_cells(of)] for name, of in evaluation.samples.items()],
        )
    _show_forms(evaluation)
    if styles := evaluation.styles:
        columns = list(zip(*(getattr(styles, field) for field in _STYLES), strict=True))
        means = [sum(column) / len(column) for column in zip(*columns, strict=True)]
        rows = zip((*styles.styles, "mean"), (*columns, means), strict=True)
        _print_table(
            "Share whose style is recognised",
            list(_STYLES.values()),
            [[style, *(_number(share, 3) for share in shares)] for style, shares in rows],
        )
    if evaluation.attributes:
        _print_table(
            "Attributes, from -0.5 to +0.5",
            ["effect,\nSD", "monotone", "largest on\nanother, SD", "which"],
            [
                [
                    name,
                    _number(of.own, 2),
                    _number(of.monotone, 3),
                    _number(of.other, 2),
                    of.largest_other,
                ]
                for name, of in evaluation.attributes.items()
            ],
        )


def _show_forms(evaluation: Evaluation) -> None:
    lines = {name: form.columns for name, form in evaluation.forms.items()}
    if lines:
        _print_table(
            "Form: likeness of bars so many apart; how often a bar differs from the one before",
            [heading.replace(" ", "\n") for heading in next(iter(lines.values()))],
            [[name, *(_number(x, 3) for x in line.values())] for name, line in lines.items()],
        )


def _show_notes(evaluation: Evaluation) -> None:
    losses = ", ".join(f"{name} {value:.2f}" for name, value in evaluation.losses.items())
    click.echo(f"Means over windows at z = mu, in nats: {losses}")
    click.echo(
        "Timing: mean error in ms, squared error in 16ths², at the hits both written and played."
    )
    click.echo("KL(written || played) of offsets and velocities, by position in the beat.")
    if evaluation.samples:
        click.echo(
            "New grooves: how often they are told from those played, of 0.5 by chance; likeness of "
            "their bars;\n  overlap and KL of Yang & Lerch; 1-Wasserstein distances; cells of hits "
            "to the nearest training window."
        )
    click.echo("± is half of the 95 % interval, from resampled windows.")
    if not evaluation.fitted:
        click.echo(_NOT_FITTED)


def _cells(row: Row, columns: Sequence[Column]) -> Iterator[str]:
    """`18.80 ±0.41`, without the interval where it is unknown or nothing."""
    from groovefast.evaluation.measures import ALL

    for column in columns:
        decimals = column.published_decimals if row.kind == "published" else column.decimals
        estimate: Estimate = getattr(row.scores[ALL], column.field)
        half = (estimate.high - estimate.low) / 2
        interval = f" ±{half:.{decimals}f}" if math.isfinite(half) and half > 0 else ""
        yield _number(estimate.value, decimals) + interval


def _likeness_cells(of: Likeness) -> list[str]:
    from groovefast.evaluation.measures import ALL

    far = of.distances[ALL]
    return [
        _number(of.hits_accuracy, 3),
        _number(of.accuracy, 3),
        _number(of.bar_likeness, 3),
        _number(of.overlap.area, 3),
        _number(of.overlap.divergence, 3),
        _number(far.hits_per_bar, 2),
        _number(far.velocity, 4),
        _number(far.offset, 4),
        _number(of.copying.low, 0),
        _number(of.copying.median, 0),
        _number(of.copying.near, 3),
    ]


def _number(value: float, decimals: int) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.{decimals}f}" if math.isfinite(value) else "∞"


def _print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for a terminal; aligned text without lines, however wide, for anything else."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for heading in headings:
        longest_word = max(map(len, heading.split()))
        table.add_column(heading, justify="right", min_width=longest_word)
    for row in rows:
        table.add_row(*row)
    terminal = Console(highlight=False)
    if terminal.is_terminal:
        terminal.print(table)
        return
    table.box = None
    paper = Console(highlight=False, width=1000)
    with paper.capture() as captured:
        paper.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def main() -> None:
    """Entry point of `groovefast-evaluate`."""
    console.run(command)
