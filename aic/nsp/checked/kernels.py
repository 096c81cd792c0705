"""Kernels on single cores with the bits of fast mode, which calls a kernel once for many cores."""

from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.ir import SSAValue

from aic.nsp.checked.access import Memory
from aic.nsp.checked.runs import Run
from aic.nsp.values.kernel_call import kernel_step
from aic.nsp.values.kernel_calls import KernelCall, kernel_calls
from aic.nsp.values.memory import Held
from dialects.element_types import held_dtype, stored_dtype
from dialects.graph.kernels import Array
from dialects.tile.buffers import AllocOp, type_of
from dialects.tile.instructions import ComputeOp


class KernelRun(Run):
    """`tile.compute`: every core applies the kernel to its boxes."""

    def __init__(
        self, memory: Memory, held: Mapping[SSAValue, Held], op: ComputeOp, iteration: tuple[int, ...], turn: int
    ) -> None:
        """`held`: the memory of fast mode, which says which cores one call of the kernel serves."""
        super().__init__(memory, op, iteration, turn)
        self._kernel = op
        self._boxes = [box.bounds(memory.cores, iteration) for _, box in op.accesses()]
        self._calls: dict[int, _SharedCall] = {}
        for call in kernel_calls(op, iteration, memory.cores, held):
            shared = _SharedCall(op, call, held)
            self._calls |= dict.fromkeys(shared.places, shared)

    def read(self, core: int) -> None:
        call = self._calls.get(core)
        if call is None:
            return
        for operand, value in enumerate(self._kernel.operands[:-1]):
            low, high = self._boxes[operand]
            touch = self._touch(value, core, low[core], high[core])
            if not call.take(core, operand, self._memory.read(touch)):
                raise touch.fault("differs from other cores' copies")

    def write(self, core: int) -> None:
        call = self._calls.pop(core, None)
        if call is not None:
            low, high = self._boxes[-1]
            touch = self._touch(self._kernel.target, core, low[core], high[core])
            self._memory.write(touch, call.result(core))


Place = tuple[int, ...]


class _SharedCall:
    """One call of fast mode. The result of a core is computed when it is asked for, with what cores have read by then,
    and anything in place of what is missing: the call has the same shape, so the same bits.
    """

    def __init__(self, op: ComputeOp, call: KernelCall, held: Mapping[SSAValue, Held]) -> None:
        self._op, self._call = op, call
        callers: dict[int, Place] = dict(zip(call.grid.cores, np.ndindex(*call.grid.shape), strict=True))
        self.places = {core: callers[caller] for core, caller in call.served.items()}
        """Where each core stands in the grid."""
        self._packed = [held[value].constant and isinstance(value.owner, AllocOp) for value in op.operands[:-1]]
        self._stacks: list[Array | None] = [None] * len(self._packed)
        """Operands of all cores, stacked as the views of fast mode are; what is missing is like what came first."""
        self._taken: list[dict[Place, Array]] = [{} for _ in self._packed]
        self._cores: set[int] = set()
        """Those that have read."""
        self._result: Array | None = None

    def take(self, core: int, operand: int, values: Array) -> bool:
        """Takes what a core has read. False when it differs from what another core read that stands at its place."""
        self._cores.add(core)
        place = _place(self.places[core], self._call.views[operand])
        seen = self._taken[operand].setdefault(place, values)
        if seen is not values:
            return np.array_equal(seen.reshape(-1).view(np.uint8), values.reshape(-1).view(np.uint8))
        stack = self._stacks[operand]
        if stack is None:
            stack = self._stacks[operand] = self._new_stack(operand)
            stack[...] = values
        stack[place] = values  # last, as places may overlap
        return True

    def result(self, core: int) -> Array:
        """What a core that has read writes."""
        result = self._computed() if self._result is None else self._result
        if len(self._cores) == len(self.places):
            self._result = result
        return result[_place(self.places[core], result)]

    def _computed(self) -> Array:
        """The stacked result."""
        element = type_of(self._op.target).element_type
        result = np.empty(self._call.views[-1].shape, held_dtype(element))
        operands = [stack for stack in self._stacks if stack is not None]
        kernel_step(self._op, [*operands, result], self._call.ranks, len(self._call.grid.shape), self._call.shape)()
        with np.errstate(over="ignore"):
            return result.astype(stored_dtype(element), copy=False)

    def _new_stack(self, operand: int) -> Array:
        view, value = self._call.views[operand], self._op.operands[operand]
        dtype = held_dtype(type_of(value).element_type)
        return np.empty(view.shape, dtype) if self._packed[operand] else _laid_out_like(view)


def _laid_out_like(view: Array) -> Array:
    """Memory of its own with the strides of a view: sums in NumPy follow the layout of their operand."""
    span = sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    memory = np.empty(span // view.itemsize + 1, view.dtype)
    return np.lib.stride_tricks.as_strided(memory, view.shape, view.strides)


def _place(index: Sequence[int], stack: Array) -> Place:
    """Place of a core in a stack in which axes along which nothing moves have size 1."""
    return tuple(min(i, size - 1) for i, size in zip(index, stack.shape, strict=False))
