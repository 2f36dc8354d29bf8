"""A model as ONNX files, which play wherever onnxruntime runs.

The same network as `numpy_groovae.NumpyGrooVAE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from groovefast.errors import wanting_extras
from groovefast.files import replacing
from groovefast.model.exported import about_rows, check_exportable
from groovefast.model.folder import ONNX_FILES
from groovefast.model.in_use import InUse
from groovefast.model.plan import layers
from groovefast.windows.rows import RowLayout

with wanting_extras():
    from groovefast.model.onnx_draws import Draws
    from groovefast.model.onnx_graph import Graph, Name, Tensor
    from groovefast.model.onnx_layers import Layers, with_forget_bias


def export_onnx(model: InUse, folder: Path) -> list[Path]:
    """Writes a model as ONNX files, float32, for any number of windows and of rows.

    encoder.onnx gives the posterior, decoder.onnx whole windows from z with all draws in it;
    decoder-start.onnx and decoder-step.onnx decode row by row and leave the draws to the caller.
    Metadata in each file says what its inputs and outputs are.

    Args:
        model: With NumPy or TensorFlow.
        folder: Made if need be; older files of these names are replaced.

    Returns:
        The files, in the order of `ONNX_FILES`.

    Raises:
        GrooveFastError: A model without z or of tokens, or one that goes by bars.
        OSError: They cannot be written.
    """
    check_exportable(model.config, "ONNX files", bar_by_bar=False)
    files = _Files(model)
    contents = (files.encoder(), files.decoder(), files.decoder_start(), files.decoder_step())
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ONNX_FILES]
    for path, content in zip(paths, contents, strict=True):
        with replacing(path) as stream:
            stream.write(content)
    return paths


class _Files:
    """Each file of a model, as bytes."""

    def __init__(self, model: InUse) -> None:
        config = model.config
        self._plan, self._layout = layers(config), RowLayout.of(config.converter)
        arrays = {name: np.asarray(array) for name, array in model.weights.items()}
        self._weights = with_forget_bias(self._plan, arrays)
        self._metadata = about_rows(config)
        self._z = Tensor("z", ("n", config.hparams.z_size), "latent vectors")

    def encoder(self) -> bytes:
        """From windows to their posterior."""
        graph = Graph()
        inputs = [
            Tensor("inputs", ("n", "steps", self._layout.depth), "windows"),
            *self._controls("steps"),
        ]
        made = self._layers(graph)
        heard = graph.concat(*(each.name for each in inputs))
        last = made.encoder(graph.time_major(heard))
        graph.name(made.dense(self._plan.mu, last), "mu")
        graph.name(graph.add("Softplus", made.dense(self._plan.sigma, last)), "sigma")
        outputs = [
            Tensor("mu", self._z.shape, "the mean of z"),
            Tensor("sigma", self._z.shape, "its deviation: z is mu + sigma * draws of N(0, 1)"),
        ]
        return self._file(graph, "encoder", "Windows to their posterior over z.", inputs, outputs)

    def decoder(self) -> bytes:
        """From z to windows, with the draws in it."""
        graph, controls = Graph(), self._controls("steps")
        draws = Draws(graph, self._layout)
        temperature = Tensor("temperature", (), "how boldly to draw; 0 takes the more likely")
        noise = Tensor("noise", ("n", "steps", sum(draws.widths)), "uniform draws from 0 to 1")
        hits = Tensor(
            draws.optional_hits("hits"),
            ("n or 1", "steps or 1", self._layout.drums),
            "hits to keep, 0 or 1; drawn are those below 0, which all are if this is left out",
        )
        known = self._layers(graph).known("z", [graph.time_major(each.name) for each in controls])
        each_step = draws.noise(graph.time_major("noise"), "temperature")
        each_step[0] = draws.keeping(graph.time_major(hits.name), each_step[0])
        graph.name(graph.time_major(self._loop(graph, each_step, known)), "rows")
        return self._file(
            graph,
            "decoder",
            "z to windows, of as many rows as noise has.",
            [self._z, *controls, temperature, noise, hits],
            [Tensor("rows", ("n", "steps", self._layout.depth), "windows")],
        )

    def _loop(self, graph: Graph, noise: Sequence[Name], known: Name) -> Name:
        """Adds the decoder's loop: its rows, (steps, n, depth)."""
        n = graph.add("Shape", "z", start=0, end=1)
        first_row = graph.add("ConstantOfShape", graph.concat(n, graph.wholes(self._layout.depth)))
        first = [first_row, *self._layers(graph).first_states("z")]
        has_controls = self._layout.control_depth > 0
        each_step = [*noise, known] if has_controls else noise
        body = self._body(graph, "" if has_controls else known)
        *_, rows = graph.add_many(
            "Scan", [*first, *each_step], len(first) + 1, body=body, num_scan_inputs=len(each_step)
        )
        return rows

    def _body(self, around: Graph, known: Name) -> Any:
        """What the loop does at every step; without `known`, that of the step comes with it."""
        graph, states = Graph(around), self._states()
        made, draws = self._layers(graph), Draws(graph, self._layout)
        row = Tensor("row", ("n", self._layout.depth))
        noise = [Tensor(f"noise_{i}", ("n", width)) for i, width in enumerate(draws.widths)]
        told = [] if known else [Tensor("known", ("n", made.known_width))]
        logits, after = made.step("row", known or "known", [each.name for each in states])
        drawn = draws.row(logits, [each.name for each in noise])
        outputs = [
            row._replace(name="next_row"),
            *self._states("next_"),
            row._replace(name="written"),
        ]
        for output, value in zip(outputs, [drawn, *after, drawn], strict=True):
            graph.name(value, output.name)
        return graph.body("step", [row, *states, *noise, *told], outputs)

    def decoder_start(self) -> bytes:
        """From z to what the decoder remembers before the first step."""
        graph, states = Graph(), self._states()
        values = self._layers(graph).first_states("z")
        for state, value in zip(states, values, strict=True):
            graph.name(value, state.name)
        about = "z to the states before the first step of decoder-step."
        return self._file(graph, "decoder-start", about, [self._z], states)

    def decoder_step(self) -> bytes:
        """From a row to the logits of the next."""
        graph, states, shape = Graph(), self._states(), ("n", self._layout.depth)
        row = Tensor("row", shape, "the row before, as it was drawn; zeros at first")
        controls = [
            each._replace(shape=(each.shape[0], each.shape[2])) for each in self._controls("")
        ]
        made = self._layers(graph)
        known = made.known("z", [each.name for each in controls])
        logits, after = made.step("row", known, [each.name for each in states])
        outputs = [Tensor("logits", shape, self._about_logits()), *self._states("next_")]
        for output, value in zip(outputs, [logits, *after], strict=True):
            graph.name(value, output.name)
        about = "One step of the decoder: a row and the states to the logits of the row after it."
        inputs = [row, self._z, *controls, *states]
        return self._file(graph, "decoder-step", about, inputs, outputs)

    def _layers(self, graph: Graph) -> Layers:
        return Layers(graph, self._plan, self._weights)

    def _controls(self, steps: str) -> list[Tensor]:
        """The controls, where the config has any."""
        layout = self._layout
        parts = {
            "hits": layout.hits_as_controls,
            "the one-hot of its drum": layout.rows_per_step > 1,
        }
        about = "what a row is told: " + ", ".join(name for name, told in parts.items() if told)
        controls = Tensor("controls", ("n", steps, layout.control_depth), about)
        return [controls] if layout.control_depth else []

    def _states(self, before: str = "") -> list[Tensor]:
        """Two of each layer of the decoder, as `Layers` has them."""
        return [
            Tensor(f"{before}{kind}_{number}", ("n", cell.units), f"{kind} of layer {number}")
            for number, cell in enumerate(self._plan.decoders[0].cells)
            for kind in ("c", "h")
        ]

    def _about_logits(self) -> str:
        velocities, offsets = (
            "softmax over its bins" if bins else number
            for number, bins in (
                ("sigmoid", self._layout.velocity_bins),
                ("tanh", self._layout.offset_bins),
            )
        )
        return (
            "sigmoid of a hit's gives how likely it is, "
            f"{velocities} of a velocity's and {offsets} of an offset's what it is"
        )

    def _file(
        self,
        graph: Graph,
        name: str,
        about: str,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
    ) -> bytes:
        return graph.file(name, about, inputs, outputs, self._metadata)
