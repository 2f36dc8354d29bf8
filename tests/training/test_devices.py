import types

import pytest
import tensorflow as tf

from groovefast.errors import GrooveFastError, WorkerLostError
from groovefast.training import devices
from groovefast.training.devices import choose_precision, choose_strategy, is_chief

CPU = tf.distribute.OneDeviceStrategy("CPU:0")


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("fma avx2", "float32"), ("avx512_bf16", "mixed_bfloat16"), ("amx_bf16", "mixed_bfloat16")],
)
def test_auto_is_the_fastest_precision_of_the_cpu(tmp_path, monkeypatch, flags, precision):
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nflags : fpu {flags} avx\n")
    monkeypatch.setattr(devices, "_CPU_INFO", info)
    assert choose_precision("auto", CPU) == precision
    assert choose_precision("float32", CPU) == "float32"


def test_auto_is_float32_where_the_cpu_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "_CPU_INFO", tmp_path / "none")
    assert choose_precision("auto", CPU) == "float32"


@pytest.mark.parametrize(
    ("jobs", "task", "chief"),
    [
        ({"worker": ["a:1", "b:1"]}, ("worker", 0), True),
        ({"worker": ["a:1", "b:1"]}, ("worker", 1), False),
        ({"chief": ["a:1"], "worker": ["b:1"]}, ("chief", 0), True),
        ({"chief": ["a:1"], "worker": ["b:1"]}, ("worker", 0), False),
    ],
)
def test_one_process_of_a_cluster_writes(jobs, task, chief):
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(jobs), task_type=task[0], task_id=task[1]
    )
    strategy = types.SimpleNamespace(cluster_resolver=resolver)
    assert is_chief(strategy) == chief


def test_a_chief_counts_among_those_that_train(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}}')
    joined = []
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda: joined.append(1))
    choose_strategy()
    assert joined


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (tf.errors.UnavailableError(None, None, "not there\nat all"), WorkerLostError),
        (ValueError("not there"), GrooveFastError),
    ],
)
def test_a_cluster_that_cannot_be_joined(monkeypatch, error, kind):
    def join() -> None:
        raise error

    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", join)
    with pytest.raises(kind, match=r"^TF_CONFIG: the cluster cannot be joined \(not there\)$") as e:
        choose_strategy()
    assert type(e.value) is kind


def test_cpu_only_leaves_the_gpu_alone(monkeypatch):
    visible = {"GPU": ["GPU:0"]}
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: visible[kind])
    monkeypatch.setattr(
        tf.config, "set_visible_devices", lambda devices, kind: visible.update({kind: devices})
    )
    assert "CPU" in choose_strategy(device="cpu").extended.worker_devices[0]
    assert visible == {"GPU": []}


def test_a_gpu_that_this_process_may_not_see_is_none(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["GPU:0"])
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _: [])
    with pytest.raises(GrooveFastError, match=r"^device: .*no GPU"):
        choose_strategy(device="gpu")


def test_a_gpu_in_use_cannot_be_left_alone(monkeypatch):
    def refuse(*_: object) -> None:
        raise RuntimeError("cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _: ["GPU:0"])
    monkeypatch.setattr(tf.config, "set_visible_devices", refuse)
    with pytest.raises(GrooveFastError, match=r"^device: TensorFlow uses the GPU already"):
        choose_strategy(device="cpu")
