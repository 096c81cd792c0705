from dataclasses import fields, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aic.qpc.errors import QpcError
from aic.qpc.flatbuffer import build, parse
from aic.qpc.metadata import (
    GUARD,
    KNOWN_FIELDS,
    AICMDPortEntry,
    DMARequest,
    DoorbellOp,
    Metadata,
    NonZeroRegion,
    QNNConfigDef,
    SemaphoreOp,
    default_exec_context,
    non_zero_regions,
    read_exec_context,
    read_metadata,
    write_metadata,
)
from tests.qpc import independent_reader
from tests.qpc.samples import damaged, sample

U8, U16, U32, U64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
SAMPLE = write_metadata(sample().metadata)
DERIVED = ("requiredFields", "L2TCMInitSize", "L2TCMInitStateNonZeroRegions", "raw_struct_version_length")


def several(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(strategy, max_size=3).map(tuple)


SEMAPHORES = st.builds(SemaphoreOp, U16, U16, U8, U8, U8, U8)
DOORBELLS = st.builds(DoorbellOp, U64, U32, U16, U8)
REQUESTS = st.builds(DMARequest, several(SEMAPHORES), several(DOORBELLS), U64, U64, U32, U16, U16, U8, U8, U16, U32)
METADATA = st.builds(
    Metadata,
    networkName=st.text(max_size=9),
    semaphoreInitState=several(U32),
    L2TCMInitState=st.binary(max_size=300),
    dmaRequests=several(REQUESTS),
    staticSharedDDRSize=U64,
    numNSPs=U16,
    VTCMSize=U32,
    networkHeapSize=U64,
    QNNConfig=st.builds(QNNConfigDef, st.sampled_from([1, 2])),
    portTable=several(st.builds(AICMDPortEntry, U16, st.integers(-128, 127))),
    dynamicSharedDDRSupported=st.integers(0, 1),
    execContext=st.just(default_exec_context()) | st.just(b""),
)


@given(METADATA)
@settings(max_examples=50, deadline=None)
def test_round_trip(metadata: Metadata) -> None:
    section = write_metadata(metadata)
    back = read_metadata(section)
    assert replace(back, **{name: getattr(metadata, name) for name in DERIVED}) == metadata
    assert back.raw_struct_version_length == 2 * len(section)
    assert set(back.requiredFields) <= KNOWN_FIELDS
    seen = independent_reader.read_metadata(section)
    assert seen["name"] == metadata.networkName
    assert seen["semaphores"] == list(metadata.semaphoreInitState)
    assert seen["l2tcm"] == metadata.L2TCMInitState
    assert seen["scalars"][17] == len(metadata.L2TCMInitState)
    assert seen["scalars"][19] == metadata.numNSPs
    assert seen["ports"] == [(port.portId, port.type) for port in metadata.portTable]
    for expected, request in zip(metadata.dmaRequests, seen["requests"], strict=True):
        assert request["fields"] == tuple(getattr(expected, field.name) for field in fields(expected)[2:])
        assert len(request["semaphores"]) == len(expected.semaphoreOps)
        assert request["doorbells"] == [(op.offset, op.data, op.mcId, op.size) for op in expected.doorbellOps]


@given(damaged(SAMPLE))
@settings(max_examples=300, deadline=None)
def test_damage_is_refused_or_harmless(data: bytes) -> None:
    try:
        read_metadata(data)
    except QpcError:
        return


def test_the_guard_may_be_absent() -> None:
    assert SAMPLE.startswith(GUARD)
    assert read_metadata(SAMPLE[len(GUARD) :]) == read_metadata(SAMPLE)


def test_there_are_as_many_known_fields_as_described() -> None:
    assert len(KNOWN_FIELDS) == 82
    assert "AicMetadataFlat_Metadata->dmaRequests->portId" in KNOWN_FIELDS


def test_required_fields_name_what_is_used() -> None:
    plain = read_metadata(write_metadata(Metadata())).requiredFields
    assert plain == tuple(f"AicMetadataFlat_Metadata->{n}" for n in ("requiredFields", "execContext", "networkName"))
    cached = read_metadata(write_metadata(Metadata(QNNConfig=QNNConfigDef(2)))).requiredFields
    assert set(cached) - set(plain) == {"AicMetadataFlat_Metadata->QNNConfig->Constants"}


def test_unknown_versions_and_fields_are_refused() -> None:
    with pytest.raises(QpcError, match="major version 2"):
        read_metadata(build(Metadata(versionMajor=2)))
    with pytest.raises(QpcError, match="unknown field 'x'"):
        read_metadata(build(Metadata(requiredFields=("x",))))


def test_a_number_too_large_is_named() -> None:
    with pytest.raises(QpcError, match=r"Metadata\.dmaRequests: DMARequest\.num: 65536 does not fit in uint16"):
        write_metadata(Metadata(dmaRequests=(DMARequest(num=65536),)))


def test_shared_parts_cannot_multiply() -> None:
    # A vector of 2000 offsets that all lead to one string of 4000 bytes.
    string = (4000).to_bytes(4, "little") + bytes(4001)
    vtable = bytes([4 + 2 * 4, 0, 8, 0, 0, 0, 0, 0, 0, 0, 4, 0])
    count = 2000
    head = (16).to_bytes(4, "little") + vtable
    table = (12).to_bytes(4, "little") + (4).to_bytes(4, "little")
    start = len(head) + len(table) + 4
    end = start + 4 * count
    offsets = b"".join((end - (start + 4 * i)).to_bytes(4, "little") for i in range(count))
    data = head + table + count.to_bytes(4, "little") + offsets + string
    with pytest.raises(QpcError, match="in all"):
        parse(Metadata, data)


def test_non_zero_regions_skip_long_runs_of_zeros() -> None:
    image = bytes(200) + b"ab" + bytes(128) + b"c" + bytes(129) + b"d" + bytes(9)
    assert non_zero_regions(image) == (NonZeroRegion(200, 331, 131), NonZeroRegion(460, 461, 1))
    assert non_zero_regions(bytes(1000)) == non_zero_regions(b"") == ()


def test_default_execution_context() -> None:
    context = read_exec_context(default_exec_context())
    assert context.execContextSize == 140
    assert len(context.execContextFields) == 33
    size, variables = independent_reader.read_exec_context(default_exec_context())
    assert size == 140
    # Every byte up to the size belongs to one variable or to the padding before an aligned one.
    places = sorted((offset, width) for _, width, offset, _ in variables)
    for (offset, width), (following, next_width) in pairwise(places):
        assert following == -(-(offset + width) // next_width) * next_width
    assert sum(places[-1]) == 140
