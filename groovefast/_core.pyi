from numpy import dtype, float32, float64, int64, uint8, void
from numpy.typing import NDArray

NOTE_DTYPE: dtype[void]
TEMPO_DTYPE: dtype[void]
TIME_SIGNATURE_DTYPE: dtype[void]

def read_midi(
    data: bytes, all_channels: bool
) -> tuple[int, int, float, NDArray[void], NDArray[void], NDArray[void]]: ...
def grid_windows(
    data: bytes,
    pitch_table: bytes,
    steps_per_quarter: int,
    quarters_per_bar: int,
    split_steps: int,
    hop_steps: int,
    all_channels: bool,
    magenta_compat: bool,
    error_on_unmapped: bool,
) -> tuple[NDArray[float32], NDArray[uint8], NDArray[int64], NDArray[float64]]: ...
