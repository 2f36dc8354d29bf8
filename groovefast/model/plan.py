"""The plan of a model: which layers there are, and how their variables are called.

The names are those of Magenta's checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from groovefast.config import ArchitectureHParams, Config
from groovefast.windows.token_rows import TokenLayout, layout_of

Arrays: TypeAlias = "dict[str, npt.NDArray[np.float32]]"
"""The weights of a model by their names in Magenta's checkpoints."""

_LEVEL = "hierarchical_level_"
ENCODER, DECODER, CORE = "encoder", "decoder", "core_decoder/decoder"
BAR_ENCODER = f"{ENCODER}/{_LEVEL}0"
CONDUCTOR = f"{DECODER}/{_LEVEL}0"
"""What the names of their variables begin with; `CORE` is the decoder below a conductor, and
`BAR_ENCODER` what reads each bar alone."""

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

    def dense(self) -> Iterator[DensePlan]:
        """Everything that has weights, in order."""
        if self.projection:
            yield self.projection
        yield self.lstm

    @property
    def _inner(self) -> str:
        return f"{self.scope}/input_projection_wrapper" if self.projects else self.scope


Levels: TypeAlias = "tuple[tuple[CellPlan, CellPlan], ...]"
"""Bidirectional layers, forward and backward, from the lowest."""


class DecoderPlan(NamedTuple):
    """What writes rows.

    Attributes:
        initial_states: From what it is told, z or a bar's embedding, to its first c and h; None
            where it is told nothing, and these are 0.
        cells: The layers, from the lowest.
        output: From the last layer to the logits of a row.
    """

    initial_states: DensePlan | None
    cells: tuple[CellPlan, ...]
    output: DensePlan

    def dense(self) -> Iterator[DensePlan]:
        """Everything that has weights, in order."""
        if self.initial_states:
            yield self.initial_states
        for cell in self.cells:
            yield from cell.dense()
        yield self.output


class ConductorPlan(NamedTuple):
    """What lays out the bars.

    Attributes:
        initial_states: From z to its first c and h.
        cells: The layers, from the lowest; the last one's outputs are the embeddings of the bars.
    """

    initial_states: DensePlan
    cells: tuple[CellPlan, ...]

    def dense(self) -> Iterator[DensePlan]:
        """Everything that has weights, in order."""
        yield self.initial_states
        for cell in self.cells:
            yield from cell.dense()


class Plan(NamedTuple):
    """All layers of a model. One without z has no encoder, and no weights around z.

    Attributes:
        encoder: One stack of layers that reads rows; or two, the first of which reads each bar
            alone, and the second what the first made of the bars; none without z.
        mu: The posterior's mean, from the last outputs of the last layer.
        sigma: Its deviation, before softplus.
        conductor: What lays out the bars; None where the decoder is told z itself.
        decoders: One that writes whole rows; or one for each part of them.
        bar: Rows of a bar.
    """

    encoder: tuple[Levels, ...]
    mu: DensePlan
    sigma: DensePlan
    conductor: ConductorPlan | None
    decoders: tuple[DecoderPlan, ...]
    bar: int

    @property
    def cells(self) -> tuple[CellPlan, ...]:
        """Those of the encoder, of the conductor and of the decoders."""
        return (
            *(cell for levels in self.encoder for level in levels for cell in level),
            *(self.conductor.cells if self.conductor else ()),
            *(cell for decoder in self.decoders for cell in decoder.cells),
        )

    @property
    def row_cells(self) -> tuple[CellPlan, ...]:
        """Those that go through every row, rather than every bar."""
        return (
            *(cell for levels in self.encoder[:1] for level in levels for cell in level),
            *(cell for decoder in self.decoders for cell in decoder.cells),
        )

    @property
    def has_z(self) -> bool:
        """Whether the decoder is told anything of a window beforehand."""
        return self.mu.outputs > 0

    def dense(self) -> Iterator[DensePlan]:
        """Everything that has weights, in the order in which they are drawn."""
        for levels in self.encoder:
            for level in levels:
                for cell in level:
                    yield from cell.dense()
        if self.has_z:
            yield from (self.mu, self.sigma)
        if self.conductor:
            yield from self.conductor.dense()
        for decoder in self.decoders:
            yield from decoder.dense()

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
    """Returns the layers of a model."""
    hparams, layout = config.hparams, layout_of(config)
    encoder, width = [], layout.input_depth + layout.control_depth
    levels = 1 + hparams.hierarchical_encoder if hparams.z_size else 0
    for level in range(levels):
        scope = f"{ENCODER}/{_LEVEL}{level}" if hparams.hierarchical_encoder else ENCODER
        encoder.append(_bidirectional(scope, width, hparams))
        width = 2 * hparams.enc_rnn_size[-1]
    mu, sigma = (
        DensePlan(f"{ENCODER}/{name}", width, hparams.z_size, is_small=True)
        for name in ("mu", "sigma")
    )
    conductor, told, scopes, depths = None, hparams.z_size, [DECODER], [layout.depth]
    if hparams.hierarchical_decoder:
        conductor = _conductor(hparams)
        told, scopes = hparams.dec_rnn_size[-1], [CORE]
        if isinstance(layout, TokenLayout) and len(layout.tokens) > 1:
            depths = [*layout.tokens]
            scopes = [core_scope(part) for part in range(len(depths))]
    decoders = (
        _decoder(scope, depth, told, layout.control_depth, hparams)
        for scope, depth in zip(scopes, depths, strict=True)
    )
    bar = config.converter.steps_per_bar * layout.rows_per_step
    return Plan(tuple(encoder), mu, sigma, conductor, tuple(decoders), bar)


