"""What programs take and give, read off a graph or off a tile program."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from xdsl.dialects.builtin import ModuleOp

from aic.emission.memory import label_of, ports_of
from aic.tensors import Signature, TensorInfo
from dialects.element_types import stored_dtype
from dialects.graph.ports import input_ports, output_ports
from dialects.module import main_of, path_of
from dialects.port_scales import port_scales_of
from dialects.retained import retained_of, retaining
from dialects.tile.buffers import type_of

PortRole: TypeAlias = Literal["input", "output"]
Tensors: TypeAlias = Callable[[ModuleOp, PortRole], list[TensorInfo]]
"""Inputs or outputs of a program, in its order."""


def graph_tensors(program: ModuleOp, role: PortRole) -> list[TensorInfo]:
    """Inputs or outputs of a graph, sharded or not."""
    main, scales = main_of(program), port_scales_of(program)
    ports = input_ports(main) if role == "input" else output_ports(main)
    return [TensorInfo.of_port(port, scales) for port in ports]


def tile_tensors(program: ModuleOp, role: PortRole) -> list[TensorInfo]:
    """Inputs or outputs of a tile program."""
    scales = port_scales_of(program)
    buffers = [(label_of(tensor), type_of(tensor.result)) for tensor in ports_of(program, role)]
    return [
        TensorInfo.of(name, stored_dtype(buffer.element_type), buffer.get_shape(), scales) for name, buffer in buffers
    ]


def signature_of(program: ModuleOp, tensors: Tensors) -> Signature:
    """What one program takes and gives; what stays on the card is not given."""
    retained = retained_of(program)
    kept = [retaining(name) for name in retained]
    outputs = tuple(tensor for tensor in tensors(program, "output") if tensor.name not in kept)
    return Signature(path_of(program), tuple(tensors(program, "input")), outputs, retained)
