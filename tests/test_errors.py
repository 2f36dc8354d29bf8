"""What the errors say, and what counts as one."""

from __future__ import annotations

import pickle

import pytest

from groovefast.errors import OptionError, check_choice, is_out_of_memory, which_of


def test_a_choice_is_one_of_a_few() -> None:
    check_choice("on_error", "skip", ("skip", "fail"))
    for value, hint in (("fial", "did you mean fail?"), (None, "it is one of skip, fail")):
        with pytest.raises(OptionError) as error:
            check_choice("on_error", value, ("skip", "fail"))
        assert str(error.value) == f"on_error: no such choice {value!r}; {hint}"
        assert error.value.parameter == "on_error"


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
