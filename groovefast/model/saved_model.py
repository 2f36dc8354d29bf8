"""A model as a SavedModel, for TensorFlow Serving and whatever else runs one.

The same network as `groovae.GrooVAE`. All that a signature takes has the windows as its first
axis, so that the server may put requests together: a window is the same in whatever company.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from groovefast.config import Config
from groovefast.errors import GrooveFastError
from groovefast.files import replacing_folder, write_atomically
from groovefast.model.conductor import conducted
from groovefast.model.encoder import Encoder
from groovefast.model.exported import about_rows, check_exportable
from groovefast.model.folder import SAVED_MODEL_VERSION
from groovefast.model.in_use import InUse
from groovefast.model.inputs import Inputs
from groovefast.model.layers import DTYPES, NO_DROPOUT, Weights, time_major
from groovefast.model.outputs import PerformanceRow
from groovefast.model.plan import layers
from groovefast.task import Task
from groovefast.windows.rows import RowLayout

_ABOUT = Path("assets.extra", "groovefast.json")
"""Where a SavedModel has what its makers add."""


def export_saved_model(model: InUse, folder: Path) -> Path:
    """Writes a model as a SavedModel, float32, for any number of windows of the config's length.

    Its signatures are

        encode: inputs (n, rows, depth) -> mu, sigma (n, z_size)
        decode: z (n, z_size), seed (n,) int32, temperature (n,) -> rows (n, rows, depth)

    and `serving_default`, which is decode. With `hits_as_controls` both take controls,
    (n, rows, control_depth), too. A window is as `model.decode` decodes it alone with its seed.
    `assets.extra/groovefast.json` says what rows are.

    Args:
        model: With NumPy or TensorFlow.
        folder: That of all versions of the model, made if need be. It is written to `1` in there,
            which is replaced.

    Returns:
        The folder of the version.

    Raises:
        GrooveFastError: It cannot be written, a model without z, or windows of no length.
    """
    served = _Served(model)
    folder.mkdir(parents=True, exist_ok=True)
    version = folder / SAVED_MODEL_VERSION
    with replacing_folder(version) as new:
        try:
            served.save(new)
        except tf.errors.OpError as error:
            reason = str(error.message).splitlines()[0]
            raise GrooveFastError(f"{version}: cannot be written ({reason})") from None
        about = new / _ABOUT
        about.parent.mkdir()
        write_atomically(about, json.dumps(about_rows(model.config), indent=2).encode() + b"\n")
    return version


class _Served(tf.Module):  # type: ignore[misc]
    """What a server keeps of a model."""

    def __init__(self, model: InUse) -> None:
        super().__init__(name="groovae")
        self.weights = {
            name: tf.Variable(np.asarray(value), trainable=False, name=name)
            for name, value in model.weights.items()
        }
        self._config, self._plan = model.config, layers(model.config)
        self._inputs, self._rows = Inputs(model.config, tf), _rows_of(model.config)

    def save(self, folder: Path) -> None:
        """Writes variables and signatures."""
        layout, z_size = self._inputs.layout, self._config.hparams.z_size
        windows = tf.TensorSpec([None, self._rows, layout.depth], name="inputs")
        controls = tf.TensorSpec([None, self._rows, layout.control_depth], name="controls")
        told = {"controls": controls} if Task.of(self._config.converter).wants_hits else {}
        encode = tf.function(self._encode).get_concrete_function(inputs=windows, **told)
        decode = tf.function(self._decode).get_concrete_function(
            z=tf.TensorSpec([None, z_size], name="z"),
            seed=tf.TensorSpec([None], tf.int32, name="seed"),
            temperature=tf.TensorSpec([None], name="temperature"),
            **told,
        )
        signatures = {"encode": encode, "decode": decode, "serving_default": decode}
        # Nobody trains what is served, and gradients of our own would not be found there.
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(self, str(folder), signatures, options)

    def _encode(self, inputs: tf.Tensor, controls: Any = None) -> dict[str, tf.Tensor]:
        controls = self._controls(controls, inputs)
        with tf.device("CPU"):  # on a GPU it would be traced as cuDNN's, for servers with one only
            encoder = Encoder.of(self._plan, self._weights)
            mu, sigma = encoder(tf.concat([inputs, controls], -1), NO_DROPOUT)
        return {"mu": mu, "sigma": sigma}

    def _decode(
        self, z: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor, controls: Any = None
    ) -> dict[str, tf.Tensor]:
        controls = self._controls(controls, z)
        row = PerformanceRow(RowLayout.of(self._config.converter), self._config.hparams)

        def noise_of(own_seed: tf.Tensor) -> tf.Tensor:
            return row.noise(1, self._rows, tf.stack([own_seed, 0]))[:, 0]

        noise = time_major(tf.map_fn(noise_of, seed, fn_output_signature=tf.float32))

        def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            return row.draw(logits, noise[t], temperature[:, None])

        ((decoder, context),) = conducted(self._plan, self._weights, z, controls)
        _, rows = decoder.write(context, next_input, NO_DROPOUT)
        return {"rows": tf.ensure_shape(rows, [None, self._rows, None])}

    def _controls(self, controls: Any, beside: tf.Tensor) -> tf.Tensor:
        return self._inputs.controls(controls, tf.shape(beside)[0], self._rows)

    @property
    def _weights(self) -> Weights:
        return Weights(self.weights, DTYPES["float32"])


def _rows_of(config: Config) -> int:
    """How many rows a window has."""
    check_exportable(config, "SavedModels")
    if config.converter.window_steps is None:
        raise GrooveFastError(f"{config.name}: windows have no length, which signatures need")
    return Inputs(config, np).steps(None, None)
