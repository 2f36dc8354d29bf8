"""How often a model of tokens says the right one, as the paper's table of reconstructions counts.

Each window is encoded and decoded again. With *teacher forcing* the decoder hears the true tokens
before each step, with *sampling* those that it has drawn itself: then all it can say is from z, and
mistakes go on. In Roberts et al., "A Hierarchical Latent Vector Model for Learning Long-Term
Structure in Music" (ICML 2018), that is where a conductor shows.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from groovefast.config import MAX_SEED, Config
from groovefast.errors import GrooveFastError, OptionError, check_whole
from groovefast.model.groovae import GrooVAE
from groovefast.shards.find import DataPattern
from groovefast.windows.dataset import load_dataset
from groovefast.windows.token_rows import TokenLayout


class PartAccuracy(NamedTuple):
    """The share of steps of a part whose likeliest token is the true one.

    Attributes:
        part: "drums", "melody" or "bass".
        teacher_forcing: After the true tokens before.
        sampling: After the model's own draws, at a temperature of 1.
        commonest: Of one that always says the token that is commonest in these windows.
    """

    part: str
    teacher_forcing: float
    sampling: float
    commonest: float


@dataclasses.dataclass(frozen=True)
class TokenEvaluation:
    """What is known of a model of tokens.

    Attributes:
        config: Of the model.
        windows: How many it was measured on.
        parts: How often it is right, by part.
        losses: Means over windows, in nats: `r_loss` with teacher forcing, `r_loss_sampling`, and
            `kl`.
    """

    config: Config
    windows: int
    parts: tuple[PartAccuracy, ...]
    losses: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        return {
            "config": self.config.to_dict(),
            "windows": self.windows,
            "accuracy": {part.part: {**part._asdict()} for part in self.parts},
            "losses": self.losses,
        }


def evaluate_tokens(
    model: GrooVAE, data: DataPattern, *, batch_size: int = 128, seed: int = 0
) -> TokenEvaluation:
    """Measures a model of tokens on converted files.

    Args:
        model: One of tokens, in TensorFlow.
        data: Shards, see `shards.find.find_shards`. At most `TokensConfig.max_windows` windows are
            taken of a file, as in training.
        batch_size: Windows the model is given at once.
        seed: Of the windows, of z = mu + sigma·eps and of the model's draws.

    Raises:
        GrooveFastError: Data that cannot be used, see `load_dataset`, or a model of performances.
        OptionError: An option out of its range.
    """
    check_whole("seed", seed, 0, MAX_SEED)
    if not isinstance(model, GrooVAE):
        raise OptionError("model", 'one of TensorFlow wanted: load_model(…, backend="tensorflow")')
    tokens = model.config.tokens
    if tokens is None:
        raise GrooveFastError(
            f"model: {model.config.name} is not of tokens; `evaluate` measures it"
        )
    parts = tokens.parts
    keys = [f"accuracy/output_{part}" for part in range(len(parts))] if parts[1:] else ["accuracy"]
    names = [*keys, "r_loss", "kl"]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def measured(inputs: tf.Tensor, outputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Of a batch, with teacher forcing and with its own draws, (2, names)."""
        both = (
            model.losses(inputs, outputs, sampling_probability=own, seed=seed) for own in (0.0, 1.0)
        )
        return tf.stack([[tf.reduce_mean(losses[name]) for name in names] for losses in both])

    sums, windows = np.zeros((2, len(names))), 0
    counts = [np.zeros(size, np.int64) for size in TokenLayout.of(tokens).tokens]
    batches = load_dataset(data, model.config, batch_size, shuffle=False, seed=seed)
    for number, (inputs, outputs, _) in enumerate(batches):
        n = len(inputs)
        batch_seed = tf.random.fold_in(tf.constant([seed, 0], tf.int32), number)
        sums += n * measured(inputs, outputs, batch_seed).numpy()
        windows += n
        for count, part in zip(counts, outputs.numpy().reshape(-1, len(parts)).T, strict=True):
            count += np.bincount(part, minlength=len(count))
    forced, own = (dict(zip(names, means, strict=True)) for means in (sums / windows).tolist())
    return TokenEvaluation(
        model.config,
        windows,
        tuple(
            PartAccuracy(part, forced[key], own[key], float(count.max() / count.sum()))
            for part, key, count in zip(parts, keys, counts, strict=True)
        ),
        {"r_loss": forced["r_loss"], "r_loss_sampling": own["r_loss"], "kl": forced["kl"]},
    )
