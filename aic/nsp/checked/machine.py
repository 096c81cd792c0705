"""The cores of a program with their memory, ready to carry out runs in whatever order its caller chooses."""

from collections.abc import Mapping

from xdsl.dialects.builtin import ModuleOp

from aic.emission.memory import label_of
from aic.interpreter.parts import Mail
from aic.nsp.checked.access import Memory
from aic.nsp.checked.kernels import KernelRun
from aic.nsp.checked.memory import Ddr, SlotMemory
from aic.nsp.checked.placement import Placement
from aic.nsp.checked.runs import ChannelRun, ExchangeRun, FillRun, MulticastRun, Run, TransferRun
from aic.nsp.values.memory import Constants, hold_memory
from aic.nsp.values.program import check_inputs
from dialects.aic import DenseAttr, WeightAttr
from dialects.errors import AicError
from dialects.graph.kernels import Array
from dialects.module import cores_of, main_of, target_of
from dialects.tile.buffers import AllocOp, TensorOp, bytes_of
from dialects.tile.channels import ReceiveOp, SendOp
from dialects.tile.instructions import ComputeOp, FillOp, InstructionOp
from dialects.tile.scratch import scratch_end
from dialects.tile.transfers import ExchangeOp, LoadOp, MulticastOp, StoreOp


class Machine:
    """Memory as it is when an inference starts, and what has become of it since. Parts of a network share mail."""

    def __init__(
        self, module: ModuleOp, inputs: Mapping[str, Array], constants: Constants, mail: Mail | None = None
    ) -> None:
        self._mail = mail or Mail()
        cores, body, hardware = cores_of(module), main_of(module).body.block, target_of(module).hardware
        declared = [op for op in body.walk() if isinstance(op, TensorOp | AllocOp)]
        self._tensors = [op for op in declared if isinstance(op, TensorOp)]
        check_inputs([op for op in self._tensors if op.role.data == "input"], inputs)
        values = _once(constants)
        ddr = Ddr()
        for tensor in self._tensors:
            if tensor.address is None:
                ddr.declare(tensor, _initial(tensor, inputs, values))
        allocs = [op for op in declared if isinstance(op, AllocOp)]
        vtcm = [SlotMemory(hardware.vtcm_bytes) for _ in range(cores)]
        scratch = SlotMemory(scratch_end(self._tensors))
        self.memory = Memory(ddr, scratch, vtcm, Placement(allocs, cores, hardware))
        instructions = [op for op in body.walk() if isinstance(op, InstructionOp)]
        self._held = hold_memory(declared, instructions, cores, values)

    def run(self, op: InstructionOp, iteration: tuple[int, ...], turn: int) -> Run:
        """A run of an instruction, to be carried out on all cores; `turn` is its number in the order of the text.
        Raises AicError when cores store to the same place.
        """
        match op:
            case LoadOp() | StoreOp():
                return TransferRun(self.memory, op, iteration, turn)
            case MulticastOp():
                return MulticastRun(self.memory, op, iteration, turn)
            case ExchangeOp():
                return ExchangeRun(self.memory, op, iteration, turn)
            case FillOp():
                return FillRun(self.memory, op, iteration, turn)
            case SendOp() | ReceiveOp():
                return ChannelRun(self.memory, op, iteration, turn, self._mail)
            case ComputeOp():
                return KernelRun(self.memory, self._held, op, iteration, turn)
            case _:
                raise TypeError(f"{op.name} runs on no unit")

    def outputs(self) -> dict[str, Array]:
        """The network's outputs. Raises AicError when some of them was never written."""
        results: dict[str, Array] = {}
        for tensor in self._tensors:
            if tensor.role.data != "output":
                continue
            missing = self.memory.ddr.unwritten_bytes(tensor.result)
            if missing:
                raise AicError(
                    f"output {label_of(tensor)!r}: {missing} of {bytes_of(tensor.result)} bytes were never written"
                )
            results[label_of(tensor)] = self.memory.ddr.values(tensor.result).copy()
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
