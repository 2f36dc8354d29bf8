"""The models of the studio: those that are included, and those it was started with."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from groovefast.config import Config, get_config
from groovefast.errors import GrooveFastError, OptionError, check_choice, which_of
from groovefast.model.folder import PRIOR_FILE, TOUCH_FILE, fitted_in, read_description
from groovefast.model.models import included_model
from groovefast.model.prior import Prior
from groovefast.playing import MODES
from groovefast.playing.modes import name_of_model
from groovefast.task import Task

if TYPE_CHECKING:
    from groovefast.model.in_use import InUse

_ALSO_INCLUDED = ("groovae_16bar",)
"""Included models that are made for no mode alone."""
_OF_PLAYERS = ("amount", "timing", "dynamics", "touch", "hop_bars")
_OF_PRIOR = ("prior", "style", "variety", "attributes")
_OF_TOUCH = ("touch",)


class _Known(NamedTuple):
    """What a page has to know of a model."""

    config: Config
    prior: Prior | None
    has_touch: bool


class Models:
    """Models by the names that a page gives them, each read once; for any thread."""

    def __init__(self) -> None:
        """Knows those that are included."""
        own = dict.fromkeys(mode.model for mode in MODES.values())
        self._sources: dict[str, str | Path] = {name: name for name in [*own, *_ALSO_INCLUDED]}
        self._others = {name: get_config(name) for name in _ALSO_INCLUDED}
        self._models: dict[str, InUse] = {}
        self._locks = {name: threading.Lock() for name in self._sources}

    def give(self, paths: Iterable[Path]) -> None:
        """Reads models that the studio is started with.

        Args:
            paths: As `load_model` takes them.

        Raises:
            GrooveFastError: One cannot be read, or is for no mode.
        """
        for path in paths:
            name = self._free_name(name_of_model(path))
            self._sources[name], self._locks[name] = path, threading.Lock()
            config = self._read(name).config
            if not any(_can(mode, config) for mode in MODES):
                raise GrooveFastError(f"{path}: a model of {config.name}, which no mode plays with")
            self._others[name] = config

    def _free_name(self, name: str) -> str:
        number, free = 1, name
        while free in self._sources:
            number += 1
            free = f"{name} {number}"
        return free

    def load(self, mode: str, name: str | None = None) -> InUse:
        """Returns a model for a mode.

        Args:
            mode: A name in `MODES`.
            name: One of those offered; the one included for the mode if None.

        Raises:
            OptionError: No such mode, or no such model for it.
            GrooveFastError: It is not included.
        """
        return self._read(self._chosen(mode, name))

    def name_in_files(self, mode: str, name: str | None = None) -> str:
        """Returns what to call a model in files; arguments and errors as of `load`."""
        return name_of_model(os.fspath(self._sources[self._chosen(mode, name)]))

    def offered(self, mode: str) -> list[str]:
        """Returns the names of the models for a mode, the one included for it first.

        Raises:
            OptionError: No such mode.
        """
        check_choice("mode", mode, MODES)
        own = MODES[mode].model
        return [own, *(name for name, config in self._others.items() if _can(mode, config))]

    def facts(self, mode: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns what a page has to know of each of them; nothing where there is no choice.

        Args:
            mode: A name in `MODES`.
            options: Those of the mode.

        Returns:
            For each its name, the "bars" it hears at once, what its "tokens" tell of, if they do,
            the "options" that it heeds, and the "styles" and "attributes" that it knows.
        """
        offered = self.offered(mode)
        if len(offered) == 1 and "style" not in options:
            return []
        return [self._facts(name, options) for name in offered]

    def _facts(self, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        config, prior, has_touch = self._known(name)
        tokens = config.tokens
        left_out = {*(_OF_PLAYERS if tokens else ()), *(() if prior else _OF_PRIOR)}
        left_out |= set(() if has_touch else _OF_TOUCH)
        return {
            "name": name,
            "bars": config.converter.split_bars,
            "tokens": tokens.representation if tokens else None,
            "options": [each for each in options if each not in left_out],
            "styles": list(prior.styles) if prior else [],
            "attributes": list(prior.attributes) if prior else [],
        }

    def _known(self, name: str) -> _Known:
        """What is known of a model; of an included one without its weights, as a page waits."""
        folder = None if name in self._models else included_model(name)
        if folder is None:
            model = self._read(name)
            return _Known(model.config, model.prior, model.touch is not None)
        there = fitted_in(folder)
        prior = Prior.load(folder / PRIOR_FILE) if folder / PRIOR_FILE in there else None
        return _Known(read_description(folder).config, prior, folder / TOUCH_FILE in there)

    @property
    def hear_pitches(self) -> bool:
        """Whether there is one of melodies or trios."""
        tokens = (config.tokens for config in self._others.values())
        return any(each and each.representation != "drums" for each in tokens)

    def warm(self) -> None:
        """Reads all of them."""
        for name in self._sources:
            self._read(name)

    def _chosen(self, mode: str, name: str | None) -> str:
        offered = self.offered(mode)
        if name is None:
            return offered[0]
        if name not in offered:
            raise OptionError(
                "model", f"no such model {name!r} for {mode}{which_of(name, offered)}"
            )
        return name

    def _read(self, name: str) -> InUse:
        with self._locks[name]:
            if name not in self._models:
                from groovefast.model.checkpoints import load_model

                self._models[name] = load_model(self._sources[name])
            return self._models[name]


MODELS = Models()
"""Those of this process."""


def _can(mode: str, config: Config) -> bool:
    """Whether a page offers models of a config for a mode."""
    row, task, has_z = MODES[mode], Task.of(config.converter), bool(config.hparams.z_size)
    if row.goes_on:
        return not has_z
    if row.needs is not None:
        return config.tokens is None and row.needs in task.purposes
    return (
        has_z and bool(config.tokens or task.makes_up) and config.converter.split_bars is not None
    )
