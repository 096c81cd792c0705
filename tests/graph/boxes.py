"""Checks of what an op says of itself: its table of what it reads, its calls, its kernel on a stack.

For the ops of any dialect; a case is an op and arrays for its operands.
"""

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import TensorType

from dialects.calls import called_op
from dialects.element_types import element_type, storage_type
from dialects.graph import GraphOp
from dialects.graph.evaluation import kernel_arguments
from dialects.graph.kernels import Array
from dialects.graph.properties import to_dictionary
from dialects.indexing import Access, Along, Anywhere, Indexing, Whole
from tests.graph.cases import Draw

Box = tuple[tuple[int, int], ...]


def random_box(draw: Draw, shape: tuple[int, ...], granularity: tuple[int, ...]) -> Box:
    """A box of a result, cut where the table allows it."""
    box: list[tuple[int, int]] = []
    for size, step in zip(shape, granularity, strict=True):
        cuts = [0, size] if step == 0 else sorted({*range(0, size, step), size})
        low = draw(st.integers(0, len(cuts) - 2))
        box.append((cuts[low], cuts[draw(st.integers(low + 1, len(cuts) - 1))]))
    return tuple(box)


def part_of(array: Array, table: tuple[Access, ...], box: Box, padding: float) -> Array:
    """What the table says that the op reads of an operand, with padding where it lies outside."""
    assert len(table) == array.ndim
    for d, access in enumerate(table):
        match access:
            case Whole() | Anywhere():
                continue
            case Along():
                low, high = access.interval(*box[access.dim])
                array = interval(array, d, low, high, padding)
    return array


def interval(array: Array, d: int, low: int, high: int, padding: float) -> Array:
    size = array.shape[d]
    inside = array[(slice(None),) * d + (slice(max(low, 0), min(high, size)),)]
    widths = [(0, 0)] * array.ndim
    widths[d] = (max(0, min(-low, high - low)), max(0, min(high - size, high - low)))
    return np.pad(inside, widths, constant_values=padding) if any(widths[d]) else inside


def computed(op: GraphOp, table: Indexing, operands: list[Array], box: Box) -> Array:
    """The box of the result, computed from the boxes of the operands alone."""
    parts = [part_of(array, access, box, op.padding) for array, access in zip(operands, table.operands, strict=True)]
    arguments = op.local_arguments()
    if op.NEEDS_SHAPE:
        arguments["shape"] = tuple(high - low for low, high in box)
    return np.asarray(op.kernel()(*parts, **arguments))


def check_call(op: GraphOp, table: Indexing, operands: list[Array], box: Box) -> GraphOp:
    """The call of the kernel for a box, on what memory holds, is known to be an op of its kind, which is returned."""
    parts = [part_of(array, access, box, op.padding) for array, access in zip(operands, table.operands, strict=True)]
    types = [TensorType(element_type(part.dtype), part.shape) for part in parts]
    result = TensorType(storage_type(op.result_type.element_type), [high - low for low, high in box])
    called = called_op(op.kernel_name(), to_dictionary(op.local_arguments()).data, types, result)
    assert type(called) is type(op)
    return called


def check_box(op: GraphOp, operands: list[Array], draw: Draw) -> GraphOp:
    """A box of the result follows from the boxes of the operands that the table names. Returns the op that makes it."""
    table = op.indexing()
    whole = np.asarray(op.kernel()(*operands, **kernel_arguments(op)))
    assert whole.shape == op.result_type.get_shape()
    box = random_box(draw, whole.shape, table.granularity)
    check_same(op, computed(op, table, operands, box), whole[tuple(slice(low, high) for low, high in box)])
    return check_call(op, table, operands, box)


def check_stack(op: GraphOp, first: list[Array]) -> None:
    """The op's kernel on a stack of operands makes a stack of results."""
    second = [np.flip(array).copy() for array in first]  # NumPy's last bit depends on the strides
    arguments = kernel_arguments(op)
    each = [np.asarray(op.kernel()(*operands, **arguments)) for operands in (first, second)]
    broadcasts = "rhs" in dir(op) and not op.kernel_name().endswith("matmul")
    rank = max(array.ndim for array in first) if broadcasts else 0
    stacked = [with_rank(np.stack(pair), rank + 1) for pair in zip(first, second, strict=True)]
    check_same(op, np.asarray(op.kernel()(*stacked, **arguments)), np.stack(each))


def check_same(op: GraphOp, actual: Array, expected: Array) -> None:
    """Results are equal, but for the last bits of sums in BLAS."""
    assert actual.shape == expected.shape
    if op.FOLDS or expected.dtype.kind in "iub":
        np.testing.assert_array_equal(actual, expected)
    else:  # BLAS sums in an order of its own
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def with_rank(stack: Array, rank: int) -> Array:
    """Element-wise operands of a stack have equal rank."""
    return stack.reshape(stack.shape[0], *(1,) * (rank - stack.ndim), *stack.shape[1:])
