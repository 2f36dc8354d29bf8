import pytest
import tensorflow as tf

from groovefast import devices
from groovefast.devices import choose_precision

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
