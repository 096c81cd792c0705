"""The host's view of a program: networkdesc.bin. Inputs and outputs keep the model's names, types and shapes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from xdsl.dialects.builtin import IntegerType, ModuleOp, Signedness, f16, f32
from xdsl.ir import Attribute

from aic.emission.memory import MAX_BUFFER_BYTES, Port, SharedDdr, lay_out_each, lay_out_shared_ddr
from aic.qpc.descriptor import DataType, Direction, DmaBuffer, IoBinding, NetworkDescriptor, TensorShape
from dialects.errors import AicError
from dialects.module import cores_of, first_core_of, held_by, programs_of, target_of
from dialects.port_scales import port_scales_of
from dialects.quantized.parameters import Parameters

HVX_GROUP, HMX_GROUP, DMA_GROUP = "HVX", "HMX", "DMAIssue"
_GROUP_NAMES = (HVX_GROUP, HMX_GROUP, DMA_GROUP)
_ISSUE_COUNT = 2
_LISTED_NAMES = 64

_DATA_TYPES: dict[Attribute, DataType] = {
    f32: DataType.FloatTy,
    f16: DataType.Float16Ty,
    IntegerType(1): DataType.Int8Ty,
    IntegerType(8): DataType.Int8Ty,
    IntegerType(8, Signedness.UNSIGNED): DataType.UInt8QTy,
    IntegerType(16): DataType.Int16QTy,
    IntegerType(32): DataType.Int32ITy,
    IntegerType(64): DataType.Int64ITy,
}
"""Element types that the host knows; integers without quantization have scale 1 and offset 0."""
_QUANTIZED_TYPES: dict[Attribute, DataType] = {IntegerType(8): DataType.Int8QTy}
"""Those of integers whose scale and offset the host knows, too."""


def thread_groups(hvx_threads: int) -> tuple[str, ...]:
    """The group of each thread of a core."""
    return (HVX_GROUP,) * hvx_threads + (HMX_GROUP, DMA_GROUP)


def describe_module(name: str, module: ModuleOp) -> NetworkDescriptor:
    """The descriptor of a scheduled module. Raises AicError as `describe_network` and `lay_out_shared_ddr`."""
    threads = target_of(module).hardware.hvx_threads
    shapes = lay_out_each(module) if held_by(module) == "specializations" else []
    scales = port_scales_of(next(programs_of(module)))
    described = describe_network(name, lay_out_shared_ddr(module), cores_of(module), threads, shapes, scales)
    if held_by(module) != "partitions":
        return described
    return replace(described, cluster_offsets=tuple(first_core_of(part) for part in programs_of(module)))


def describe_network(
    name: str,
    ddr: SharedDdr,
    cores: int,
    hvx_threads: int,
    specializations: Sequence[SharedDdr] = (),
    scales: Mapping[str, Parameters] | None = None,
) -> NetworkDescriptor:
    """The descriptor of a program: a DMA buffer per transfer, and one copy per input and output that is transferred.

    Of several specializations, `ddr` has the largest inputs and outputs, and the shapes of each are allowed. State that
    stays on the card may be given or left out as an input; as an output it is not transferred. `scales` are what
    integers of some inputs and outputs mean, by their names.

    Raises AicError, naming all of them, for inputs and outputs that the format cannot describe.
    """
    ports = [port for each in (ddr, *specializations) for port in each.ports]
    problems = dict.fromkeys(problem for port in ports if (problem := _problem(port)) is not None)
    if problems:
        raise AicError("the QPC format cannot describe " + "; ".join(problems))
    groups, scales = thread_groups(hvx_threads), scales or {}
    return NetworkDescriptor(
        name=name,
        inputs=_bindings(ddr, ddr.input_ports, Direction.In, scales),
        outputs=_bindings(ddr, ddr.output_ports, Direction.Out, scales),
        dma_buffers=(
            *(DmaBuffer(buffer.size, Direction.In) for buffer in ddr.to_card),
            *(DmaBuffer(buffer.size, Direction.Out) for buffer in ddr.outputs),
        ),
        num_cores=cores,
        batch_size=batch_size(port.type.get_shape() for port in ddr.input_ports),
        num_threads=len(groups),
        num_hvx_threads=hvx_threads,
        thread_groups=tuple(_GROUP_NAMES.index(group) for group in groups),
        thread_group_names=_GROUP_NAMES,
        thread_group_issue_count=_ISSUE_COUNT,
        cluster_offsets=(0,),
        allowed_shapes=tuple(tuple(_shape(port, scales) for port in each.ports) for each in specializations),
    )


def batch_size(inputs: Iterable[Sequence[int]]) -> int:
    """Samples that one inference takes: the first dimension that all inputs of rank two and more share, else 1.
    `inputs` are their shapes.
    """
    first = {shape[0] for shape in inputs if len(shape) > 1}
    return first.pop() if len(first) == 1 else 1


def _bindings(
    ddr: SharedDdr, ports: Sequence[Port], direction: Direction, scales: Mapping[str, Parameters]
) -> tuple[IoBinding, ...]:
    places = {port: (number, buffer) for number, buffer in enumerate(ddr.buffers) for port in buffer.ports}
    given = {port for buffer in ddr.given for port in buffer.ports}
    bindings: list[IoBinding] = []
    for port in ports:
        kind, shape = _data_type(port, scales), port.type.get_shape()
        if port not in places:
            binding = IoBinding.kept(port.name, kind, shape)
        else:
            number, buffer = places[port]
            copied = IoBinding.copied(port.name, kind, shape, direction, number, port.offset - buffer.offset)
            binding = replace(copied, is_partial_allowed=port in given)
        meaning = scales.get(port.name) if port.type.element_type in _QUANTIZED_TYPES else None
        bindings.append(binding if meaning is None else binding.quantized(meaning.scale, meaning.offset))
    return tuple(bindings)


def _shape(port: Port, scales: Mapping[str, Parameters]) -> TensorShape:
    return TensorShape(_data_type(port, scales), port.type.get_shape())


def _data_type(port: Port, scales: Mapping[str, Parameters]) -> DataType:
    element = port.type.element_type
    return _QUANTIZED_TYPES.get(element, _DATA_TYPES[element]) if port.name in scales else _DATA_TYPES[element]


def _problem(port: Port) -> str | None:
    """Why a descriptor cannot say what an input or output is."""
    name, element, shape = repr(port.name[:_LISTED_NAMES]), port.type.element_type, list(port.type.get_shape())
    if element not in _DATA_TYPES:
        return f"{name} of type {element}: it knows {', '.join(map(str, _DATA_TYPES))}"
    if 0 in shape:
        return f"{name} of shape {shape}: it takes a dimension of 0 for 1"
    if port.size > MAX_BUFFER_BYTES:
        return f"{name} of {port.size} bytes: it knows at most {MAX_BUFFER_BYTES}"
    return None
