import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aic.qpc.descriptor import (
    DataType,
    Direction,
    DmaBuffer,
    IoBinding,
    NetworkDescriptor,
    TensorShape,
    Transform,
    TransformKind,
    descriptor_json,
    parse_descriptor,
    serialize_descriptor,
)
from aic.qpc.errors import QpcError
from tests.qpc import independent_reader
from tests.qpc.samples import damaged, sample

COUNTS = st.integers(0, 2**32 - 1)
TYPES = st.sampled_from(DataType)
DIMS = st.lists(st.integers(0, 2**31 - 1), max_size=4).map(tuple)
SAMPLE = serialize_descriptor(sample().descriptor)


def bindings(direction: Direction) -> st.SearchStrategy[tuple[IoBinding, ...]]:
    copied = st.builds(
        IoBinding.copied, st.text(max_size=8), TYPES, DIMS, st.just(direction), st.integers(0, 2), COUNTS
    )
    return st.lists(copied, max_size=3).map(tuple)


DESCRIPTORS = st.builds(
    NetworkDescriptor,
    name=st.text(max_size=10),
    inputs=bindings(Direction.In),
    outputs=bindings(Direction.Out),
    dma_buffers=st.lists(st.builds(DmaBuffer, COUNTS, st.sampled_from(Direction)), min_size=3, max_size=4).map(tuple),
    num_cores=COUNTS,
    batch_size=st.integers(-(2**31), 2**31 - 1),
    num_threads=COUNTS,
    num_hvx_threads=COUNTS,
    thread_groups=st.lists(COUNTS, max_size=3).map(tuple),
    thread_group_names=st.lists(st.text(max_size=4), max_size=3).map(tuple),
    thread_group_issue_count=COUNTS,
    cluster_offsets=st.lists(COUNTS, max_size=3).map(tuple),
    allowed_shapes=st.lists(st.lists(st.builds(TensorShape, TYPES, DIMS), max_size=3).map(tuple), max_size=2).map(
        tuple
    ),
)


@given(DESCRIPTORS)
@settings(max_examples=60, deadline=None)
def test_round_trip(descriptor: NetworkDescriptor) -> None:
    data = serialize_descriptor(descriptor)
    assert parse_descriptor(data) == descriptor
    seen = independent_reader.read_descriptor(data)
    assert seen["name"] == descriptor.name
    assert seen["buffers"] == [(buffer.size, buffer.direction) for buffer in descriptor.dma_buffers]
    assert seen["cores"] == descriptor.num_cores
    for expected, binding in zip(descriptor.bindings, seen["inputs"] + seen["outputs"], strict=True):
        copy = expected.transforms[0].copy
        assert copy is not None
        assert binding["copy"] == {"dir": copy.direction, "offset": copy.offset, "buffer": copy.buffer_num}
        assert binding["initial"]["bytes"] == expected.initial.byte_size


@given(damaged(SAMPLE))
@settings(max_examples=150, deadline=None)
def test_damage_is_refused_or_harmless(data: bytes) -> None:
    try:
        parse_descriptor(data)
    except QpcError:
        return


def test_json_has_the_names_of_the_schema() -> None:
    shown = json.loads(descriptor_json(SAMPLE))
    assert shown["major_version"] == 9
    assert shown["network_name"] == "sample"
    assert [entry["name"] for entry in shown["inputs"]] == ["image", "mask"]
    assert shown["outputs"][0]["io_initial"]["dims"] == [2, 10]
    assert shown["outputs"][0]["transformseq"][0]["copy_dma_buffer"] == {"dir": "Out", "offset": 0, "buffer_num": 1}
    assert shown["allowed_shapes"][0]["shapes"][1]["dims"] == [5]


def test_other_transforms_are_read() -> None:
    quantize = Transform(TransformKind.Quantize, DataType.Int8QTy, (2, 3), scale=0.5, offset=-3)
    original = sample().descriptor
    first = replace(original.inputs[0], transforms=(quantize, *original.inputs[0].transforms))
    changed = replace(original, inputs=(first, *original.inputs[1:]))
    assert parse_descriptor(serialize_descriptor(changed)) == changed


def test_a_buffer_beyond_32_bits_is_refused() -> None:
    large = replace(sample().descriptor, dma_buffers=(DmaBuffer(1 << 32, Direction.In),))
    with pytest.raises(QpcError, match="sample"):
        serialize_descriptor(large)


def test_unknown_data_types_are_refused() -> None:
    # field 4 (inputs) { field 2 (io_initial) { field 1 (type) = 99 } }
    with pytest.raises(QpcError, match="99"):
        parse_descriptor(bytes([0x22, 4, 0x12, 2, 0x08, 99]))
