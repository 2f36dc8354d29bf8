#!/usr/bin/env python3
"""Puts a trained model into the package: half-precision weights, prior, touch and a model card.

A model without z has neither prior nor touch.

    scripts/ship_model.py RECORDS MODEL...

MODEL is a folder that `groovefast-train` left, RUN_DIR/best or RUN_DIR/model, or the name of an
included model; of several of the same variables it is their mean, as one of the first's config.
RECORDS is the folder of converted performances: prior and touch are fitted to its `train` and
`validation` splits, and the model is measured on its `test` split as it is shipped, half precision
included.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import groovefast
from groovefast.cli.next_step import Table, tables
from groovefast.config import Config
from groovefast.evaluation.evaluate import Evaluation, Row, evaluate
from groovefast.evaluation.measures import ALL
from groovefast.evaluation.next_step import NextStepEvaluation, evaluate_next_step
from groovefast.evaluation.repeats import PLAYED, TOUCHED
from groovefast.fitting.fit import fit_all
from groovefast.model.checkpoints import load_model, save_fitted, save_model, saved_step
from groovefast.model.groovae import GrooVAE
from groovefast.model.plan import layers
from groovefast.shards.find import find_shards
from groovefast.windows.cutting import Cutting

MODELS = Path(groovefast.__file__).parent / "model" / "models"
COLUMNS = {
    "f1": ("hits F1", 3),
    "timing_mae_ms": ("timing MAE, ms", 2),
    "timing_mse": ("timing MSE, 16ths²", 4),
    "timing_kl": ("timing KL", 3),
    "velocity_mae": ("velocity MAE", 3),
    "velocity_kl": ("velocity KL", 3),
}
PURPOSES = {
    "groovae_4bar": "Plays four bars as heard; for new grooves, interpolation and variation.",
    "groovae_16bar": "Plays sixteen bars as heard; for new grooves, interpolation and variation.",
    "groovae_2bar_humanize": "Gives a stiff, quantized pattern timing and dynamics.",
    "groovae_2bar_tap_fixed_velocity": "Makes a beat from a tapped rhythm.",
    "groovae_2bar_tap_fixed_velocity_note_dropout": "Makes a beat from a sparsely tapped rhythm.",
    "groovae_2bar_add_closed_hh": "Adds the closed hi-hat to a performance without one.",
    "groovae_2bar_hits_control": "Performs given hits, with the feel of another performance.",
}
HEARS = "\nThe model hears the performance itself, through `z`; the baselines do not.\n"
NOTES = {
    "groovae_4bar": HEARS,
    "groovae_16bar": HEARS,
    "groovae_2bar_hits_control": f"{HEARS}Nor do the published ones: `z ~ N(0, 1)` compares.\n",
}
"""What a reader of the table has to know as well."""
CARD = """# {name}

{purpose}

- **Model**: GrooVAE (Gillick et al., "Learning to Groove with Inverse Sequence Transformations",
  2019), z {z}, encoder {encoder}, decoder {decoder};
  {parameters:,} parameters, stored as float16.
