import json

import pytest
import tensorflow as tf

from groovefast.training.metrics import METRICS_FILE, MetricsLog, plot_rows, read_metrics


def events_in(folder) -> list:
    paths = sorted(folder.glob("events.out.tfevents.*"))
    return [event for path in paths for event in tf.compat.v1.train.summary_iterator(str(path))]


def test_lines_and_tensorboard_hold_the_same(tmp_path):
    log = MetricsLog(tmp_path, 0)
    log.write(20, "train", {"loss": 3.5, "losses/r_loss": 3.25})
    log.write(20, "eval", {"loss": 2.0})
    log.close()
    assert read_metrics(tmp_path) == [
        {"step": 20, "split": "train", "loss": 3.5, "losses/r_loss": 3.25},
        {"step": 20, "split": "eval", "loss": 2.0},
    ]
    header, _, train = events_in(tmp_path / "train")
    assert header.file_version == "brain.Event:2"
    assert train.step == 20
    values = {value.tag: value.simple_value for value in train.summary.value}
    assert values == {"loss": 3.5, "losses/r_loss": 3.25}
    assert events_in(tmp_path / "eval")[-1].summary.value[0].simple_value == 2.0


def test_going_on_drops_what_is_done_again(tmp_path):
    log = MetricsLog(tmp_path, 0)
    for step in (10, 20, 30):
        log.write(step, "train", {"loss": step})
    log.close()
    log = MetricsLog(tmp_path, 20)
    log.write(30, "train", {"loss": 33.0})
    log.close()
    assert [line["loss"] for line in read_metrics(tmp_path)] == [10, 20, 33]
    starts = [
        event.step
        for event in events_in(tmp_path / "train")
        if event.session_log.status == tf.compat.v1.SessionLog.START
    ]
    assert starts == [1, 21]


def test_a_line_cut_off_by_a_crash(tmp_path):
    log = MetricsLog(tmp_path, 0)
    log.write(10, "train", {"loss": 1.0})
    with (tmp_path / METRICS_FILE).open("a") as file:
        file.write('{"step": 20, "spl')
    assert [line["step"] for line in read_metrics(tmp_path)] == [10]
    MetricsLog(tmp_path, 10).write(20, "train", {"loss": 2.0})
    assert [line["step"] for line in read_metrics(tmp_path)] == [10, 20]


@pytest.mark.parametrize("spoiled", [b"\0\0\xff", b"10", b"[]", b"null"])
def test_a_line_spoiled_by_a_power_cut(tmp_path, spoiled):
    log = MetricsLog(tmp_path, 0)
    log.write(10, "train", {"loss": 1.0})
    with (tmp_path / METRICS_FILE).open("ab") as file:
        file.write(spoiled + b"\n")
    log.write(20, "train", {"loss": 2.0})
    assert [line["step"] for line in read_metrics(tmp_path)] == [10, 20]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_left_out(tmp_path, value):
    MetricsLog(tmp_path, 0).write(1, "train", {"loss": value, "learning_rate": 0.5})
    (line,) = (tmp_path / METRICS_FILE).read_text().splitlines()
    assert json.loads(line) == {"step": 1, "split": "train", "learning_rate": 0.5}


def test_no_record_yet(tmp_path):
    assert read_metrics(tmp_path) == []


def test_rows_for_the_picture():
    lines = [
        {"step": 1, "split": "train", "losses/r_loss": 2.0, "learning_rate": 0.1},
        {"step": 1, "split": "eval", "losses/r_loss": 3.0, "metrics/accuracy/output_0": 0.5},
    ]
    assert plot_rows(lines) == [
        {"step": 1, "r_loss": 2.0, "learning_rate": 0.1},
        {"step": 1, "eval_r_loss": 3.0, "eval_accuracy/output_0": 0.5},
    ]
