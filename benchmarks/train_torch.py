"""GrooVAE in PyTorch, as one would write it for a GPU: the peer in `gpu_train.py`.

`nn.LSTM`, autocast, fused Adam; the batch already lies on the device. The network and its losses
are GrooveFast's (teacher forcing); it is not trained to any use, so details that cost no time, such
as initial weights, are PyTorch's.
"""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from training_worker import PRECISIONS, Steps, serve_training, task

AUTOCAST = {"mixed_bfloat16": torch.bfloat16, "mixed_float16": torch.float16}


class GrooVAE(nn.Module):
    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        depth, z_size = options["depth"], options["z_size"]
        self.drop = nn.Dropout(options["dropout"])
        levels, width = [], depth
        for units in options["enc_rnn_size"]:
            levels.append(nn.LSTM(width, units, batch_first=True, bidirectional=True))
            width = 2 * units
        self.encoder = nn.ModuleList(levels)
        self.mu, self.sigma = nn.Linear(width, z_size), nn.Linear(width, z_size)
        self.dec_sizes = options["dec_rnn_size"]
        self.to_states = nn.Linear(z_size, 2 * sum(self.dec_sizes))
        layers, width = [], depth + z_size
        for units in self.dec_sizes:
            layers.append(nn.LSTM(width, units, batch_first=True))
            width = units
        self.decoder = nn.ModuleList(layers)
        self.output = nn.Linear(width, depth)
        self.free_nats, self.beta = options["free_bits"] * math.log(2), options["max_beta"]

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """The total loss of a batch, (n, steps, depth)."""
        x = windows
        for level in self.encoder:
            x, (h, _) = level(self.drop(x))
        end = torch.cat([h[0], h[1]], -1)
        mu, sigma = self.mu(end).float(), functional.softplus(self.sigma(end).float())
        z = mu + sigma * torch.randn_like(mu)
        logits = self.decode(windows, z).float()
        kl = 0.5 * (sigma**2 + mu**2 - 1 - 2 * sigma.log()).sum(1)
        kl_loss = (kl - self.free_nats).clamp(min=0)
        return reconstruction(logits, windows).mean() + self.beta * kl_loss.mean()

    def decode(self, windows: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        steps = windows.shape[1]
        previous = functional.pad(windows[:, :-1], (0, 0, 1, 0))
        x = torch.cat([previous, z[:, None].expand(-1, steps, -1)], -1)
        sizes = [size for size in self.dec_sizes for _ in "ch"]
        states = torch.tanh(self.to_states(z)).split(sizes, 1)
        for layer, c, h in zip(self.decoder, states[::2], states[1::2], strict=True):
            x, _ = layer(self.drop(x), (h[None].contiguous(), c[None].contiguous()))
        return self.output(x)


def reconstruction(logits: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Loss of each window."""
    hits, velocities, offsets = logits.chunk(3, -1)
    true_hits, true_velocities, true_offsets = windows.chunk(3, -1)
    log_loss = functional.binary_cross_entropy_with_logits(hits, true_hits, reduction="none")
    squares = (velocities.sigmoid() - true_velocities) ** 2 + (offsets.tanh() - true_offsets) ** 2
    return (log_loss + squares).sum((1, 2))


def trainer(options: dict[str, Any], precision: str, device: torch.device) -> Steps:
    """The steps of a fresh model, always on the same batch."""
    model = GrooVAE(options).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "mixed_float16")
    shape = (options["batch_size"], options["steps"], options["depth"])
    windows = (torch.rand(shape, device=device) < 0.13).float()

    def autocast() -> contextlib.AbstractContextManager[None]:
        if precision not in AUTOCAST:
            return contextlib.nullcontext()
        cast: contextlib.AbstractContextManager[None] = torch.autocast(
            device.type, AUTOCAST[precision]
        )
        return cast

    def steps(count: int) -> float:
        for _ in range(count):
            with autocast():
                loss = model(windows)
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
        return float(loss.detach())  # waits for the device

    return steps


def profile(steps: Steps) -> str:
    with torch.profiler.profile() as profiler:
        steps(1)
    return json.dumps([event.key for event in profiler.key_averages()])


def main() -> None:
    options = task()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    # PyTorch has no float16 LSTM for a CPU.
    possible = [p for p in PRECISIONS if device.type == "cuda" or p != "mixed_float16"]
    train = {precision: trainer(options, precision, device) for precision in possible}
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    serve_training(torch.__version__, name, train, profile)


if __name__ == "__main__":
    main()
