from numpy import float32
from numpy.typing import NDArray

def advance(
    gates: NDArray[float32], known: NDArray[float32], c: NDArray[float32], h: NDArray[float32]
) -> None: ...
