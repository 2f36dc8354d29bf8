import os
import sys
from pathlib import Path

import pytest

from groovefast.errors import GrooveFastError
from groovefast.shards.find import find_shards


def touch(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / name for name in names]
    for path in paths:
        path.touch()
    return paths


def numbered(name: str, count: int) -> list[str]:
    return [f"{name}-{index:05d}-of-{count:05d}.tfrecord" for index in range(count)]


def test_pattern_takes_one_split(tmp_path):
    train = touch(tmp_path, *numbered("train", 3))
    touch(tmp_path, *numbered("test", 2))
    assert find_shards(str(tmp_path / "train-*.tfrecord")) == train
    assert find_shards(tmp_path / "train-*") == train


def test_relative_pattern(tmp_path, monkeypatch):
    touch(tmp_path, *numbered("train", 2))
    monkeypatch.chdir(tmp_path)
    assert find_shards("train-*.tfrecord") == [Path(name) for name in numbered("train", 2)]


def test_pattern_may_run_over_folders(tmp_path):
    shards = [*touch(tmp_path / "a", "x.tfrecord"), *touch(tmp_path / "b", "x.tfrecord")]
    assert find_shards(tmp_path / "*" / "x.tfrecord") == shards


def test_folder_of_one_set(tmp_path):
    shards = touch(tmp_path, *numbered("windows", 2))
    touch(tmp_path, "report.json")
    assert find_shards(tmp_path) == shards


def test_several_sources_each_file_once(tmp_path):
    shards = touch(tmp_path, *numbered("train", 2))
    assert find_shards([shards[1], tmp_path / "train-*"]) == [shards[1], shards[0]]


def test_unfinished_files_are_left_out(tmp_path):
    shards = touch(tmp_path, *numbered("train", 2))
    touch(tmp_path, f"{shards[0].name}.tmp", f".{shards[0].name}", f"{shards[1].name}~")
    assert find_shards(tmp_path / "*train-*") == shards
    assert find_shards(tmp_path) == shards


def test_some_shards_of_a_whole_set(tmp_path):
    shards = touch(tmp_path, *numbered("train", 4))
    assert find_shards(tmp_path / "train-0000[12]-of-*") == shards[1:3]
    assert find_shards(shards[3]) == shards[3:]


def test_a_shard_copied_by_itself(tmp_path):
    shard = tmp_path / "train-00003-of-00008.tfrecord"
    shard.touch()
    assert find_shards(shard) == [shard]


def test_missing_shard_is_named(tmp_path):
    touch(tmp_path, *numbered("train", 4))
    (tmp_path / "train-00002-of-00004.tfrecord").unlink()
    with pytest.raises(GrooveFastError, match=r"train-00002-of-00004\.tfrecord: .*missing"):
        find_shards(tmp_path / "train-*.tfrecord")
    with pytest.raises(GrooveFastError, match="train-00002-of-00004"):
        find_shards(tmp_path)


def test_two_conversions_in_one_folder(tmp_path):
    touch(tmp_path, *numbered("train", 2), *numbered("train", 4))
    with pytest.raises(GrooveFastError, match="two conversions"):
        find_shards(tmp_path / "train-*.tfrecord")
    assert len(find_shards(tmp_path / "train-*-of-00004.tfrecord")) == 4


def test_no_match_says_what_is_there(tmp_path):
    touch(tmp_path, *numbered("test", 2), "all.tfrecord")
    with pytest.raises(GrooveFastError, match=r"holds all\.tfrecord, test-\*\.tfrecord"):
        find_shards(tmp_path / "train-*.tfrecord")
    with pytest.raises(GrooveFastError, match="no such file"):
        find_shards(tmp_path / "train.tfrecord")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="there ** may be part of a name")
def test_a_pattern_that_is_none(tmp_path):
    with pytest.raises(GrooveFastError, match=r"train-\*\*: no such pattern"):
        find_shards(tmp_path / "train-**")


def test_no_such_folder(tmp_path):
    with pytest.raises(GrooveFastError, match="there is no folder"):
        find_shards(tmp_path / "nowhere" / "train-*")


def test_folder_without_shards(tmp_path):
    with pytest.raises(GrooveFastError, match="groovefast-convert"):
        find_shards(tmp_path)


def test_folder_of_several_sets(tmp_path):
    touch(tmp_path, *numbered("test", 1), *numbered("train", 2))
    with pytest.raises(GrooveFastError, match=f"several sets.*{os.sep}train-"):
        find_shards(tmp_path)


def test_empty_list():
    with pytest.raises(GrooveFastError, match="empty list"):
        find_shards([])
