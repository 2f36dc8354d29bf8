"""A model in use, whichever library it computes with: what it draws from, and by which seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.errors import GrooveFastError, OptionError, check_choice, check_whole
from groovefast.model.inputs import Inputs, Kept
from groovefast.model.latent import slerp
from groovefast.model.philox import split, stateless_normal
from groovefast.model.prior import PRIORS, Prior
from groovefast.model.threads import products_on_one_processor
from groovefast.model.touch import Touch
from groovefast.task import Task
from groovefast.windows.rows import Array, RowLayout
from groovefast.windows.token_rows import TokenLayout

Seed: TypeAlias = "int | Sequence[int] | NDArray[np.int32] | Any | None"


LEAST_DRAW = 1e-7
"""Of the uniform draws that decide hits and bins: it has a logarithm."""


def drawn(layout: RowLayout) -> list[int]:
    """Returns how many draws the hits, velocities and offsets of a row take; numbers take none."""
    return [layout.drums * size for size in (1, layout.velocity_bins, layout.offset_bins)]


class Posterior(NamedTuple):
    """A normal distribution over z, (n, z_size) each."""

    mu: Array
    sigma: Array


class InUse:
    """What a trained model does. n counts windows, and steps the rows of one.

    Attributes:
        config: The `Config` it was built from.
        weights: Float32 arrays, or variables, by their names in Magenta's checkpoints.
        prior: What was fitted to the latents of played windows, if anything was; see `sample`.
        touch: How a player scatters around its velocities and offsets, if that was fitted.
    """

    config: Config
    weights: Mapping[str, Any]
    prior: Prior | None
    touch: Touch | None
    _inputs: Inputs

    def encode(self, inputs: Any, controls: Any = None) -> Posterior:
        """Returns the posterior's `mu` and `sigma`, (n, z_size) each.

        Args:
            inputs: Windows, (n, steps, input_depth); or tokens, whole numbers (n, steps) or, of
                several parts, (n, steps, parts).
            controls: (n, steps, control_depth), or (steps, control_depth) for all; needed only
                by configs with `hits_as_controls`.

        Raises:
            GrooveFastError: A shape that does not fit the config, or a model without z.
        """
        if not self.config.hparams.z_size:
            raise GrooveFastError(
                f"a model of {self.config.name} has no encoder: it only goes on from what it hears"
            )
        inputs = self._inputs.heard(inputs)
        controls = self._inputs.controls(controls, *inputs.shape[:2])
        return self._encoded(inputs, controls)

    def decode(
        self,
        z: Any,
        controls: Any = None,
        temperature: float = 1.0,
        seed: Seed = None,
        steps: int | None = None,
        hits: Any = None,
        given: Any = None,
        noise: Any = None,
    ) -> Array:
        """Returns windows decoded from `z`, (n, steps, depth), or their tokens.

        Args:
            z: Latent vectors, (n, z_size).
            controls: As for `encode`.
            temperature: Hits are drawn from sigmoid(logit / temperature), bins and tokens from
                softmax(logits / temperature); 0 takes the more likely.
            seed: The same seed gives the same windows, however many are decoded at once.
            steps: Rows to decode; the config's window, or the controls' length, when None.
            hits: Hits to keep, (n, steps, 9) or (n, steps, 1) with `split_instruments`: they are
                written, and heard by the steps after them, in place of drawn ones.
            given: Which of `hits` to keep, bool, of their shape or one that goes with it, as (9,):
                the model chooses the others. All when None.
            noise: Uniform draws from 0 to 1 in place of those of the seed, (steps, n, draws): of
                tokens one for each part, and the token is the first whose cumulated probability
                exceeds it.

        Returns:
            Float32 (n, steps, depth); of a config with tokens these, int64 (n, steps) or, of
            several parts, (n, steps, parts).

        Raises:
            GrooveFastError: A shape that does not fit the config.
        """
        z, temperature = self._inputs.latents(z), self._inputs.temperature(temperature)
        steps = self._inputs.steps(controls, steps)
        controls = self._inputs.controls(controls, z.shape[0], steps)
        kept = self._inputs.kept(hits, given, z.shape[0], steps)
        draws = self._draws(z.shape[0], steps, noise, seed)
        rows = self._decoded(z, controls, kept, temperature, draws)
        layout = self._inputs.layout
        return layout.told(self._inputs.xp, rows) if isinstance(layout, TokenLayout) else rows

    def teacher_forced(self, z: Any, outputs: Any, controls: Any = None) -> Array:
        """Returns the logits of each step given the true steps before it, (n, steps, depth).

        Args:
            z: Latent vectors, (n, z_size).
            outputs: The truth, (n, steps, depth), or its tokens.
            controls: As for `encode`.

        Raises:
            GrooveFastError: A shape that does not fit the config.
        """
        z, outputs = self._inputs.latents(z), self._inputs.outputs(outputs)
        controls = self._inputs.controls(controls, *outputs.shape[:2])
        return self._forced(z, outputs, controls)

    def go_on(
        self,
        rows: Any,
        steps: int,
        temperature: float = 1.0,
        seed: Seed = None,
        silent: Any = None,
    ) -> Array:
        """Returns what follows windows, (n, steps, depth), drawn row by row.

        Only for models without z. What they remember of the windows goes with them.

        Args:
            rows: What was played, (n, rows, depth), of any length; they begin where a bar does.
            steps: How many rows to draw.
            temperature: As for `decode`.
            seed: As for `decode`. The first rows of the first window are the same however many are
                drawn.
            silent: At which of the new rows nothing is hit, bool (steps,): those with which bars of
                other meters are filled up. None of them if None.

        Raises:
            GrooveFastError: A shape that does not fit the config, or a model with z or controls.
            OptionError: A number out of its range.
        """
        if self.config.hparams.z_size or Task.of(self.config.converter).wants_hits:
            raise GrooveFastError(
                f"a model of {self.config.name} does not go on from what was played: it wants "
                "more than that"
            )
        rows = self._inputs.outputs(rows, "rows")
        steps = check_whole("steps", steps, 0)
        silent = np.zeros(steps, bool) if silent is None else np.asarray(silent, bool)
        if silent.shape != (steps,):
            raise GrooveFastError(f"silent: shape ({steps},) wanted, {silent.shape} given")
        temperature = self._inputs.temperature(temperature)
        return self._continued(rows, silent, temperature, seed_pair(seed))

    def embeddings(self, z: Any, bars: int | None = None) -> Array:
        """Returns what the conductor says of each bar, (n, bars, units).

        Args:
            z: Latent vectors, (n, z_size).
            bars: How many; those of the config's window when None.

        Raises:
            GrooveFastError: A shape that does not fit the config, or a model without a conductor.
        """
        if not self.config.hparams.hierarchical_decoder:
            raise GrooveFastError(f"embeddings: {self.config.name} has no conductor")
        bar = self._inputs.bar
        steps = self._inputs.steps(None, None if bars is None else bars * bar)
        return self._conducted(self._inputs.latents(z), steps // bar)

    def interpolate(
        self,
        start: Any,
        end: Any,
        num: int = 5,
        temperature: float = 1.0,
        seed: Seed = None,
        noise: Any = None,
    ) -> Array:
        """Returns windows on the way from one to another, both ends included.

        They are decoded from the arc between the means of their posteriors, in equal steps of its
        angle.

        Args:
            start: The first window, (1, steps, input_depth), or tokens, as for `encode`.
            end: The last one.
            num: How many, 2 or more.
            temperature: As for `decode`.
            seed: As for `decode`.
            noise: As for `decode`.

        Raises:
            OptionError: Too few.
            GrooveFastError: A shape that does not fit the config.
        """
        check_whole("num", num, 2)
        first, last = (np.asarray(self.encode(each).mu)[0] for each in (start, end))
        way = slerp(first, last, np.linspace(0, 1, num))
        return self.decode(way, None, temperature, seed, noise=noise)

    def sample(
        self,
        n: int,
        temperature: float | None = None,
        seed: Seed = None,
        controls: Any = None,
        steps: int | None = None,
        *,
        prior: str = "fitted",
        style: str | None = None,
        variety: float = 1.0,
        attributes: Mapping[str, float] | None = None,
        touch: float | None = None,
    ) -> Array:
        """Returns n new windows as `decode` gives them.

        Args:
            n: How many.
            temperature: As for `decode`; if None 0.5 with a fitted prior, 1 without.
            seed: As for `decode`.
            controls: As for `decode`.
            steps: As for `decode`.
            prior: Where z comes from: "fitted" draws it where played windows lie, and is as
                "normal" for a model without a fitted prior; "normal" is N(0, 1), as in Magenta.
            style: One of the styles of the fitted prior, see `Prior.styles`; any if None.
            variety: How far to go from what is typical, 0..2; for the fitted prior.
            attributes: By how many standard deviations attributes are to differ from played
                windows, -3..3 by name, as in {"density": 0.5}; see `Prior.attributes`.
            touch: From 0, velocities and offsets as they are to be expected, to 1, with all of the
                scatter of a player; if None 1 with a fitted prior, if there is a touch, else 0.

        Raises:
            OptionError: An unknown style or attribute, a number out of its range, or any of these
                for a model, or with a prior, that knows none; or a touch that was never fitted.
            GrooveFastError: A shape that does not fit the config.
        """
        for_z, for_decoder = split(seed_pair(seed))
        is_fitted = self.draws_from_fitted(prior)
        if temperature is None:
            temperature = 0.5 if is_fitted else 1.0
        if touch is None:
            touch = float(is_fitted and self.touch is not None)
        with products_on_one_processor():
            z = self._new_latents(n, for_z, prior, style, variety, attributes)
        rows = self.decode(z, controls, temperature, for_decoder, steps)
        if not touch:
            return rows
        layout = RowLayout.of(self.config.converter)
        with products_on_one_processor():
            touched = self.fitted_touch().touch_rows(
                np.asarray(rows), layout, touch, _words(for_decoder)
            )
        return self._own(touched)

    def _own(self, rows: NDArray[np.float32]) -> Array:
        """Rows as `decode` gives them."""
        return rows

    def draws_from_fitted(self, prior: str) -> bool:
        """Whether z is drawn where played windows lie, where `prior` is asked for."""
        return self.prior is not None and prior == "fitted"

    def new_latents(
        self,
        n: int,
        seed: Seed = None,
        *,
        prior: str = "fitted",
        style: str | None = None,
        variety: float = 1.0,
        attributes: Mapping[str, float] | None = None,
    ) -> Array:
        """Returns the z, (n, z_size), that `sample` decodes for the same seed."""
        for_z, _ = split(seed_pair(seed))
        return self._new_latents(n, for_z, prior, style, variety, attributes)

    def _new_latents(
        self,
        n: int,
        seed: NDArray[np.int32],
        prior: str,
        style: str | None,
        variety: float,
        attributes: Mapping[str, float] | None,
    ) -> Array:
        check_choice("prior", prior, PRIORS)
        if self.prior and self.draws_from_fitted(prior):
            return self.prior.latents(n, _words(seed), style, variety, attributes)
        wanted = {"style": style, "attributes": attributes, "variety": variety != 1}
        self._refuse_without_prior(prior, wanted)
        return self._normal((n, self.config.hparams.z_size), seed)

    def _normal(self, shape: tuple[int, int], seed: NDArray[np.int32]) -> Array:
        """Draws of N(0, 1)."""
        return stateless_normal(shape, seed)

    # What each library does its own way, of what was checked.

    def _encoded(self, inputs: Array, controls: Array) -> Posterior:
        raise NotImplementedError

    def _decoded(
        self,
        z: Array,
        controls: Array,
        kept: Kept,
        temperature: float,
        draws: Array,
    ) -> Array:
        raise NotImplementedError

    def _draws(self, n: Any, steps: Any, noise: Any, seed: Seed) -> Array:
        """Uniform draws that decide rows: those given, or those of a seed."""
        raise NotImplementedError

    def _conducted(self, z: Array, bars: int) -> Array:
        raise NotImplementedError

    def _forced(self, z: Array, outputs: Array, controls: Array) -> Array:
        raise NotImplementedError

    def _continued(
        self,
        rows: Array,
        silent: NDArray[np.bool_],
        temperature: float,
        seed: NDArray[np.int32],
    ) -> Array:
        raise NotImplementedError

    def fitted_touch(self) -> Touch:
        """Returns the touch, where one is asked for.

        Raises:
            OptionError: None was fitted to this model.
        """
        if self.touch is None:
            name = self.config.name
            if not self.config.hparams.z_size:
                raise OptionError(
                    "touch", f"a model of {name} draws velocities and times itself; leave it out"
                )
            raise OptionError(
                "touch", f"this {name} has no fitted touch; groovefast-prior fits one"
            )
        return self.touch

    def shift(self, attributes: Mapping[str, float] | None) -> NDArray[np.float32]:
        """Returns what to add to any z to change attributes of its groove, (z_size,).

        Args:
            attributes: By how many standard deviations, -3..3 by name, as in {"density": 0.5};
                see `Prior.attributes`. Nothing changes if None.

        Raises:
            OptionError: An unknown attribute, a number out of its range, or a model without a
                fitted prior.
        """
        if self.prior and attributes:
            return self.prior.shift(attributes)
        self._refuse_without_prior("fitted", {"attributes": attributes})
        return np.zeros(self.config.hparams.z_size, np.float32)

    def _refuse_without_prior(self, prior: str, wanted: Mapping[str, Any]) -> None:
        """Raises if something is wanted that only a fitted prior knows."""
        why = (
            "N(0, 1) knows none; use the fitted prior"
            if prior == "normal"
            else f"this {self.config.name} has no fitted prior; groovefast-prior fits one"
        )
        for name, value in wanted.items():
            if value:
                raise OptionError(name, why)


def seed_pair(seed: Seed) -> NDArray[np.int32]:
    """Returns the two numbers that draws start from; drawn for None."""
    if seed is None:
        return np.random.default_rng().integers(0, 2**31, 2).astype(np.int32)
    if isinstance(seed, int):
        return np.array([seed % 2**31, 0], np.int32)
    pair = np.asarray(seed, np.int32)
    return pair if pair.ndim else np.array([pair, 0], np.int32)


def _words(seed: NDArray[np.int32]) -> list[int]:
    """A pair of seeds as NumPy takes them."""
    return [int(number) & 0xFFFFFFFF for number in seed]
