"""What makes a folder of shards a data set of TensorFlow Datasets as well.

TFDS reads two files of JSON beside the shards: what is in a record, and which shards there are.
Both follow from the manifest alone, so that they can be checked against it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

FEATURES = "features.json"
DATASET_INFO = "dataset_info.json"
TFDS_FILES = FEATURES, DATASET_INFO

_CONNECTORS = "tensorflow_datasets.core.features"
_NAMES = "{SPLIT}-{SHARD_X_OF_Y}.{FILEFORMAT}"
"""Of the shards, in TFDS's way of saying it."""
_SPLIT = re.compile(r"(?!all$)[\w-]+")
"""What TFDS can call a split: "all" are all others together."""
_NUM_DRUMS = 9

_Feature = Mapping[str, Any]


class _Shard(Protocol):
    """What is told of a shard; see `manifest.ShardEntry`."""

    @property
    def set_name(self) -> str: ...
    @property
    def records(self) -> int: ...
    @property
    def bytes(self) -> int: ...


def tfds_files(plan: Mapping[str, Any], shards: Iterable[_Shard]) -> dict[str, bytes]:
    """Returns the files that TFDS wants beside the shards of a conversion, by their names.

    With them `tfds.builder_from_directory(folder).as_dataset(split="train[:10%]")` gives its
    records, each set being a split: grids as arrays of (steps, 9) or tokens, the rest by its name.
    Columns of the metadata are text. Sets and columns whose names TFDS cannot have are left out.

    Args:
        plan: What was converted, as the manifest has it.
        shards: All of them, in the order of the plan.
    """
    values = {FEATURES: _features(plan), DATASET_INFO: _dataset_info(plan, shards)}
    return {
        name: (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
        for name, value in values.items()
    }


def _features(plan: Mapping[str, Any]) -> dict[str, Any]:
    representation = _representation(plan)
    own = _of_performances() if representation == "performances" else _of_tokens(representation)
    columns = (plan["metadata"] or {}).get("columns", ())
    texts = {name: _text() for name in columns if _can_be_called(name)}
    return {
        "pythonClassName": f"{_CONNECTORS}.features_dict.FeaturesDict",
        "featuresDict": {"features": {**texts, **own}},
    }


def _of_performances() -> dict[str, _Feature]:
    return {
        "hits": _tensor("uint8", (None, _NUM_DRUMS), raw=True),
        "velocities": _tensor("uint8", (None, _NUM_DRUMS), raw=True),
        "offsets": _tensor("float32", (None, _NUM_DRUMS), raw=True),
        "steps": _tensor("int64"),
        "steps_per_quarter": _tensor("int64"),
        "quarters_per_bar": _tensor("float32"),
        "start_step": _tensor("int64"),
        "qpm": _tensor("float32"),
        # Lists, as what a record has none of is an empty one.
        "tempo_change_steps": _tensor("int64", (None,)),
        "tempo_change_qpms": _tensor("float32", (None,)),
        "track": _tensor("int64", (None,)),
        "source": _text(),
    }


def _of_tokens(representation: str) -> dict[str, _Feature]:
    shape = (None, 3) if representation == "trio" else (None,)
    of_tracks = ("track_steps", "track_start_steps", "track_sub_sequences", "track_programs")
    return {
        "representation": _text(),
        "tokens": _tensor("int16", shape, raw=True),
        **{name: _tensor("int64", (None,)) for name in of_tracks},
        "source": _text(),
    }


def _dataset_info(plan: Mapping[str, Any], shards: Iterable[_Shard]) -> dict[str, Any]:
    by_set: dict[str, list[_Shard]] = defaultdict(list)
    for shard in shards:
        by_set[shard.set_name].append(shard)
    return {
        "name": "groovefast",
        "configName": _representation(plan),
        # The format of the records counts up whenever the same files would give others.
        "version": f"{plan['format'].rpartition(' ')[2]}.0.0",
        "description": "MIDI files as GrooveFast converted them; manifest.json says from what.",
        "fileFormat": "tfrecord",
        "splits": [
            {
                "name": name,
                "filepathTemplate": _NAMES,
                # Whole numbers of 64 bits are text in the JSON of protocol buffers.
                "shardLengths": [str(shard.records) for shard in by_set[name]],
                "numBytes": str(sum(shard.bytes for shard in by_set[name])),
            }
            for name in plan["sets"]
            if _SPLIT.fullmatch(name)
        ],
    }


def _representation(plan: Mapping[str, Any]) -> str:
    representation: str = plan["options"].get("representation", "performances")
    return representation


def _can_be_called(name: str) -> bool:
    """Whether TFDS can have a feature of this name: a slash would be one inside another."""
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8
        return False
    return bool(name) and "/" not in name


def _tensor(dtype: str, shape: tuple[int | None, ...] = (), *, raw: bool = False) -> _Feature:
    """Numbers, in a list or, `raw`, as they lie in memory; None is whatever length they have."""
    dimensions = [str(-1 if size is None else size) for size in shape]
    return {
        "pythonClassName": f"{_CONNECTORS}.tensor_feature.Tensor",
        "tensor": {
            "dtype": dtype,
            "encoding": "bytes" if raw else "none",
            "shape": {"dimensions": dimensions} if shape else {},
        },
    }


def _text() -> _Feature:
    return {"pythonClassName": f"{_CONNECTORS}.text_feature.Text", "text": {}}
