"""Every op's table says what it reads: any box of the result follows from the boxes of operands that it names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import TensorType

from dialects.element_types import element_type
from dialects.graph import GRAPH_OPS, GraphOp
from dialects.graph.calls import called_op
from dialects.graph.evaluation import kernel_arguments
from dialects.graph.kernels import Array
from dialects.graph.pooling import AveragePoolOp
from dialects.graph.properties import to_dictionary
from dialects.graph.recurrence import RECURRENCE_OPS
from dialects.indexing import Access, Along, Anywhere, Indexing, Whole
from tests.graph.cases import Draw, random_case

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
    parts = [part_of(array, access, box, op.PADDING) for array, access in zip(operands, table.operands, strict=True)]
    arguments = op.local_arguments()
    if op.NEEDS_SHAPE:
        arguments["shape"] = tuple(high - low for low, high in box)
    return np.asarray(op.kernel()(*parts, **arguments))


def check_call(op: GraphOp, table: Indexing, operands: list[Array], box: Box) -> None:
    """The call of the kernel for a box is known to be an op of its kind."""
    parts = [part_of(array, access, box, op.PADDING) for array, access in zip(operands, table.operands, strict=True)]
    types = [TensorType(element_type(part.dtype), part.shape) for part in parts]
    result = TensorType(op.result_type.element_type, [high - low for low, high in box])
    arguments = to_dictionary(op.local_arguments()).data
    assert type(called_op(op.kernel_name(), arguments, types, result)) is type(op)


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=40)
@given(data=st.data())
def test_a_box_follows_from_the_boxes_in_the_table(kind: type[GraphOp], data: st.DataObject) -> None:
    op, operands = random_case(data.draw, kind)
    table = op.indexing()
    whole = np.asarray(op.kernel()(*operands, **kernel_arguments(op)))
    assert whole.shape == op.result_type.get_shape()
    box = random_box(data.draw, whole.shape, table.granularity)
    expected = whole[tuple(slice(low, high) for low, high in box)]
    check_call(op, table, operands, box)
    actual = computed(op, table, operands, box)
    assert actual.shape == expected.shape
    if op.FOLDS:
        np.testing.assert_array_equal(actual, expected)
    else:  # BLAS sums in an order of its own
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", RECURRENCE_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=20)
@given(data=st.data())
def test_parts_in_order_are_the_whole(kind: type[GraphOp], data: st.DataObject) -> None:
    """Along a dimension that is carried, a part follows from its operands and the last position of the part before."""
    op, operands = random_case(data.draw, kind)
    table = op.indexing()
    assert table.carried is not None
    dim = table.carried.dim
    whole = op.kernel()(*operands, **op.arguments())
    cut = data.draw(st.integers(0, whole.shape[dim]))
    parts: list[Array] = []
    for low, high in ((0, cut), (cut, whole.shape[dim])):
        box = tuple((low, high) if d == dim else (0, size) for d, size in enumerate(whole.shape))
        if low == high:
            continue
        parts.append(computed(op, table, operands, box))
        for state in table.carried.operands:
            operands[state] = np.take(parts[-1], [-1], axis=dim)[: operands[state].shape[0]]
    np.testing.assert_allclose(np.concatenate(parts, axis=dim), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", GRAPH_OPS, ids=lambda kind: kind.kernel_name())
@settings(max_examples=20)
@given(data=st.data())
def test_a_kernel_on_a_stack_is_the_kernel_on_each(kind: type[GraphOp], data: st.DataObject) -> None:
    op, first = random_case(data.draw, kind)
    second = [np.flip(array).copy() for array in first]  # NumPy's last bit depends on the strides
    arguments = kernel_arguments(op)
    each = [np.asarray(op.kernel()(*operands, **arguments)) for operands in (first, second)]
    rank = max(array.ndim for array in first) if "rhs" in dir(kind) and kind.kernel_name() != "matmul" else 0
    stacked = [with_rank(np.stack(pair), rank + 1) for pair in zip(first, second, strict=True)]
    together = op.kernel()(*stacked, **arguments)
    if op.FOLDS:
        np.testing.assert_array_equal(together, np.stack(each))
    else:
        np.testing.assert_allclose(together, np.stack(each), rtol=1e-5, atol=1e-6)


def with_rank(stack: Array, rank: int) -> Array:
    """Element-wise operands of a stack have equal rank."""
    return stack.reshape(stack.shape[0], *(1,) * (rank - stack.ndim), *stack.shape[1:])


def test_a_wrong_table_is_noticed() -> None:
    """The check above can fail: a halo of one row too few gives other values."""
    rng = np.random.default_rng(0)
    operand = rng.standard_normal((1, 6, 1, 1)).astype(np.float32)
    kernel = {"kernel_shape": (3, 1), "strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0)}
    whole = AveragePoolOp.kernel()(operand, **kernel)
    short = np.concatenate([interval(operand, 1, 2, 4, 0.0), np.zeros((1, 1, 1, 1), np.float32)], axis=1)
    assert not np.array_equal(AveragePoolOp.kernel()(short, **kernel), whole[:, 2:3])
