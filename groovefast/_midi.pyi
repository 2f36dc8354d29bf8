from numpy import dtype, float32, float64, int64, uint8, void
from numpy.typing import NDArray

from groovefast.errors import MidiError

NOTE_DTYPE: dtype[void]
TEMPO_DTYPE: dtype[void]
TIME_SIGNATURE_DTYPE: dtype[void]

_Part = tuple[int, int, tuple[bytes, ...]]

def read_midi(
    data: bytes, part: _Part, salvage: bool = False
) -> tuple[
    int,
    int,
    float,
    int,
    tuple[bytes, ...],
    NDArray[void],
    NDArray[void],
    NDArray[void],
    MidiError | None,
]: ...
def grid_windows(
    data: bytes,
    pitch_table: bytes,
    steps_per_quarter: int,
    quarters_per_bar: int,
    split_steps: int,
    hop_steps: int,
    part: _Part,
    magenta_compat: bool,
    error_on_unmapped: bool,
) -> tuple[NDArray[float32], NDArray[uint8], NDArray[int64], NDArray[float64]]: ...

MAX_FILE_BYTES: int
