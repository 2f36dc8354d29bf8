#!/usr/bin/env python3
"""Puts a trained model into the package: half-precision weights and a model card.

    scripts/ship_model.py RECORDS RUN_DIR...

RUN_DIR is what `groovefast-train` wrote, of which the weights with the lowest evaluation loss are
taken; of several runs that come from one another, their mean. RECORDS is the folder of converted
performances, with a `test` and a `train` split, from which windows are cut as in the last run. The
model is measured on the test split as it is shipped, half precision included.
"""

from __future__ import annotations

import argparse
import json
import math
from importlib.metadata import version
from pathlib import Path

import groovefast
from groovefast.config import Config, get_config
from groovefast.evaluation.evaluate import Evaluation, Row, evaluate
from groovefast.evaluation.measures import ALL
from groovefast.model.checkpoints import load_model, save_model, saved_step
from groovefast.model.groovae import GrooVAE
from groovefast.model.layers import layers
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
    "groovae_2bar_humanize": "Gives a stiff, quantized pattern timing and dynamics.",
    "groovae_2bar_tap_fixed_velocity": "Makes a beat from a tapped rhythm.",
    "groovae_2bar_tap_fixed_velocity_note_dropout": "Makes a beat from a sparsely tapped rhythm.",
    "groovae_2bar_add_closed_hh": "Adds the closed hi-hat to a performance without one.",
    "groovae_2bar_hits_control": "Performs given hits, with the feel of another performance.",
}
HEARS = "\nThe model hears the performance itself, through `z`; the baselines do not."
NOTES = {
    "groovae_4bar": HEARS,
    "groovae_2bar_hits_control": f"{HEARS}\nNor do the published ones: `z ~ N(0, 1)` compares.",
}
"""What a reader of the table has to know as well."""
CARD = """# {name}

{purpose}

- **Model**: GrooVAE (Gillick et al., "Learning to Groove with Inverse Sequence Transformations",
  2019), z {z}, encoder {encoder}, decoder {decoder}; {parameters:,} parameters, stored as float16.
- **Data**: the training split of the [Groove MIDI
  Dataset](https://magenta.tensorflow.org/datasets/groove) v1.0.0, {windows_cut};
  chosen on the validation split, measured once on the test split.
- **Trained** for {steps:,} steps with groovefast {version}, seed {seed}:

```sh
groovefast-convert data/groove records --metadata data/groove/info.csv --magenta-compat
{command}
```

## On the test split

{windows:,} windows; decoded from `mu` at temperature 0. Kullback-Leibler divergences and errors as
`groovefast-evaluate` measures them.{note}

{table}{samples}
## Licence

The weights are under the Apache License 2.0. They were trained on the Groove MIDI Dataset by Google
LLC, licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
"""


def main() -> None:
    """Reads the command line and ships the model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("records", type=Path)
    parser.add_argument("runs", metavar="run_dir", type=Path, nargs="+")
    parser.add_argument("--start-from", help="what the last run started from, for the card")
    arguments = parser.parse_args()
    records, last = arguments.records, arguments.runs[-1]
    trained = mean_model([run / "best" for run in arguments.runs])
    folder = save_model(trained, MODELS / trained.config.name, saved_step(last / "best"), "float16")
    run = json.loads((last / "run.json").read_text())
    cutting = Cutting(**run["cutting"])
    evaluation = evaluate(
        load_model(folder),
        f"{records}/test-*",
        f"{records}/train-*",
        hop_bars=cutting.hop_bars,
        dedupe=cutting.dedupe,
        min_hits=cutting.min_hits,
    )
    card = model_card(evaluation, saved_step(last), run["seed"], cutting, arguments.start_from)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    print(card)


def mean_model(folders: list[Path]) -> GrooVAE:
    """Returns the last model with the mean of all models' weights."""
    models = [load_model(folder) for folder in folders]
    for name, variable in models[-1].weights.items():
        variable.assign(sum(model.weights[name] for model in models) / len(models))
    return models[-1]


def model_card(
    evaluation: Evaluation, steps: int, seed: int, cutting: Cutting, start_from: str | None
) -> str:
    """Returns the card, in Markdown."""
    config = evaluation.config
    hparams = config.hparams
    return CARD.format(
        name=config.name,
        purpose=PURPOSES[config.name],
        z=hparams.z_size,
        encoder=list(hparams.enc_rnn_size),
        decoder=list(hparams.dec_rnn_size),
        parameters=sum(math.prod(shape) for shape in layers(config).shapes().values()),
        windows_cut=windows_cut(cutting),
        steps=steps,
        version=version("groovefast"),
        seed=seed,
        command=command(config, steps, seed, cutting, start_from),
        windows=len(evaluation.truth),
        note=NOTES.get(config.name, ""),
        table=table(evaluation),
        samples=samples(evaluation),
    )


def windows_cut(cutting: Cutting) -> str:
    """Returns which windows a model was trained on, in words."""
    facts = [
        f"{cutting.split_bars}-bar windows",
        f"hop {cutting.hop_bars} bar{'s' if cutting.hop_bars > 1 else ''}",
        *(["each only once"] if cutting.dedupe else []),
        *([f"of {cutting.min_hits} hits or more"] if cutting.min_hits else []),
    ]
    return ", ".join(facts)


def command(config: Config, steps: int, seed: int, cutting: Cutting, start_from: str | None) -> str:
    """Returns the training command that gave the model, with what differs from the config."""
    default = get_config(config.name).hparams
    changed = {
        name: value
        for name, value in vars(config.hparams).items()
        if value != getattr(default, name)
    }
    hparams = ",".join(f"{name}={plain(value)}" for name, value in changed.items())
    hop_bars = Cutting.of(config).hop_bars
    cuts = [
        *([f"--hop-bars {cutting.hop_bars}"] if cutting.hop_bars != hop_bars else []),
        *(["--dedupe"] if cutting.dedupe else []),
        *([f"--min-hits {cutting.min_hits}"] if cutting.min_hits else []),
    ]
    words = [
        f"groovefast-train --config {config.name} --data 'records/train-*'",
        f"--eval-data 'records/validation-*' --run-dir runs/{config.name}",
        f"--steps {steps} --seed {seed} --precision mixed_bfloat16",
        *([" ".join(cuts)] if cuts else []),
        *([f"--start-from {start_from}"] if start_from else []),
        f"--hparams {hparams}",
    ]
    return " \\\n  ".join(words)


def plain(value: object) -> str:
    """A value as one writes it on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(list(value)).replace(" ", "") if isinstance(value, tuple) else str(value)


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


def samples(evaluation: Evaluation) -> str:
    """Returns how like the played ones new grooves are, where the model makes any."""
    if not evaluation.samples:
        return ""
    lines = [
        f"\n{evaluation.num_samples:,} new grooves, by the measures of docs/measures.md:\n",
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
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
