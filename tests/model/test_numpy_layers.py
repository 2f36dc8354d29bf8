"""Steps and products in C++ are those of the formulas, whatever their shapes and however large."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from groovefast._lstm import (
    MOST_WINDOWS,
    QUICK_AT_FEW_WINDOWS,
    advance,
    halved,
    multiply,
    multiply_halves,
)
from groovefast.model import numpy_layers
from groovefast.model.numpy_layers import Product

Array = NDArray[np.float32]


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.tanh(x / 2) / 2 + 0.5


@given(
    units=st.integers(0, 40),
    windows=st.integers(0, 20),
    form=st.sampled_from(["bias", "whole", "a step of many", "the same for all"]),
    scale=st.sampled_from([1e-4, 1.0, 30.0, 1e4]),
    seed=st.integers(0, 99),
)
def test_a_step_is_that_of_the_formulas(
    units: int, windows: int, form: str, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Array:
        return (scale * rng.normal(size=shape)).astype(np.float32)

    known = {
        "bias": lambda: normal(4 * units, 1),
        "whole": lambda: normal(4 * units, windows),
        "a step of many": lambda: normal(4 * units, 3, windows)[:, 1],
        "the same for all": lambda: np.broadcast_to(normal(4 * units, 1), (4 * units, windows)),
    }[form]()
    gates, c = normal(4 * units, windows), normal(units, windows)
    h = np.full_like(c, np.nan)
    i, j, f, o = np.split((gates + known).astype(np.float64), 4)
    c_next = c * sigmoid(f) + sigmoid(i) * np.tanh(j)
    room = 1e-6 * (1 + np.abs(c))
    advance(gates, known, c, h)
    assert (np.abs(c - c_next) < room).all()
    h_next = sigmoid(o) * np.tanh(c.astype(np.float64))
    np.testing.assert_allclose(h, h_next, rtol=2e-6, atol=3e-7)


@pytest.mark.parametrize("extreme", [np.inf, -np.inf, 3e38, -3e38])
def test_the_largest_numbers_saturate(extreme: float) -> None:
    gates = np.full((4, 17), extreme, np.float32)
    c, h = np.ones((2, 1, 17), np.float32)
    advance(gates, np.zeros((4, 1), np.float32), c, h)
    is_open = float(extreme > 0)
    np.testing.assert_allclose(c, 2 * is_open, atol=1e-15)
    np.testing.assert_allclose(h, is_open * np.tanh(2), rtol=1e-6, atol=1e-15)


def test_what_is_no_number_stays_none() -> None:
    gates = np.zeros((4, 33), np.float32)
    gates[0, 5] = np.nan
    c, h = np.zeros((2, 1, 33), np.float32)
    advance(gates, np.zeros((4, 1), np.float32), c, h)
    assert np.flatnonzero(np.isnan(h)).tolist() == [5]


@pytest.mark.parametrize(
    "shapes",
    [
        ((8, 3), (8, 2), (2, 3), (2, 3)),
        ((8, 3), (4, 3), (2, 3), (2, 3)),
        ((7, 3), (7, 3), (2, 3), (2, 3)),
        ((8, 3), (8, 3), (2, 3), (2, 4)),
        ((8, 3), (8, 3), (2, 3), (3, 3)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="shapes that do not fit"):
        advance(*(np.zeros(shape, np.float32) for shape in shapes))


def test_windows_apart_are_refused() -> None:
    known = np.zeros((8, 6), np.float32)[:, ::2]
    with pytest.raises(ValueError, match="side by side"):
        advance(
            *(np.zeros(shape, np.float32) for shape in ((8, 3),)),
            known,
            *np.zeros((2, 2, 3), np.float32),
        )


quick = pytest.mark.skipif(
    not QUICK_AT_FEW_WINDOWS, reason="on this processor products of few windows are left to BLAS"
)


def in_16_bits(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float16).astype(np.float32)


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 70),
    windows=st.integers(1, MOST_WINDOWS),
    seed=st.integers(0, 99),
)
@quick
def test_a_product_of_weights_in_16_bits_is_the_same(
    rows: int, columns: int, windows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    kernel = in_16_bits(rng, rows, columns)
    x = rng.normal(size=(columns, windows)).astype(np.float32)
    halves = halved(kernel)
    assert halves is not None
    np.testing.assert_array_equal(halves.view(np.float16), kernel)
    out = np.full((rows, windows), np.nan, np.float32)
    multiply_halves(halves, x, out)
    np.testing.assert_allclose(out, kernel.astype(np.float64) @ x, atol=1e-5)


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 70),
    others=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    windows=st.integers(1, MOST_WINDOWS),
    seed=st.integers(0, 99),
)
@quick
def test_a_product_of_weights_in_32_bits_is_the_same(
    rows: int, columns: int, others: tuple[int, int], windows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.normal(size=(rows, others[0] + columns + others[1])).astype(np.float32)
    kernel = whole[:, others[0] : others[0] + columns]
    x = rng.normal(size=(columns, windows)).astype(np.float32)
    out = np.full((rows, windows), np.nan, np.float32)
    multiply(kernel, x, out)
    np.testing.assert_allclose(out, kernel.astype(np.float64) @ x, atol=2e-5)


@quick
@pytest.mark.parametrize("turned", [np.transpose, np.flip])
def test_weights_that_do_not_lie_row_by_row_are_refused(turned: Callable[[Array], Array]) -> None:
    x, out = np.ones((5, 2), np.float32), np.empty((5, 2), np.float32)
    with pytest.raises(ValueError, match="side by side"):
        multiply(turned(np.ones((5, 5), np.float32)), x, out)


@pytest.mark.parametrize("place", [0, 7, 8, 18])
@pytest.mark.parametrize("value", [0.1, 70_000.0, 1e-9, np.nan])
def test_what_16_bits_would_change_stays_as_it_is(place: int, value: float) -> None:
    kernel = np.ones((1, 19), np.float32)
    kernel[0, place] = value
    assert halved(kernel) is None
    x, out = np.full((19, 1), 2, np.float32), np.empty((1, 1), np.float32)
    Product(kernel)(x, out)
    np.testing.assert_allclose(out, kernel @ x)


@pytest.mark.parametrize("windows", [1, MOST_WINDOWS, MOST_WINDOWS + 1])
def test_a_kernel_may_be_a_part_of_another(windows: int) -> None:
    rng = np.random.default_rng(windows)
    kernel = in_16_bits(rng, 12, 30)[:, 11:]
    x, out = rng.normal(size=(19, windows)).astype(np.float32), np.empty((12, windows), np.float32)
    Product(kernel)(x, out)
    np.testing.assert_allclose(out, kernel.astype(np.float64) @ x, atol=1e-5)


@quick
@pytest.mark.parametrize("value", [np.inf, -np.inf, 65504.0, -0.0, 6e-8])
def test_the_ends_of_16_bits_are_numbers_of_theirs(value: float) -> None:
    kernel = np.full((2, 9), np.float16(value), np.float32)
    halves = halved(kernel)
    assert halves is not None
    np.testing.assert_array_equal(halves.view(np.float16), kernel)


@quick
@pytest.mark.parametrize(
    ("x", "out", "problem"),
    [
        ((8, 1), (4, 1), "shapes that do not fit"),
        ((9, 2), (4, 1), "shapes that do not fit"),
        ((9, 1), (3, 1), "shapes that do not fit"),
        ((9, 0), (4, 0), "not what products"),
        ((9, MOST_WINDOWS + 1), (4, MOST_WINDOWS + 1), "not what products"),
    ],
)
def test_products_that_do_not_fit_are_refused(
    x: tuple[int, int], out: tuple[int, int], problem: str
) -> None:
    kernel = np.ones((4, 9), np.float32)
    halves = halved(kernel)
    assert halves is not None
    with pytest.raises(ValueError, match=problem):
        multiply_halves(halves, np.zeros(x, np.float32), np.zeros(out, np.float32))
    with pytest.raises(ValueError, match=problem):
        multiply(kernel, np.zeros(x, np.float32), np.zeros(out, np.float32))


@pytest.mark.parametrize("rows", [0, 9])
@pytest.mark.parametrize("windows", [0, 1, 2, MOST_WINDOWS, MOST_WINDOWS + 1])
@pytest.mark.parametrize("divisor", [1, 3])
def test_any_number_of_windows_meets_a_kernel(rows: int, windows: int, divisor: int) -> None:
    rng = np.random.default_rng(windows)
    kernel = in_16_bits(rng, rows, 21) / np.float32(divisor)
    x = rng.normal(size=(21, windows)).astype(np.float32)
    out = np.empty((rows, windows), np.float32)
    Product(kernel)(x, out)
    np.testing.assert_allclose(out, kernel @ x, atol=1e-5)


def test_what_another_processor_kept_is_left_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    kernel, x = in_16_bits(rng, 9, 21), rng.normal(size=(21, 4)).astype(np.float32)
    product, out = Product(kernel), np.empty((9, 4), np.float32)
    product(x, out)
    slow = pickle.loads(pickle.dumps(product))
    monkeypatch.setattr(numpy_layers, "QUICK_AT_FEW_WINDOWS", False)
    for name in ("multiply", "multiply_halves"):
        monkeypatch.setattr(numpy_layers, name, lambda *_: pytest.fail("not on this processor"))
    slow(x, out)
    np.testing.assert_allclose(out, kernel @ x, atol=1e-5)
