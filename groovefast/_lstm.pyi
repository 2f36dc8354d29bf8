from numpy import float32, uint16
from numpy.typing import NDArray

MOST_WINDOWS: int
QUICK_AT_FEW_WINDOWS: bool

def advance(
    gates: NDArray[float32], known: NDArray[float32], c: NDArray[float32], h: NDArray[float32]
) -> None: ...
def halved(kernel: NDArray[float32]) -> NDArray[uint16] | None: ...
def multiply_halves(
    halves: NDArray[uint16], x: NDArray[float32], out: NDArray[float32]
) -> None: ...
def multiply(kernel: NDArray[float32], x: NDArray[float32], out: NDArray[float32]) -> None: ...