def _bidirectional(scope: str, width: int, hparams: ArchitectureHParams) -> Levels:
    """Layers of which residual ones first project their input to their own size."""
    levels, residual = [], hparams.residual_encoder
    for level, units in enumerate(hparams.enc_rnn_size):
        forward, backward = (
            CellPlan(encoder_scope(level, way, scope), width, units, residual, projects=residual)
            for way in ("fw", "bw")
        )
        levels.append((forward, backward))
        width = 2 * units
    return tuple(levels)


def _conductor(hparams: ArchitectureHParams) -> ConductorPlan:
    """Layers of which the lowest hears a single number, which is always 0."""
    units = hparams.dec_rnn_size
    initial_states = DensePlan(
        f"{CONDUCTOR}/initial_state", hparams.z_size, 2 * sum(units), is_small=True
    )
    cells = (
        CellPlan(f"{CONDUCTOR}/cell_{layer}", width, size)
        for layer, (width, size) in enumerate(zip((1, *units), units, strict=False))
    )
    return ConductorPlan(initial_states, tuple(cells))


def _decoder(
    scope: str, depth: int, told: int, control_depth: int, hparams: ArchitectureHParams
) -> DecoderPlan:
    """Layers of which residual ones project their input first, unless it is as wide as they."""
    states = 2 * sum(hparams.dec_rnn_size)
    initial_states = DensePlan(f"{scope}/z_to_initial_state", told, states, is_small=True)
    width, cells = depth + told + control_depth, []
    for layer, units in enumerate(hparams.dec_rnn_size):
        residual = hparams.residual_decoder
        projects = residual and (layer == 0 or units != width)
        cells.append(CellPlan(decoder_scope(layer, scope), width, units, residual, projects))
        width = units
    output = DensePlan(f"{scope}/output_projection", width, depth)
    return DecoderPlan(initial_states if told else None, tuple(cells), output)


def encoder_scope(level: int, direction: str, scope: str = ENCODER) -> str:
    """Magenta's name of an encoder cell; `direction` is "fw" or "bw"."""
    return f"{scope}/cell_{level}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0"


def decoder_scope(layer: int, scope: str = DECODER) -> str:
    """Magenta's name of a decoder cell."""
    return f"{scope}/multi_rnn_cell/cell_{layer}"


def core_scope(part: int) -> str:
    """Magenta's name of the decoder of one of several parts, below a conductor."""
    return f"core_decoder/core_decoder_{part}/decoder"
