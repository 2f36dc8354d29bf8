# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""A door to csrc: the steps of an LSTM, and products of few windows."""

import numpy as np

from libc.stdint cimport uint16_t
from libcpp cimport bool as cpp_bool

MOST_WINDOWS = most_windows
"""Of which `multiply` makes a product."""

QUICK_AT_FEW_WINDOWS = few_windows_are_quick()
"""Whether it does on this processor."""

cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass readable "std::span<const float>":
        readable(const float*, size_t)

cdef extern from "few_windows.hpp" namespace "groovefast" nogil:
    cpp_bool few_windows_are_quick()
    cpp_bool to_halves(readable, uint16_t*)
    cdef const size_t most_windows "groovefast::kMostWindows"

    cdef cppclass FewWindows[Weight]:
        size_t rows, columns, stride, windows
        const Weight* kernel
        const float* x
        float* out

    void c_multiply "groovefast::multiply"[Weight](const FewWindows[Weight]&) except +

cdef extern from "lstm.hpp" namespace "groovefast" nogil:
    cdef struct LstmStep:
        size_t units
        size_t windows
        const float* gates
        const float* known
        ptrdiff_t gate_stride
        ptrdiff_t window_stride
        float* c
        float* h

    void c_advance "groovefast::advance"(const LstmStep&)


def advance(const float[:, ::1] gates, const float[:, :] known, float[:, ::1] c, float[:, ::1] h):
    """Leaves the c and h of n windows after a step of a layer, in place of those before.

    Args:
        gates: The products of the step, in the order i, j, f, o: (4 * units, n).
        known: What is to be added to them, (4 * units, n), or (4 * units, 1) for all alike.
        c: (units, n).
        h: (units, n); only written.

    Raises:
        ValueError: Shapes that do not fit each other.
    """
    cdef Py_ssize_t units = c.shape[0], n = c.shape[1]
    if (
        gates.shape[0] != 4 * units or gates.shape[1] != n or h.shape[0] != units
        or h.shape[1] != n or known.shape[0] != 4 * units or known.shape[1] not in (1, n)
    ):
        raise ValueError("gates, known, c and h: shapes that do not fit each other")
    if not units * n:
        return
    cdef Py_ssize_t item = sizeof(float)
    cdef Py_ssize_t between = known.strides[1] if known.shape[1] > 1 else 0
    if between not in (0, item):
        raise ValueError("known: windows wanted side by side")
    cdef LstmStep step = LstmStep(
        units, n, &gates[0, 0], &known[0, 0], known.strides[0] // item, between // item,
        &c[0, 0], &h[0, 0]
    )
    with nogil:
        c_advance(step)


def halved(const float[:, ::1] kernel):
    """Returns a kernel in 16 bits, (rows, columns), or None.

    None is returned where that would change a number, or where this processor would not be the
    faster for it.
    """
    cdef Py_ssize_t rows = kernel.shape[0], columns = kernel.shape[1]
    if not rows * columns or not few_windows_are_quick():
        return None
    halves = np.empty((rows, columns), np.uint16)
    cdef uint16_t[:, ::1] into = halves
    cdef cpp_bool is_exact
    with nogil:
        is_exact = to_halves(readable(&kernel[0, 0], rows * columns), &into[0, 0])
    return halves if is_exact else None


def multiply_halves(const uint16_t[:, ::1] halves, const float[:, ::1] x, float[:, ::1] out):
    """Leaves kernel·x in `out`, of up to `MOST_WINDOWS` windows.

    Args:
        halves: Of `halved`, (rows, columns).
        x: (columns, n).
        out: (rows, n).

    Raises:
        ValueError: Shapes that do not fit each other, or too many windows.
    """
    check_product(halves.shape[0], halves.shape[1], x, out)
    cdef FewWindows[uint16_t] product
    product.rows, product.columns, product.windows = halves.shape[0], halves.shape[1], x.shape[1]
    product.stride = product.columns
    product.kernel, product.x, product.out = &halves[0, 0], &x[0, 0], &out[0, 0]
    with nogil:
        c_multiply(product)


def multiply(const float[:, :] kernel, const float[:, ::1] x, float[:, ::1] out):
    """Leaves kernel·x in `out`, of up to `MOST_WINDOWS` windows.

    Args:
        kernel: (rows, columns), or some columns of one.
        x: (columns, n).
        out: (rows, n).

    Raises:
        ValueError: Shapes that do not fit each other, or too many windows.
    """
    check_product(kernel.shape[0], kernel.shape[1], x, out)
    cdef Py_ssize_t item = sizeof(float)
    if kernel.strides[1] != item or kernel.strides[0] < 0:
        raise ValueError("kernel: columns wanted side by side")
    cdef FewWindows[float] product
    product.rows, product.columns, product.windows = kernel.shape[0], kernel.shape[1], x.shape[1]
    product.stride = kernel.strides[0] // item
    product.kernel, product.x, product.out = &kernel[0, 0], &x[0, 0], &out[0, 0]
    with nogil:
        c_multiply(product)


cdef check_product(Py_ssize_t rows, Py_ssize_t columns, const float[:, ::1] x, float[:, ::1] out):
    """Raises an error where a kernel does not meet `x` in `out`, or few windows are not quick."""
    cdef Py_ssize_t n = x.shape[1]
    if x.shape[0] != columns or out.shape[0] != rows or out.shape[1] != n:
        raise ValueError("kernel, x and out: shapes that do not fit each other")
    if not 0 < n <= most_windows or not rows * columns or not few_windows_are_quick():
        raise ValueError("kernel: not what products of few windows are made of")
