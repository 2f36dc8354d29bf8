from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from groovefast.config import CONFIGS, Config, ConverterConfig
from groovefast.model.groovae import GrooVAE
from groovefast.model.layers import NO_DROPOUT, Dropout
from groovefast.model.plan import layers


@pytest.mark.parametrize(
    "hparams",
    [
        "enc_rnn_size=[7],dec_rnn_size=[5,5]",
        "enc_rnn_size=[7,6],dec_rnn_size=[8,5,5],residual_encoder=True,residual_decoder=True",
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_a_model_has_the_variables_of_its_plan(hparams: str, split: bool) -> None:
    config = Config("small", ConverterConfig(split_instruments=split)).with_hparams(hparams)
    model, shapes = GrooVAE(config), layers(config).shapes()
    assert {name: tuple(weight.shape) for name, weight in model.weights.items()} == shapes
    assert {variable.name.removesuffix(":0") for variable in model.trainable_variables} == {*shapes}


def test_a_decoder_layer_as_wide_as_the_one_below_needs_no_projection() -> None:
    config = CONFIGS["groovae_4bar"].with_hparams("dec_rnn_size=[8,5,5],residual_decoder=True")
    plan = layers(config)
    assert [cell.projects for cell in plan.decoders[0].cells] == [True, True, False]
    assert [cell.residual for cell in plan.cells] == [False, False, True, True, True]


def dropped(keep: float, *seed: int) -> np.ndarray:
    dropout = Dropout(keep, tf.constant(seed))
    return np.asarray(dropout([tf.ones([50, 40, 30])], tf.float32)[0])


def test_dropout_is_fresh_for_every_number() -> None:
    heard = dropped(0.3, 1, 2)
    np.testing.assert_allclose(np.unique(heard), [0, 1 / 0.3], rtol=1e-6)
    kept = heard > 0
    assert kept.mean() == pytest.approx(0.3, abs=0.01)
    for axis in range(3):
        agreement = (kept == np.roll(kept, 1, axis)).mean()
        assert agreement == pytest.approx(0.3**2 + 0.7**2, abs=0.01)
    assert ((dropped(0.3, 1, 3) > 0) == kept).mean() == pytest.approx(0.58, abs=0.01)


@pytest.mark.parametrize("keep", [0.999993, 1 - 1e-9])
def test_what_is_as_good_as_all_is_all(keep: float) -> None:
    assert (dropped(keep, 1, 2) == 1).all()


def test_the_least_share_is_kept_now_and_then() -> None:
    heard = np.asarray(
        Dropout(2**-16, tf.constant([1, 2]))([tf.ones([64, 128, 128])], tf.float32)[0]
    )
    assert 2 < (heard > 0).sum() < 40


def test_every_layer_has_a_dropout_of_its_own() -> None:
    dropout = Dropout(0.5, tf.constant([1, 2]))
    first, second = (dropout.of(layer)([tf.ones([4, 3, 20])], tf.float32)[0] for layer in (0, 1))
    assert (np.asarray(first) != np.asarray(second)).any()


def test_without_dropout_inputs_are_as_they_were() -> None:
    parts = [tf.ones([3, 2, 4]), tf.ones([2, 5])]
    assert NO_DROPOUT.of(3)(parts, tf.bfloat16) is parts
