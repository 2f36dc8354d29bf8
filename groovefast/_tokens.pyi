from collections.abc import Iterable
from typing import final

from numpy import float64, int16, int64, void
from numpy.typing import NDArray

MAX_WINDOWS: int
DRUMS: int
MELODY: int
TRIO: int

@final
class TokenWindows:
    @property
    def tokens(self) -> NDArray[int16]: ...  # (n, steps), of trios (n, steps, 3)
    @property
    def sub_sequences(self) -> NDArray[int64]: ...  # (n,)
    @property
    def start_steps(self) -> NDArray[int64]: ...  # (n,), within the sub-sequence
    @property
    def offsets(self) -> NDArray[float64]: ...  # of each sub-sequence, in seconds
    @property
    def none_for(self) -> str: ...  # "notes", "meter", "short" or "many" if there are none

@final
class TokenTracks:
    @property
    def tokens(self) -> NDArray[int16]: ...  # (sum of lengths,), of trios (sum of lengths, 3)
    @property
    def lengths(self) -> NDArray[int64]: ...  # (n,), in steps
    @property
    def sub_sequences(self) -> NDArray[int64]: ...  # (n,)
    @property
    def start_steps(self) -> NDArray[int64]: ...  # (n,), within the sub-sequence
    @property
    def instruments(self) -> NDArray[int64]: ...  # (n,)
    @property
    def programs(self) -> NDArray[int64]: ...  # (n,)
    @property
    def offsets(self) -> NDArray[float64]: ...  # of each sub-sequence, in seconds
    @property
    def none_for(self) -> str: ...  # as of TokenWindows

def token_windows(
    source: bytes | tuple[NDArray[void], NDArray[void], NDArray[void]],
    kind: int,
    drums: bytes,
    slice_bars: int,
    gap_bars: int,
    max_bars: int,
    programs: Iterable[int],
    skip_polyphony: bool = False,
    transpose: int = 0,
) -> TokenWindows: ...
def token_tracks(
    source: bytes | tuple[NDArray[void], NDArray[void], NDArray[void]],
    kind: int,
    drums: bytes,
    slice_bars: int,
    gap_bars: int,
    max_bars: int,
    programs: Iterable[int],
    skip_polyphony: bool = False,
    transpose: int = 0,
) -> TokenTracks: ...
