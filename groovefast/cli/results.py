"""What `groovefast-sample` writes: MIDI files, and their pictures and sound beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from groovefast.errors import GrooveFastError

if TYPE_CHECKING:
    from groovefast.playing import Mode, Rendition

_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<number>\d+)(-p\d+)?\.(mid|png|wav)")
_PAGE = re.compile(r"(?P<stem>.+)-p\d+\.png")


class Request(NamedTuple):
    """One piece of work for a mode.

    Attributes:
        mode: What is done.
        sources: The files it works on.
        name: Of the results, a path within the output folder without ending.
        options: As `playing.play` takes them.
    """

    mode: Mode
    sources: Sequence[Path]
    name: Path
    options: Mapping[str, Any]

    @property
    def source(self) -> Path | None:
        """The file that is reworked, if any."""
        return self.sources[0] if self.sources else None


class Output:
    """The output folder.

    What is there before the work is listed once: it may be many files.
    """

    def __init__(self, folder: Path, plot: bool, audio: Audio | None, overwrite: bool) -> None:
        """Says what goes where.

        Args:
            folder: Made with the first result.
            plot: Whether to draw each.
            audio: How to make sound of each; None for none.
            overwrite: Whether to replace files that are there.
        """
        self._folder = folder
        self._plot = plot
        self._audio = audio
        self._overwrite = overwrite
        self._listings: dict[Path, _Listing] = {}
        self._count = self._unchanged = 0

    @property
    def summary(self) -> str:
        """What was written, as in `3 MIDI files in out, 1 of them as it was`."""
        files = "1 MIDI file" if self._count == 1 else f"{self._count} MIDI files"
        same = f", {self._unchanged} of them as it was" if self._unchanged else ""
        return f"{files} in {self._folder}{same}"

    def check(self, requests: Sequence[Request]) -> None:
        """Refuses to overwrite, before the work is done."""
        if self._overwrite:
            return
        named = (request for request in requests if not request.mode.is_numbered)
        paths = (path for request in named for path in self._files(self._folder / request.name))
        there = [path for path in paths if os.path.lexists(path)]
        if there:
            more = f" and {len(there) - 1} more are" if len(there) > 1 else " is"
            raise GrooveFastError(
                f"{there[0]}{more} there already; --overwrite replaces what is there"
            )

    def save(self, request: Request, renditions: Sequence[Rendition]) -> None:
        """Writes NAME.mid, or NAME-001.mid, NAME-002.mid, …, and what goes beside them."""
        from groovefast.midi.score import read_bytes

        stem = self._folder / request.name
        stem.parent.mkdir(parents=True, exist_ok=True)
        original = None if request.source is None else read_bytes(request.source)[0]
        number = 1 if self._overwrite else 1 + self._listing(stem).last_number(stem)
        digits = max(3, len(str(number + len(renditions) - 1)))
        for rendition in renditions:
            path, number = self._write(request, rendition, stem, number, digits)
            self._count += 1
            self._unchanged += rendition.midi == original
            if self._plot:
                self._draw(request, rendition, path)
            if self._audio is not None:
                kit = request.options["pitch_classes"]
                self._audio.save(rendition, kit, path.with_suffix(".wav"))

    def _write(
        self, request: Request, rendition: Rendition, stem: Path, number: int, digits: int
    ) -> tuple[Path, int]:
        """Writes a file under its number, or the next that is free, as others may write too.

        Returns where it is, and the number after it.
        """
        if not request.mode.is_numbered:
            path = stem.with_name(f"{stem.name}.mid")
            rendition.save(path, overwrite=self._overwrite)
            return path, number
        while True:
            path = stem.with_name(f"{stem.name}-{number:0{digits}}.mid")
            number += 1
            try:
                rendition.save(path, overwrite=self._overwrite)
            except FileExistsError:
                continue
            return path, number

    def _files(self, stem: Path) -> Iterator[Path]:
        """What is written for a result without a number, and pages of a picture that are there."""
        endings = [".mid", *([".png"] if self._plot else []), *([".wav"] if self._audio else [])]
        yield from (stem.with_name(stem.name + ending) for ending in endings)
        if self._plot:
            yield from self._listing(stem).pages(stem)

    def _draw(self, request: Request, rendition: Rendition, path: Path) -> None:
        from groovefast.midi.groove import Groove
        from groovefast.midi.plot import page_path, pages_of
        from groovefast.plot_style import save

        if rendition.pitched:
            save(rendition.arrangement.figure(), path.with_suffix(".png"))
            return
        grooves, titles = [rendition.groove], None
        options = request.options
        if request.source is not None:
            channel, track = options.get("channel"), options.get("track")
            grooves.insert(0, Groove.from_midi(request.source, channel, track))
            titles = [request.source.name, path.name]
        for page in self._listing(path).pages(path.with_suffix("")):
            page.unlink(missing_ok=True)
        for number, figure in enumerate(pages_of(grooves, titles, options["pitch_classes"]), 1):
            save(figure, page_path(path.with_suffix(".png"), number))

    def _listing(self, file: Path) -> _Listing:
        """What was in a file's folder at first."""
        if file.parent not in self._listings:
            self._listings[file.parent] = _Listing(file.parent)
        return self._listings[file.parent]


class _Listing:
    """The results that are in a folder: their numbers, and the pages of their pictures."""

    def __init__(self, folder: Path) -> None:
        self._last_numbers: dict[str, int] = {}
        self._pages: dict[str, list[Path]] = {}
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if name := _NUMBERED.fullmatch(file.name):
                last = self._last_numbers.get(name["stem"], 0)
                self._last_numbers[name["stem"]] = max(last, int(name["number"]))
            if name := _PAGE.fullmatch(file.name):
                self._pages.setdefault(name["stem"], []).append(file)

    def last_number(self, stem: Path) -> int:
        """The highest number of files called so, whatever their kind; 0 if there are none."""
        return self._last_numbers.get(stem.name, 0)

    def pages(self, stem: Path) -> Sequence[Path]:
        """The pages after the first of the picture of a result."""
        return self._pages.get(stem.name, ())


class Audio:
    """How results become sound."""

    def __init__(self, soundfont: Path | None) -> None:
        """Looks at the SoundFont; None is for the built-in drums."""
        if soundfont is not None:
            from groovefast.sound.synth import check_soundfont

            check_soundfont(soundfont)
        self._soundfont = soundfont

    def save(self, rendition: Rendition, pitch_classes: Any, path: Path) -> None:
        """Writes the sound of a result."""
        from groovefast.sound import synth

        if self._soundfont is not None:
            synth.save_with_soundfont(rendition.midi, self._soundfont, path)
            return
        part = rendition.part
        samples = synth.render(
            rendition.midi, pitch_classes, part.channel, part.track, rendition.pitched
        )
        synth.save_wav(samples, path)
