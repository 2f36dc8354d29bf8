# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""A door to csrc: what a step of an LSTM does between its products."""

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
