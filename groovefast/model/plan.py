"""The plan of a model: which layers there are, and how their variables are called.

The names are those of Magenta's checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from groovefast.config import Config
from groovefast.windows.rows import RowLayout

Arrays: TypeAlias = "dict[str, npt.NDArray[np.float32]]"
"""The weights of a model by their names in Magenta's checkpoints."""


FORGET_BIAS = 1.0
"""What every forget gate gets beside its bias, as in TensorFlow 1."""


class DensePlan(NamedTuple):
    """A kernel and a bias.

    Attributes:
        name: What their names begin with.
        inputs: Rows of the kernel.
        outputs: Its columns.
        is_small: Whether the kernel starts near 0, as those around z do.
    """

    name: str
    inputs: int
    outputs: int
    is_small: bool = False

    @property
    def kernel(self) -> str:
        """The name of the kernel, (inputs, outputs)."""
        return f"{self.name}/kernel"

    @property
    def bias(self) -> str:
        """The name of the bias, (outputs,)."""
        return f"{self.name}/bias"


class CellPlan(NamedTuple):
    """One layer of the encoder, in one direction, or of the decoder.

    Attributes:
        scope: What its names begin with.
        inputs: Width of its input.
        units: Width of its output.
        residual: Whether its input is added to its output.
        projects: Whether the input is first brought to the layer's own size.
    """

    scope: str
    inputs: int
    units: int
    residual: bool = False
    projects: bool = False

    @property
    def projection(self) -> DensePlan | None:
        """What brings the input to the layer's own size."""
        return DensePlan(self._inner, self.inputs, self.units) if self.projects else None

    @property
    def lstm(self) -> DensePlan:
        """The LSTM, which takes its input and its own last output."""
        inputs = self.units if self.projects else self.inputs
        return DensePlan(f"{self._inner}/lstm_cell", inputs + self.units, 4 * self.units)

    @property
    def _inner(self) -> str:
        return f"{self.scope}/input_projection_wrapper" if self.projects else self.scope


class Plan(NamedTuple):
    """All layers of a model. One without z has no encoder, and no weights around z.

    Attributes:
        encoder: The bidirectional layers, forward and backward, from the lowest.
        mu: The posterior's mean, from the last outputs of the last layer.
        sigma: Its deviation, before softplus.
        initial_states: From z to the decoder's first c and h.
        decoder: The layers, from the lowest.
        output: From the last layer to the logits of a row.
    """

    encoder: tuple[tuple[CellPlan, CellPlan], ...]
    mu: DensePlan
    sigma: DensePlan
    initial_states: DensePlan
    decoder: tuple[CellPlan, ...]
    output: DensePlan

    @property
    def cells(self) -> tuple[CellPlan, ...]:
        """Those of the encoder and of the decoder."""
        return (*(cell for level in self.encoder for cell in level), *self.decoder)

    @property
    def has_z(self) -> bool:
        """Whether the decoder is told anything of a window beforehand."""
        return self.mu.outputs > 0

    def dense(self) -> Iterator[DensePlan]:
        """Everything that has weights, in the order in which they are drawn."""
        for level in self.encoder:
            for cell in level:
                yield from _parts(cell)
        if self.has_z:
            yield from (self.mu, self.sigma, self.initial_states)
        for cell in self.decoder:
            yield from _parts(cell)
        yield self.output

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns every variable's shape by its name."""
        return {
            name: shape
            for plan in self.dense()
            for name, shape in (
                (plan.kernel, (plan.inputs, plan.outputs)),
                (plan.bias, (plan.outputs,)),
            )
        }


def layers(config: Config) -> Plan:
    """Returns the layers of a model.

    Residual layers first project their input to their own size, except a decoder layer as wide
    as the one below.
    """
    hparams, layout = config.hparams, RowLayout.of(config.converter)
    width = layout.depth + layout.control_depth
    encoder = []
    for level, units in enumerate(hparams.enc_rnn_size if hparams.z_size else ()):
        residual = hparams.residual_encoder
        forward, backward = (
            CellPlan(encoder_scope(level, direction), width, units, residual, projects=residual)
            for direction in ("fw", "bw")
        )
        encoder.append((forward, backward))
        width = 2 * units
    mu, sigma = (
        DensePlan(f"encoder/{name}", width, hparams.z_size, is_small=True)
        for name in ("mu", "sigma")
    )

    initial_states = DensePlan(
        "decoder/z_to_initial_state", hparams.z_size, 2 * sum(hparams.dec_rnn_size), is_small=True
    )
    width = layout.depth + hparams.z_size + layout.control_depth
    decoder = []
    for layer, units in enumerate(hparams.dec_rnn_size):
        residual = hparams.residual_decoder
        projects = residual and (layer == 0 or units != width)
        decoder.append(CellPlan(decoder_scope(layer), width, units, residual, projects))
        width = units
    output = DensePlan("decoder/output_projection", width, layout.depth)
    return Plan(tuple(encoder), mu, sigma, initial_states, tuple(decoder), output)


def encoder_scope(level: int, direction: str) -> str:
    """Magenta's name of an encoder cell; `direction` is "fw" or "bw"."""
    return f"encoder/cell_{level}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0"


def decoder_scope(layer: int) -> str:
    """Magenta's name of a decoder cell."""
    return f"decoder/multi_rnn_cell/cell_{layer}"


def _parts(cell: CellPlan) -> Iterator[DensePlan]:
    if cell.projection:
        yield cell.projection
    yield cell.lstm
