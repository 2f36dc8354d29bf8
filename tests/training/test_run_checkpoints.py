import pytest
import tensorflow as tf

from groovefast.errors import GrooveFastError
from groovefast.training.run_checkpoints import RunCheckpoints, saved_steps


class Counter(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = tf.Variable(0)


def saved(path, steps, keep=10) -> None:
    counter = Counter()
    checkpoints = RunCheckpoints(path, counter, keep)
    for step in steps:
        counter.value.assign(step)
        checkpoints.save(step)


def restored(path) -> int:
    counter = Counter()
    RunCheckpoints(path, counter, 1).restore()
    return int(counter.value)


def test_the_latest_is_restored_by_number_not_by_name(tmp_path):
    assert restored(tmp_path) == 0
    saved(tmp_path, [9, 10, 100])
    assert saved_steps(tmp_path) == [9, 10, 100]
    assert restored(tmp_path) == 100


def test_old_ones_go_with_all_their_files(tmp_path):
    saved(tmp_path, [1, 2, 3, 4], keep=2)
    assert saved_steps(tmp_path) == [3, 4]
    assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {"step-3", "step-4"}


def test_what_is_whole_counts_whatever_else_lies_there(tmp_path):
    """TensorFlow's own list of checkpoints may be lost, or be older than they are."""
    saved(tmp_path, [1, 2])
    (tmp_path / "checkpoint").write_text("")
    RunCheckpoints(tmp_path, Counter(), 1).sweep()
    assert saved_steps(tmp_path) == [1, 2]


def test_one_that_is_half_there_is_none(tmp_path):
    saved(tmp_path, [1, 2])
    (tmp_path / "step-2.index").unlink()
    assert restored(tmp_path) == 1
    RunCheckpoints(tmp_path, Counter(), 1).sweep()
    assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {"step-1"}


def test_one_of_something_else_is_told(tmp_path):
    other = tf.Module()
    other.something = tf.Variable([1.0, 2.0])
    RunCheckpoints(tmp_path, other, 1).save(5)
    with pytest.raises(GrooveFastError, match="none of its checkpoints can be read"):
        restored(tmp_path)
