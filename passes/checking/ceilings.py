"""Ceilings on what a scheduled program may ask for: what they admit can be enumerated, whoever wrote the program."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block

from dialects.hardware import Hardware, load_hardware
from dialects.module import dealloc_delay_of, main_of, target_of
from dialects.text import place
from dialects.tile.boxes import Box
from dialects.tile.buffers import AllocOp, Buffer, TensorOp, bytes_of, type_of
from dialects.tile.instructions import ForOp, InstructionOp
from dialects.tile.scratch import channel_bytes, is_scratch, scratch_end
from dialects.tile.transfers import ExchangeOp

MAX_SPECIALIZATIONS = 64
"""Programs of one network, of which one runs at a time."""
MAX_RUNS_TOGETHER = 1 << 19
"""Instructions that one inference of each of them executes, all together."""
MAX_LOOPS = 6
"""Loops around an instruction: as many variables as boxes can name."""
MAX_MESH_AXES = 4
MAX_RUNS = 1 << 17
"""Instructions that one inference executes, each iteration counted."""
MAX_TOUCHES = 1 << 20
"""Operands of all runs together."""
MAX_WAITS = 1 << 20
"""Waits of all runs together."""
MAX_DIMENSIONS = 32
"""Of tensors and buffers; NumPy's arrays have 64, and those of several cores a few more than one core's."""
MAX_FORMS = 256
"""Linear forms of all bounds of a box."""
MAX_NUMBER = 1 << 40
"""Numbers in boxes, in shapes, and in counts of waits. What is computed of them stays within 64 bits."""

MAX_DIFFERENCE = 1 << 16
"""Factor by which a target's number may differ from the SKU's. Times far apart are not told from each other."""

_CAPACITIES = ("cores", "vtcm_bytes", "ddr_bytes")


def exceeded_ceilings(module: ModuleOp) -> Iterator[str]:
    """What a program asks for beyond what is run, each as a sentence."""
    hardware, body = target_of(module).hardware, main_of(module).body.block
    yield from _beyond_the_card(hardware)
    if dealloc_delay_of(module) < 0:
        yield f"its buffers keep their places for {dealloc_delay_of(module)} positions"
    deep = _too_deep(body, 0)
    if deep is None:
        yield from _too_much(_issued(body))
    else:
        yield f"{place(deep)}: loops are nested deeper than {MAX_LOOPS}"
    tensors, known = list[TensorOp](), set[Box]()
    for op in body.walk():
        match op:
            case TensorOp() | AllocOp() if (problem := _odd_shape(type_of(op.result))) is not None:
                yield f"{place(op)}: {problem}"
            case TensorOp():
                tensors.append(op)
            case AllocOp():
                yield from _placement(op, hardware)
            case InstructionOp():
                yield from _large_counts(op)
            case _:
                pass
        for box in _boxes(op):
            if box not in known:
                known.add(box)
                yield from (f"{place(op)}: {problem}" for problem in _problems(box, hardware))
    yield from _too_much_ddr(tensors, hardware)


def exceeded_together(programs: Sequence[ModuleOp]) -> Iterator[str]:
    """What the programs of one network ask for together beyond what is looked at."""
    if len(programs) > MAX_SPECIALIZATIONS:
        yield f"{len(programs)} specializations, at most {MAX_SPECIALIZATIONS} are possible"
    runs = sum(_issued(main_of(program).body.block).runs for program in programs)
    if runs > MAX_RUNS_TOGETHER:
        yield f"specializations execute {runs} instructions in all, at most {MAX_RUNS_TOGETHER} are run"


def _too_much_ddr(tensors: Sequence[TensorOp], hardware: Hardware) -> Iterator[str]:
    constants = sum(bytes_of(tensor.result) for tensor in tensors if tensor.value is not None)
    ports = sum(bytes_of(tensor.result) for tensor in tensors if tensor.label is not None)
    scratch = scratch_end(tensors) + channel_bytes(tensors)
    if (ddr := constants + ports + scratch) > hardware.ddr_bytes:
        yield (
            f"takes {ddr} bytes of DDR, the SKU {hardware.sku} has {hardware.ddr_bytes}: {constants} of constants, "
            f"{ports} of inputs and outputs, {scratch} of scratch"
        )
    apart = sum(bytes_of(tensor.result) for tensor in tensors if is_scratch(tensor))
    if apart > hardware.ddr_bytes:
        yield f"has scratch tensors of {apart} bytes, at most {hardware.ddr_bytes} are held apart from each other"


def _beyond_the_card(hardware: Hardware) -> Iterator[str]:
    """A target may describe a smaller card than its SKU, never a larger one."""
    real = load_hardware(hardware.sku)
    for name in _CAPACITIES:
        if getattr(hardware, name) > getattr(real, name):
            yield f"its target has {name} = {getattr(hardware, name)}, the SKU {real.sku} {getattr(real, name)}"
    own = hardware.numbers
    for name, value in real.numbers.items():
        if own[name] and not value / MAX_DIFFERENCE <= own[name] <= value * MAX_DIFFERENCE:
            yield f"its target has {name} = {own[name]}, more than {MAX_DIFFERENCE} times off the SKU's {value}"


def _odd_shape(buffer: Buffer) -> str | None:
    shape = buffer.get_shape()
    if len(shape) > MAX_DIMENSIONS:
        return f"has {len(shape)} dimensions, at most {MAX_DIMENSIONS} are possible"
    if min(shape, default=1) < 0:
        return f"{buffer} has no fixed size"
    if max(shape, default=1) > MAX_NUMBER:
        return f"{buffer} has numbers beyond {MAX_NUMBER}"
    return None


class _Issued(NamedTuple):
    runs: int
    touches: int
    waits: int


def _too_deep(block: Block, depth: int) -> ForOp | None:
    """The first loop that is nested too deeply."""
    loops = (op for op in block.ops if isinstance(op, ForOp))
    if depth == MAX_LOOPS:
        return next(loops, None)
    return next((deep for loop in loops if (deep := _too_deep(loop.body.block, depth + 1)) is not None), None)


def _too_much(issued: _Issued) -> Iterator[str]:
    """What all runs come to, as far as it is too much."""
    for count, ceiling, what in (
        (issued.runs, MAX_RUNS, "instructions"),
        (issued.touches, MAX_TOUCHES, "operands of instructions"),
        (issued.waits, MAX_WAITS, "waits"),
    ):
        if count > ceiling:
            yield f"executes {count} {what}, at most {ceiling} are run"
            return


def _issued(block: Block) -> _Issued:
    """What a block issues, an iteration without instructions counted as one run."""
    runs = touches = waits = 0
    for op in block.ops:
        if isinstance(op, ForOp):
            inner = _issued(op.body.block)
            runs += op.count * max(inner.runs, 1)
            touches += op.count * inner.touches
            waits += op.count * inner.waits
        elif isinstance(op, InstructionOp):
            runs += 1
            touches += len(op.operands)
            waits += len(op.waited)
    return _Issued(runs, touches, waits)


def _large_counts(op: InstructionOp) -> Iterator[str]:
    for wait in op.waited:
        if max(map(abs, (wait.count.constant, *wait.count.loops))) > MAX_NUMBER:
            yield f"{place(op)}: waits for signal {wait.signal} to reach a count beyond {MAX_NUMBER}"


def _placement(alloc: AllocOp, hardware: Hardware) -> Iterator[str]:
    start = 0 if alloc.address is None else alloc.address.value.data
    end = start + alloc.slots * max(bytes_of(alloc.result), 1)
    if start < 0 or end > hardware.vtcm_usable_bytes:
        yield f"{place(alloc)}: lies at {start} to {end} of {hardware.vtcm_usable_bytes} bytes of VTCM"


def _problems(box: Box, hardware: Hardware) -> Iterator[str]:
    if len(box.mesh) > MAX_MESH_AXES or prod(box.mesh[1:]) > hardware.cores:
        yield f"a mesh of {list(box.mesh)} cores"
    if sum(len(interval.low) + len(interval.high) for interval in box.dims) > MAX_FORMS:
        yield f"a box of {len(box.dims)} dimensions has more than {MAX_FORMS} bounds"
        return
    if max((abs(n) for form in box.forms() for n in (form.constant, *form.mesh, *form.loops)), default=0) > MAX_NUMBER:
        yield f"the box <{box}> has numbers beyond {MAX_NUMBER}"


def _boxes(op: object) -> Iterator[Box]:
    match op:
        case AllocOp():
            yield op.window.data
        case InstructionOp():
            yield from (box for _, box in op.accesses())
            if isinstance(op, ExchangeOp):
                yield op.own.data
        case _:
            pass
