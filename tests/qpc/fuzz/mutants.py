"""Mutants of QPCs, at every level of what they are made of.

Damaged bytes seldom get past the first check. So a file is taken apart down to some level, something is changed there,
and all of it is packed again.
"""

from collections.abc import Callable, Mapping
from random import Random

from aic.qpc.container import CONSTANTS_DESC, NETWORK_DESC, NETWORK_ELF, NewSegment, container_bytes, read_container
from aic.qpc.decoding import decode
from aic.qpc.descriptor import parse_descriptor, serialize_descriptor
from aic.qpc.elf import METADATA_SECTION, PROGRAM_SECTION, read_elf, write_elf
from aic.qpc.encoding import encode
from aic.qpc.flatbuffer import build
from aic.qpc.metadata import GUARD, read_metadata
from dialects import create_context
from tests.qpc.fuzz.programs import change_program, change_words
from tests.qpc.fuzz.values import damaged, plain

CONTEXT = create_context()

Mutation = Callable[[Random, bytes], bytes]
"""A QPC with something changed."""


def _segments(data: bytes) -> dict[str, NewSegment]:
    return {
        name: NewSegment.of_bytes(name, bytes(segment.data), segment.static_size)
        for name, segment in read_container(memoryview(data)).items()
    }


def _content(segment: NewSegment) -> bytes:
    return b"".join(map(bytes, segment.chunks()))


def _with(data: bytes, name: str, content: bytes) -> bytes:
    segments = _segments(data)
    segments[name] = NewSegment.of_bytes(name, content, min(segments[name].static_size, len(content)))
    return container_bytes(list(segments.values()))


def _sections(data: bytes) -> tuple[bytes, bytes]:
    """The encoded program and the metadata."""
    sections = read_elf(read_container(memoryview(data))[NETWORK_ELF].data).sections
    return bytes(sections[PROGRAM_SECTION]), bytes(sections[METADATA_SECTION])


def file_bytes(random: Random, data: bytes) -> bytes:
    """Anywhere in the file."""
    return damaged(random, data)


def container(random: Random, data: bytes) -> bytes:
    """In header, table and names."""
    end = min(segment.offset for segment in read_container(memoryview(data)).values())
    return damaged(random, data[:end])[:end].ljust(end, b"\0") + data[end:]


def segment_bytes(random: Random, data: bytes) -> bytes:
    """In the bytes of a segment, or the segment left out, or another one in its place."""
    segments = _segments(data)
    name, other = random.choice(sorted(segments)), random.choice(sorted(segments))
    match random.randrange(8):
        case 0:
            del segments[name]
            return container_bytes(list(segments.values()))
        case 1:
            return _with(data, name, _content(segments[other]))
        case _:
            return _with(data, name, damaged(random, _content(segments[name])))


def constants_descriptor(random: Random, data: bytes) -> bytes:
    """In constantsdesc.bin, which is small."""
    return _with(data, CONSTANTS_DESC, damaged(random, _content(_segments(data)[CONSTANTS_DESC])))


def descriptor_bytes(random: Random, data: bytes) -> bytes:
    """In the bytes of the protobuf."""
    return _with(data, NETWORK_DESC, damaged(random, _content(_segments(data)[NETWORK_DESC])))


def descriptor_fields(random: Random, data: bytes) -> bytes:
    """In fields of the network descriptor."""
    descriptor = plain(random, parse_descriptor(_content(_segments(data)[NETWORK_DESC])), [])
    return _with(data, NETWORK_DESC, serialize_descriptor(descriptor))


def metadata_fields(random: Random, data: bytes) -> bytes:
    """In fields of the metadata."""
    program, metadata = _sections(data)
    return _with(data, NETWORK_ELF, write_elf(program, GUARD + build(plain(random, read_metadata(metadata), []))))


def metadata_bytes(random: Random, data: bytes) -> bytes:
    """In the bytes of the flatbuffer."""
    program, metadata = _sections(data)
    return _with(data, NETWORK_ELF, write_elf(program, damaged(random, metadata)))


def elf_headers(random: Random, data: bytes) -> bytes:
    """In the headers of network.elf: before its sections, and behind them."""
    image = _content(_segments(data)[NETWORK_ELF])
    table = int.from_bytes(image[32:36], "little")
    begin, end = random.choice([(0, 84), (table, len(image))])
    return _with(data, NETWORK_ELF, image[:begin] + damaged(random, image[begin:end]) + image[end:])


def program_bytes(random: Random, data: bytes) -> bytes:
    """In the bytes of the encoded program."""
    program, metadata = _sections(data)
    return _with(data, NETWORK_ELF, write_elf(damaged(random, program), metadata))


def program_words(random: Random, data: bytes) -> bytes:
    """In the numbers that the encoded program consists of."""
    program, metadata = _sections(data)
    return _with(data, NETWORK_ELF, write_elf(change_words(random, program), metadata))


def program_operations(random: Random, data: bytes) -> bytes:
    """In the operations of the program."""
    program, metadata = _sections(data)
    module = decode(program, CONTEXT)
    change_program(random, module)
    return _with(data, NETWORK_ELF, write_elf(encode(module), metadata))


AROUND_THE_PROGRAM: Mapping[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        container, constants_descriptor, descriptor_bytes, descriptor_fields, metadata_bytes, metadata_fields,
        elf_headers,
    )
}  # fmt: skip
"""What leaves program and constants as they are: a file that is accepted nevertheless gives the same results."""
IN_THE_PROGRAM: Mapping[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (file_bytes, segment_bytes, program_bytes, program_words, program_operations)
}
