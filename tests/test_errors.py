"""What the errors say, and what counts as one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from groovefast.errors import (
    MidiError,
    OptionError,
    check_choice,
    check_whole,
    is_out_of_memory,
    which_of,
)


def test_a_choice_is_one_of_a_few() -> None:
    check_choice("on_error", "skip", ("skip", "fail"))
    for value, hint in (("fial", "did you mean fail?"), (None, "it is one of skip, fail")):
        with pytest.raises(OptionError) as error:
            check_choice("on_error", value, ("skip", "fail"))
        assert str(error.value) == f"on_error: no such choice {value!r}; {hint}"
        assert error.value.parameter == "on_error"


def test_whole_numbers_are_of_any_kind_but_truth_values() -> None:
    for value in (1, 7, np.int32(1), np.uint8(200)):
        check_whole("num", value, 1)
    for value in (0, -1, True, 1.0, "1", None, np.float32(2), np.bool_(True)):
        with pytest.raises(OptionError) as error:
            check_whole("num", value, 1)
        assert str(error.value) == f"num: {value!r} is no whole number from 1 on"


def test_a_wrong_option_survives_its_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(OptionError("qpm", "too slow")))
    assert (error.parameter, error.problem, str(error)) == ("qpm", "too slow", "qpm: too slow")


def test_close_words_are_suggested_and_few_ones_listed() -> None:
    assert which_of("snair", ("kick", "snare")) == "; did you mean snare?"
    assert which_of("zzz", ("kick", "snare")) == "; it is one of kick, snare"


def test_out_of_memory_is_known_by_any_name() -> None:
    import tensorflow as tf

    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(tf.errors.ResourceExhaustedError(None, None, "OOM"))
    assert not is_out_of_memory(OSError("gone"))
    assert not is_out_of_memory(tf.errors.InternalError(None, None, "OOM"))


@pytest.mark.parametrize(
    "error", [MidiError("ends early", 7, "a.mid"), MidiError("x", 0), OptionError("hop_bars", "0")]
)
def test_errors_go_from_process_to_process(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
