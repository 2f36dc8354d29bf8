from collections.abc import Iterable
from typing import final

from numpy import dtype, float32, float64, int64, uint8, void
from numpy.typing import NDArray

from groovefast.drum_part import WantedNotes
from groovefast.errors import MidiError

NOTE_DTYPE: dtype[void]
TEMPO_DTYPE: dtype[void]
TIME_SIGNATURE_DTYPE: dtype[void]
MAX_FILE_BYTES: int
MAX_STEPS: int

@final
class MidiFile:
    @property
    def format(self) -> int: ...
    @property
    def ticks_per_quarter(self) -> int: ...
    @property
    def seconds_per_tick(self) -> float: ...
    @property
    def end_tick(self) -> int: ...
    @property
    def track_names(self) -> tuple[bytes, ...]: ...
    @property
    def notes(self) -> NDArray[void]: ...
    @property
    def tempos(self) -> NDArray[void]: ...
    @property
    def time_signatures(self) -> NDArray[void]: ...
    @property
    def damage(self) -> MidiError | None: ...

@final
class GridWindows:
    @property
    def rows(self) -> NDArray[float32]: ...  # (n, steps, 27)
    @property
    def velocities(self) -> NDArray[uint8]: ...  # (n, steps, 9)
    @property
    def start_steps(self) -> NDArray[int64]: ...  # (n,)
    @property
    def qpms(self) -> NDArray[float64]: ...  # (n,)

@final
class Placements:
    @property
    def too_long(self) -> bool: ...
    @property
    def notes(self) -> NDArray[void]: ...  # note, leader, row, drum
    @property
    def rows(self) -> NDArray[void]: ...  # tick, first_tick, last_tick
    @property
    def bars(
        self,
    ) -> NDArray[void]: ...  # first_tick, end_tick, num_steps, song, number, numerator, denominator
    @property
    def played(self) -> NDArray[float32]: ...  # (rows, 27)

@final
class BarLines:
    def __new__(cls, meters: Iterable[tuple[float, int, int]]) -> BarLines: ...
    def meters(self) -> list[tuple[float, int, int]]: ...
    def at(self, place: float) -> tuple[int, int, float, float]: ...
    def numbered(self, number: int) -> tuple[int, int, float, float]: ...
    def line(self, place: float) -> float: ...
    def nearest(self, places: NDArray[float64]) -> NDArray[float64]: ...

def read_midi(data: bytes, part: WantedNotes, salvage: bool = False) -> MidiFile: ...
def grid_windows(
    data: bytes,
    pitch_table: bytes,
    steps_per_quarter: int,
    quarters_per_bar: int,
    split_steps: int,
    hop_steps: int,
    part: WantedNotes,
    magenta_compat: bool,
    error_on_unmapped: bool,
) -> GridWindows: ...
def place_notes(
    data: bytes, pitch_table: bytes, steps_per_quarter: int, part: WantedNotes
) -> Placements: ...
