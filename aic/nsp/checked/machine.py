"""A scheduled tile program on byte-addressed memory, one instruction after the other in the order of the text."""

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from aic.nsp.checked.memory import Ddr, Vtcm
from aic.nsp.checked.placement import Placement
from aic.nsp.checked.units import Dma, Hmx, Hvx, Memory
from aic.nsp.values.memory import Constants, hold_memory
from aic.nsp.values.program import check_inputs, label_of
from dialects.aic import DenseAttr, WeightAttr
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.module import cores_of, main_of, target_of
from dialects.tile.ops import (
    AllocOp,
    ComputeOp,
    ExchangeOp,
    FillOp,
    InstructionOp,
    LoadOp,
    MulticastOp,
    StoreOp,
    TensorOp,
    bytes_of,
)
from dialects.tile.program_order import program_order
from dialects.weights import store_of


def run_checked(module: ModuleOp, inputs: Mapping[str, Array], constants: Constants | None = None) -> dict[str, Array]:
    """Outputs by name for inputs by name, in the types of the model; the same bits as fast mode.

    Args:
        module: a scheduled tile module.
        inputs: an array for every input.
        constants: gives the stored values of constants; the module's weight store unless given.

    Raises:
        AicError: inputs do not fit; or the program reads what was never written, or what another buffer has overwritten
            since; leaves a buffer's window, a buffer, a tensor or the VTCM; stores to one place from two cores; leaves
            outputs unwritten. The message names instruction, node, core, iteration, buffer and box.
    """
    machine = Machine(module, inputs, constants or store_of(module).stored_bytes)
    with np.errstate(all="ignore"):
        for op, iteration in program_order(main_of(module).body.block):
            machine.execute(op, iteration)
    return machine.outputs()


class Machine:
    """The cores of a module with their memory, ready to execute instructions in whatever order its caller chooses."""

    def __init__(self, module: ModuleOp, inputs: Mapping[str, Array], constants: Constants) -> None:
        cores, body, hardware = cores_of(module), main_of(module).body.block, target_of(module).hardware
        declared = [op for op in body.walk() if isinstance(op, TensorOp | AllocOp)]
        self._tensors = [op for op in declared if isinstance(op, TensorOp)]
        check_inputs([op for op in self._tensors if op.role.data == "input"], inputs)
        values = _once(constants)
        self._ddr = Ddr()
        for tensor in self._tensors:
            self._ddr.declare(tensor, _initial(tensor, inputs, values))
        allocs = [op for op in declared if isinstance(op, AllocOp)]
        vtcm = [Vtcm(core, hardware.vtcm_bytes) for core in range(cores)]
        memory = Memory(self._ddr, vtcm, Placement(allocs, cores, hardware))
        instructions = [op for op in body.walk() if isinstance(op, InstructionOp)]
        held = hold_memory(declared, instructions, cores, values)
        self._dma, self._hmx, self._hvx = Dma(memory), Hmx(memory, held), Hvx(memory, held)

    def execute(self, op: InstructionOp, iteration: tuple[int, ...]) -> None:
        """Runs an instruction on all cores, for an iteration of the loops around it. Raises AicError at a fault."""
        match op:
            case LoadOp():
                self._dma.load(op, iteration)
            case MulticastOp():
                self._dma.multicast(op, iteration)
            case StoreOp():
                self._dma.store(op, iteration)
            case ExchangeOp():
                self._dma.exchange(op, iteration)
            case FillOp():
                self._hvx.fill(op, iteration)
            case ComputeOp():
                (self._hmx if op.engine == "hmx" else self._hvx).compute(op, iteration)
            case _:
                raise TypeError(f"{op.name} runs on no unit")

    def outputs(self) -> dict[str, Array]:
        """The network's outputs. Raises AicError when some of them was never written."""
        results: dict[str, Array] = {}
        for tensor in self._tensors:
            if tensor.role.data != "output":
                continue
            missing = self._ddr.unwritten_bytes(tensor.result)
            if missing:
                raise AicError(
                    f"output {label_of(tensor)!r}: {missing} of {bytes_of(tensor.result)} bytes were never written"
                )
            results[label_of(tensor)] = self._ddr.values(tensor.result).copy()
        return results


def _once(constants: Constants) -> Constants:
    """Constants that are made once and shared."""
    made: dict[WeightAttr | DenseAttr, Array] = {}

    def value(constant: WeightAttr | DenseAttr) -> Array:
        if constant not in made:
            made[constant] = constants(constant)
        return made[constant]

    return value


def _initial(tensor: TensorOp, inputs: Mapping[str, Array], constants: Constants) -> Array | None:
    """Values that a tensor has before the program runs; None: poison."""
    if tensor.value is not None:
        return constants(tensor.value)
    return inputs[label_of(tensor)] if tensor.role.data == "input" else None