- **Data**: the training split of the [Groove MIDI
  Dataset](https://magenta.tensorflow.org/datasets/groove) v1.0.0, {bars}-bar windows, hop 1 bar;
  chosen on the validation split, measured once on the test split.
- **Trained** with groovefast {version} by `scripts/train_models.sh records runs {name}`, which has
  all runs and hyper-parameters, on what `groovefast-convert data/groove records --metadata
  data/groove/info.csv` makes of it.
- **Prior and touch** were fitted to the training split, the touch to the validation split too:
  `groovefast-prior` does the same.

## On the test split

{windows:,} windows; decoded from `mu` at temperature 0, without touch unless told. The measures are
those of docs/measures.md, by

```sh
groovefast-evaluate --model {name} --data 'records/test-*' --touch 1 \\
  --style-data 'records/[tv][ea]*'
```
{note}
{table}{repeats}{new_grooves}
## Licence

The weights are under the Apache License 2.0. They were trained on the Groove MIDI Dataset by Google
LLC, licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
"""


NEXT_STEP_CARD = """# {name}

Goes on where a performance stopped: hits, velocities and times of each next step from those before.

- **Model**: the decoder of GrooVAE (Gillick et al., "Learning to Groove with Inverse Sequence
  Transformations", 2019) without `z` and encoder, {decoder}; velocities in {velocity_bins} bins,
  offsets in {offset_bins}; {parameters:,} parameters, stored as float16.
- **Data**: the training split of the [Groove MIDI
  Dataset](https://magenta.tensorflow.org/datasets/groove) v1.0.0, {bars}-bar pieces that begin at
  any bar; chosen on the validation split, measured once on the test split.
- **Trained** with groovefast {version} by `scripts/train_models.sh records runs {name}`, which has
  all hyper-parameters, on what `groovefast-convert data/groove records --metadata
  data/groove/info.csv` makes of it.

## On the test split

The measures are those of docs/measures.md, by

```sh
groovefast-evaluate --model {name} --data 'records/test-*'
```

{tables}
Velocities and times of the n-grams are the means of each drum in the bars heard.

## Licence

The weights are under the Apache License 2.0. They were trained on the Groove MIDI Dataset by Google
LLC, licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
"""


def main() -> None:
    """Reads the command line and ships the model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("records", type=Path)
    parser.add_argument("models", metavar="model", nargs="+")
    parser.add_argument("--to", type=Path, default=MODELS, help="where; the package if not given")
    arguments = parser.parse_args()
    records, first = arguments.records, arguments.models[0]
    trained = mean_model(arguments.models)
    folder = save_model(trained, arguments.to / trained.config.name, saved_step(first), "float16")
    model = load_model(folder, backend="tensorflow", fitted=False)
    train, validation, test = (f"{records}/{split}-*" for split in ("train", "validation", "test"))
    if not model.config.hparams.z_size:
        card = next_step_card(evaluate_next_step(model, test, train))
    else:
        fit_all(model, train, Cutting.of(model.config), validation)
        save_fitted(model, folder)
        style_data = [*find_shards(validation), *find_shards(test)]
        evaluation = evaluate(model, test, train, style_data=style_data, touch=1.0)
        card = model_card(evaluation)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    print(card)


def mean_model(names: Sequence[str]) -> GrooVAE:
    """Returns the first model with the mean of all models' weights."""
    models = [load_model(name, backend="tensorflow", fitted=False) for name in names]
    for name, variable in models[0].weights.items():
        variable.assign(sum(model.weights[name] for model in models) / len(models))
    return models[0]


def model_card(evaluation: Evaluation) -> str:
    """Returns the card, in Markdown."""
    config = evaluation.config
    hparams = config.hparams
    below = " below a conductor of as many units"
    return CARD.format(
        name=config.name,
        purpose=PURPOSES[config.name],
        z=hparams.z_size,
        encoder=f"{list(hparams.enc_rnn_size)}{' by bars' if hparams.hierarchical_encoder else ''}",
        decoder=f"{list(hparams.dec_rnn_size)}{below if hparams.hierarchical_decoder else ''}",
        parameters=parameters(config),
        bars=config.converter.split_bars,
        version=version("groovefast"),
        windows=len(evaluation.truth),
        note=NOTES.get(config.name, ""),
        table=table(evaluation),
        repeats=repeats(evaluation),
        new_grooves=new_grooves(evaluation),
    )


def next_step_card(evaluation: NextStepEvaluation) -> str:
    """Returns the card of a model without z, in Markdown."""
    config = evaluation.config
    return NEXT_STEP_CARD.format(
        name=config.name,
        decoder=list(config.hparams.dec_rnn_size),
        parameters=parameters(config),
        velocity_bins=config.converter.num_velocity_bins,
        offset_bins=config.converter.num_offset_bins,
        bars=config.converter.split_bars,
        version=version("groovefast"),
        tables="\n".join(map(markdown, tables(evaluation))),
    )


def parameters(config: Config) -> int:
    """Returns how many numbers a model has learned."""
    return sum(math.prod(shape) for shape in layers(config).shapes().values())


def markdown(table: Table) -> str:
    """Returns a table of the command, the model's row in bold."""
    headings = " | ".join(each.replace("\n", " ") for each in table.headings)
    lines = [f"{table.title}:\n", f"| | {headings} |", "|---|" + "---:|" * len(table.headings)]
    for number, row in enumerate(table.rows):
        cells = row if number else [f"**{cell}**" for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def table(evaluation: Evaluation) -> str:
    """Returns the scores of all rows as a Markdown table, the model's in bold."""
    given = evaluation.classes if evaluation.chooses_hits else ()
    fields = [field for field in COLUMNS if field != "f1" or given]
    lines = [
        "| | " + " | ".join(COLUMNS[field][0] for field in fields) + " |",
        "|---|" + "---:|" * len(fields),
    ]
    lines += [line(row, fields) for row in evaluation.rows]
    return "\n".join(lines) + "\n"


def line(row: Row, fields: list[str]) -> str:
    """Returns a row of the table; a dash where there is no number."""
    cells = []
    for field in fields:
        value = getattr(row.scores[ALL], field).value
        cells.append(number(value, COLUMNS[field][1]))
    name, *cells = [
        f"**{cell}**" if row.name == "this model" else cell for cell in (row.name, *cells)
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def number(value: float, decimals: int) -> str:
    """Returns a number, or a dash where there is none."""
    return f"{value:.{decimals}f}" if math.isfinite(value) else "–"


def repeats(evaluation: Evaluation) -> str:
    """Returns how much repeats of a bar differ, played and with touch."""
    played, touched = (evaluation.repeats[name] for name in (PLAYED, TOUCHED))
    lines = [
        "\nSpread of a hit over repeats of its bar, as played and with touch 1:\n",
        "| | hits | velocity, played | touched | offset, 16ths, played | touched |",
        "|---|" + "---:|" * 5,
    ]
    for drum, of in played.items():
        if of.repeated:
            other = touched[drum]
            cells = of.velocity, other.velocity, of.offset, other.offset
            numbers = " | ".join(number(value, 3) for value in cells)
            lines.append(f"| {drum} | {of.repeated:,} | {numbers} |")
    return "\n".join(lines) + "\n"


def new_grooves(evaluation: Evaluation) -> str:
    """Returns how like the played ones new grooves are, where the model makes any."""
    if not evaluation.samples:
        return ""
    lines = [
        f"\n{evaluation.num_samples:,} new grooves:\n",
        "| | told, hits | told, all | bars alike | overlap | KL | hits a bar | velocity "
        "| offset, 16ths | nearest, 5 % | median | within 8 |",
        "|---|" + "---:|" * 11,
    ]
    for name, of in evaluation.samples.items():
        far, near = of.distances[ALL], of.copying
        cells = [
            *(number(value, 3) for value in (of.hits_accuracy, of.accuracy, of.bar_likeness)),
            *(number(value, 3) for value in (of.overlap.area, of.overlap.divergence)),
            *(number(far.hits_per_bar, 2), number(far.velocity, 4), number(far.offset, 4)),
            *(number(near.low, 0), number(near.median, 0), number(near.near, 3)),
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    parts = [*lines, *forms(evaluation), *styles(evaluation), *attributes(evaluation)]
    return "\n".join(parts) + "\n"


def forms(evaluation: Evaluation) -> list[str]:
    """Returns the lines that tell of the form of long windows."""
    lines = {name: form.columns for name, form in evaluation.forms.items()}
    if not lines:
        return []
    headings = list(next(iter(lines.values())))
    return [
        "\nForm: likeness of bars so many apart; how often a bar differs from the one before:\n",
        f"| | {' | '.join(headings)} |",
        "|---|" + "---:|" * len(headings),
        *(
            f"| {name} | {' | '.join(number(x, 3) for x in line.values())} |"
            for name, line in lines.items()
        ),
    ]


def styles(evaluation: Evaluation) -> list[str]:
    """Returns the lines that tell whether styles are recognised."""
    found = evaluation.styles
    if found is None:
        return []
    shares = [
        ("played, hits", found.played),
        ("new grooves, hits", found.made),
        ("played, all", found.played_with_touch),
        ("new grooves, all", found.made_with_touch),
    ]
    return [
        "\nShare whose style is recognised:\n",
        "| | " + " | ".join(found.styles) + " | mean |",
        "|---|" + "---:|" * (len(found.styles) + 1),
        *(
            f"| {name} | " + " | ".join(number(x, 2) for x in (*of, sum(of) / len(of))) + " |"
            for name, of in shares
        ),
    ]


def attributes(evaluation: Evaluation) -> list[str]:
    """Returns the lines that tell what attributes do."""
    if not evaluation.attributes:
        return []
    return [
        "\nAttributes, from −0.5 to +0.5, in standard deviations:\n",
        "| | effect | monotone | largest on another |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {number(of.own, 2)} | {number(of.monotone, 3)} "
            f"| {number(of.other, 2)} ({of.largest_other}) |"
            for name, of in evaluation.attributes.items()
        ),
    ]


if __name__ == "__main__":
    main()
