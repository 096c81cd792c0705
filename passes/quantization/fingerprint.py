"""A number that tells networks apart, the same for every batch size: a profile belongs to one of them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.constant import ConstantOp
from dialects.graph.locations import tensor_name
from dialects.graph.ports import input_ports, output_ports
from dialects.module import main_of
from dialects.quantized.conversion import ScaledOp
from passes.quantization.settings import Settings, settings_of


def fingerprint_of(programs: Sequence[ModuleOp]) -> int:
    """The fingerprint of programs that share a profile: their own when it is the same, else that of all of them."""
    each = sorted({fingerprint(main_of(program), settings_of(program)) for program in programs})
    return each[0] if len(each) == 1 else _digest(f"{number:016x}" for number in each)


def fingerprint(function: FuncOp, settings: Settings) -> int:
    """64 bits of a digest of what computes what: kinds of ops, names of tensors, who reads whom, shapes of constants.

    Values and shapes of activations do not count, nor do the values of constants: but how the settings change these
    does, where activations have other ranges then.
    """
    return _digest([*_lines(function), *_changes(settings)])


def _digest(lines: Iterable[str]) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(lines).encode()).digest()[:8])


def _changes(settings: Settings) -> Iterator[str]:
    if settings.quantization_cross_layer_equalization:
        yield "equalized"
    if settings.quantization_smoothquant:
        yield f"smoothed {settings.quantization_smoothquant}"


def _lines(function: FuncOp) -> Iterator[str]:
    names: dict[SSAValue, str] = {}
    for port, argument in zip(input_ports(function), function.body.block.args, strict=True):
        names[argument] = port.name
        yield f"input {port.name} rank {port.type.get_num_dims()}"
    for number, op in enumerate(function.body.block.ops):
        if isinstance(op, ConstantOp):
            tensor = op.result_type
            names[op.output] = f"constant of rank {tensor.get_num_dims()}"
        elif isinstance(op, GraphOp):
            names[op.output] = f"{number}:{tensor_name(op)}"
            operands = ", ".join(names[value] for value in op.operands)
            yield f"{op.name} {names[op.output]} ({operands}) rank {tensor_type(op.output).get_num_dims()}"
            if isinstance(op, ScaledOp):  # what integers of inputs and outputs mean
                yield f"scale {op.scale.value.data} offset {op.offset.value.data}"
    yield f"outputs {', '.join(port.name for port in output_ports(function))}"
