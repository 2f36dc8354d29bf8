from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groovefast.errors import GrooveFastError
from groovefast.training.plot import moving_average, plot_training

PNG = b"\x89PNG\r\n\x1a\n"


def training_rows(steps: int) -> list[dict[str, float]]:
    return [
        {
            "step": step,
            "loss": 100.0 / step,
            "r_loss": 90.0 / step,
            "hits_loss": 50.0 / step,
            "velocities_loss": 20.0 / step,
            "offsets_loss": 20.0 / step,
            "kl_bits": float(step),
            "learning_rate": 1e-3,
            "examples_per_second": 400.0,
            **({"eval_loss": 110.0 / step} if step % 10 == 0 else {}),
        }
        for step in range(1, steps + 1)
    ]


@pytest.mark.parametrize("steps", [1, 15, 200])
def test_training_is_drawn_from_its_first_row_on(steps: int, tmp_path: Path) -> None:
    figure = plot_training(training_rows(steps), tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(PNG)
    loss = figure.axes[0]
    assert loss.lines[0].get_xdata().tolist() == list(range(1, steps + 1))
    assert loss.lines[0].get_ydata()[0] == 100.0


def test_training_rows_may_lack_metrics_or_hold_nan() -> None:
    rows = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 1.0}]
    loss = plot_training(rows).axes[0]
    assert loss.lines[0].get_xdata().tolist() == [1, 3]
    with pytest.raises(GrooveFastError, match="no metrics"):
        plot_training([])


def test_moving_average_begins_at_the_first_value_and_keeps_a_constant() -> None:
    falling = 100.0 / np.arange(1, 101)
    average = moving_average(falling, 5)
    assert average[0] == 100.0
    assert average[50] == pytest.approx(falling[45:56].mean())
    np.testing.assert_allclose(moving_average(np.full(50, 3.0), 7), 3.0)


@pytest.mark.parametrize("parts", [0, 3])
def test_of_tokens_accuracies_are_drawn(parts: int) -> None:
    names = [f"accuracy/output_{part}" for part in range(parts)] or ["mean_per_class_accuracy"]
    row = {"step": 1, "loss": 3.0, "accuracy": 0.5, **dict.fromkeys(names, 0.25)}
    rows = [row, {"step": 1, **{f"eval_{name}": 0.125 for name in names}}]
    drawn = plot_training(rows).axes[1]
    assert drawn.get_title("left") == "Steps whose token is likeliest"
    shares = [line.get_ydata().tolist() for line in drawn.lines]
    expected = [[0.25], [0.125]] * parts or [[0.5], [], [0.25], [0.125]]
    assert shares == expected
