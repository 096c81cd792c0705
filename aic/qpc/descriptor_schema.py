"""The aicnwdesc protobuf schema of networkdesc.bin, declared as text and built at import.

Field numbers, names and enum values are those of the public format. The descriptor pool is private, so that another
copy of the schema may live in the same process.
"""

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

PACKAGE = "aicnwdesc"

ENUMS: dict[str, tuple[str, ...]] = {
    "dataType": (
        "FloatTy", "Float16Ty", "Int8QTy", "UInt8QTy", "Int16QTy", "Int32QTy", "Int32ITy", "Int64ITy", "Int8Ty",
    ),
    "networkDescLayout": (
        "FlatNXYD", "D32Untiled", "D32UntiledWeights", "D32ChannelMajor8x8", "D32ChannelMajor1x64",
        "D32SpatialMajor8x8", "D32SpatialMajor1x64", "D4ChannelMajor8x8", "D4SpatialMajor8x8",
        "PackedD4ChannelMajor8x8", "PackedD4SpatialMajor8x8",
    ),
    "transformKind": (
        "Convert", "ConvertToD32", "ConvertFromD32", "Dequantize", "Transpose", "Quantize", "CopyDMABuffer",
    ),
    "direction": ("In", "Out"),
    "CRCAlgorithm": ("CRC_BASIC_ALGORITHM",),
}  # fmt: skip
"""Enum name -> names of the values 0, 1, 2, ..."""

MESSAGES: dict[str, str] = {
    "networkDescriptor": """
        1 major_version uint32, 2 minor_version uint32, 3 network_name string, 4 inputs rep IOBinding,
        5 outputs rep IOBinding, 6 dma_buffers rep DMABuffer, 7 num_cores uint32, 8 num_threads uint32,
        9 num_hvx_threads uint32, 10 thread_groups rep uint32, 11 thread_group_issue_count uint32, 12 stats Stats,
        13 thread_group_names rep string, 14 batch_size int32, 16 crc_info CRCInfo, 17 cluster_offsets rep uint32,
        18 allowed_shapes rep IOShapes""",
    "IODescriptor": "1 type dataType, 2 qscale float, 3 qoffset int32, 4 dims rep int32, 5 layout networkDescLayout",
    "IOBinding": """
        1 name string, 2 io_initial IODescriptor, 3 io_transformed IODescriptor, 4 transformseq rep transform,
        5 is_partial_allowed bool, 6 align uint32""",
    "DMABuffer": "1 size uint32, 2 dir direction",
    "transform": """
        1 kind transformKind, 2 type dataType, 3 scale float, 4 offset int32, 5 dims rep int32,
        6 layout networkDescLayout, 7 shuffle rep int32, 8 convert_to_d32 transform.ConvertToD32,
        9 copy_dma_buffer transform.CopyDMABuffer""",
    "transform.ConvertToD32": """
        1 padding_val int32, 2 x_pad_begin int32, 3 y_pad_begin int32, 4 x_pad_end int32, 5 y_pad_end int32,
        6 d_pad_end int32""",
    "transform.CopyDMABuffer": "1 dir direction, 2 offset uint32, 3 buffer_num uint32",
    "tensorShape": "1 type dataType, 2 dims rep int32",
    "IOShapes": "1 shapes rep tensorShape",
    "CRCEntry": """
        1 dma_buffer_num uint32, 2 offset uint32, 3 size uint32, 4 crc_entry_idx uint32, 5 begin_crc_block_size uint32,
        6 end_crc_block_size uint32, 7 stride_interval uint32, 8 stride_size uint32, 9 algorithm CRCAlgorithm""",
    "CRCInfo": "1 buff_num uint32, 2 entries rep CRCEntry",
    "Stats": """
        1 buff_num uint32, 2 print_stats bool, 3 stats_level int32, 4 stats_no_host_sync bool, 5 print_op_stats bool,
        6 op_stats_level int32, 7 batch_size int32, 8 count_ddr_bw bool, 9 utimer_freq_ms int32,
        10 pmu_events rep int32, 11 ops_per_core rep int32, 12 core_op_name_kinds rep CoreOpNameKinds,
        13 pmu_stats_level int32""",
    "OpNameKind": """
        1 name string, 2 kind string, 3 type string, 4 memory string, 5 shape string, 6 operand string,
        7 output_size uint64, 8 attributes string, 9 operands rep string""",
    "ThreadGroupOpNameKinds": "1 op_name_kinds rep OpNameKind",
    "CoreOpNameKinds": "1 tg_op_name_kinds rep ThreadGroupOpNameKinds",
}
"""Message name -> its fields as `number name [rep] type`. A dotted name is nested in the message before the dot."""

_FIELD = re.compile(r"(?P<number>\d+) (?P<name>\w+) (?P<repeated>rep )?(?P<type>[\w.]+)")
_Field = descriptor_pb2.FieldDescriptorProto


def _add_field(into: descriptor_pb2.DescriptorProto, text: str) -> None:
    match = _FIELD.fullmatch(text)
    if match is None:
        raise ValueError(f"malformed field declaration '{text}' in message {into.name}")
    field = into.field.add(name=match["name"], number=int(match["number"]))
    field.label = _Field.LABEL_REPEATED if match["repeated"] else _Field.LABEL_OPTIONAL
    kind = match["type"]
    if kind in MESSAGES or kind in ENUMS:
        field.type = _Field.TYPE_MESSAGE if kind in MESSAGES else _Field.TYPE_ENUM
        field.type_name = f".{PACKAGE}.{kind}"
    else:
        field.type = _Field.Type.Value(f"TYPE_{kind.upper()}")


def _file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="aicnwdesc.proto", package=PACKAGE, syntax="proto3")
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    declared: dict[str, descriptor_pb2.DescriptorProto] = {}
    for name, fields in MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        declared[name] = declared[outer].nested_type.add(name=inner) if outer else file.message_type.add(name=inner)
        for field in fields.split(","):
            _add_field(declared[name], field.strip())
    return file


def _message_class(name: str) -> type[message.Message]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file_descriptor())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


NETWORK_DESCRIPTOR: Any = _message_class("networkDescriptor")
"""The message class. Its attributes come from the schema above, which no type checker sees."""
