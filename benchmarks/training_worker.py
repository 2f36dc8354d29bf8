"""What the workers of `gpu_train.py` share: how they are asked, and which kernels to look for."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from worker import serve

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

Steps = Callable[[int], float]
"""Does so many training steps, waits for the device, and returns the loss."""

_RNN_KERNEL = re.compile(
    r"\w*RNN_\w*|\w*elemWiseRNN\w*|LSTM_elementWise\w*|\w*persistRNN\w*|\w*[Cc]udnn\w*(?:RNN|rnn)\w*"
)


def task() -> dict[str, Any]:
    """What `gpu_train.py` started this process for."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    return options


def rnn_kernels(text: str) -> list[str]:
    """Names of cuDNN's RNN kernels in what a profiler wrote."""
    return sorted({match.group() for match in _RNN_KERNEL.finditer(text)})


def serve_training(
    version: str, device: str, train: Mapping[str, Steps], profile: Callable[[Steps], str]
) -> None:
    """Answers requests for steps, timed, and for a profile of a step.

    Args:
        version: Of the framework.
        device: Where it trains.
        train: The steps in each precision.
        profile: What the profiler says of a single step.
    """

    def work(request: dict[str, Any]) -> dict[str, Any]:
        steps = train[request["precision"]]
        if request.get("profile"):
            return {"kernels": rnn_kernels(profile(steps))}
        start = time.perf_counter()
        loss = steps(request["steps"])
        return {"seconds": time.perf_counter() - start, "loss": loss}

    serve({"version": version, "device": device, "precisions": list(train)}, work)
