"""Reads an encoded module back (layout: `program_format`). A file is untrusted: every count and reference is checked.

Only what the dialects of the given context declare can come out: attribute classes and operations are looked up there,
payloads are directed by the classes' own annotations, and the module is verified at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from xdsl.context import Context
from xdsl.dialects.builtin import (
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    LocationAttr,
    ModuleOp,
    NameLoc,
    ShapedType,
    UnknownLoc,
    UnregisteredAttr,
    UnregisteredOp,
)
from xdsl.ir import Attribute, Block, Data, Operation, ParametrizedAttribute, Region, SSAValue, TypeAttribute
from xdsl.traits import IsTerminator, NoTerminator
from xdsl.utils.exceptions import VerifyException

from aic.qpc.errors import QpcError
from aic.qpc.payload import Source, data_codec
from aic.qpc.program_format import BUILTIN_MARK, ProgramLimits, builtin_classes, unpack_program
from aic.qpc.words import unpack_words
from dialects.text import place

_BYTES_PER_NODE = 8
"""Bytes of a string that are taken for as much as one more attribute."""
_LOCATIONS = (NameLoc, UnknownLoc, FusedLoc, FileLineColLoc, CallSiteLoc)


def decode(data: bytes | memoryview, context: Context, limits: ProgramLimits | None = None) -> ModuleOp:
    """The module that `aic.qpc.encoding.encode` made `data` of, verified.

    Raises QpcError if the data is malformed, exceeds the limits, names what the context does not know, or if the module
    does not verify.
    """
    limits = ProgramLimits() if limits is None else limits
    header, numbers, strings = unpack_program(data, limits)
    try:
        module = _ModuleDecoder(unpack_words(numbers), strings, context, limits).run(header.operations)
        _verify(module)
    except QpcError:
        raise
    except Exception as error:
        # Constructors and verifiers of any dialect run on hostile values here and may fail in any way.
        raise QpcError(f"program: malformed ({type(error).__name__}: {_first_line(error)})") from error
    return module


@dataclass(frozen=True, slots=True)
class _Kind:
    cls: type[Operation]
    operands_end: int
    results_end: int
    properties_end: int
    words: int
    regions: int
    properties: tuple[str, ...]
    attributes: tuple[str, ...]


class _Pools(Source):
    """The strings and attributes of a file, and for each attribute how large and how deep it is with all its parts."""

    def __init__(self, words: Sequence[int], strings: memoryview, context: Context, limits: ProgramLimits) -> None:
        super().__init__(words)
        self._context = context
        self._limits = limits
        self.attributes: list[Attribute] = []
        self.sizes: list[int] = []
        self._depths: list[int] = []
        self._size = self._height = 0
        self._strings = self._read_strings(strings)
        self._classes = [self._class(self.blob(self.word()).decode()) for _ in range(self.count())]
        self._read_attributes()

    def blob(self, index: int) -> bytes:
        blob = self._strings[index]
        self._size += len(blob) // _BYTES_PER_NODE
        return blob

    def attribute(self, index: int) -> Attribute:
        attribute = self.attributes[index]
        self._size += self.sizes[index]
        self._height = max(self._height, self._depths[index])
        return attribute

    def _read_strings(self, data: memoryview) -> list[bytes]:
        strings: list[bytes] = []
        position = 0
        for _ in range(self.count()):
            length = self.word()
            end = position + length
            if end > len(data) or length > self._limits.string_bytes:
                raise QpcError(
                    f"program: a string of {length} bytes ends at byte {end} of {len(data)}; "
                    f"at most {self._limits.string_bytes} are read"
                )
            strings.append(bytes(data[position:end]))
            position = end
        if position != len(data):
            raise QpcError(f"program: {len(data) - position} bytes follow the last string")
        return strings

    def _class(self, name: str) -> type[Attribute]:
        cls = _lookup(name, self._context)
        if cls is None or issubclass(cls, UnregisteredAttr):
            raise QpcError(f"program: uses attribute {name[:64]!r}, which no registered dialect has")
        return cls

    def _read_attributes(self) -> None:
        count = self.count()
        if count > self._limits.attributes:
            raise QpcError(f"program: {count} attributes, at most {self._limits.attributes} are read")
        nodes = 0
        for _ in range(count):
            cls = self._classes[self.word()]
            words = self.count()
            end = self.at + words
            self._size, self._height = 1 + words, 0
            attribute = self._read_attribute(cls, end)
            if self.at != end:
                raise QpcError(f"program: attribute {cls.name} does not fill its record")
            nodes += self._size
            if nodes > self._limits.attribute_nodes or self._height >= self._limits.depth:
                raise QpcError(
                    f"program: attributes have more than {self._limits.attribute_nodes} nodes in all, "
                    f"or are nested deeper than {self._limits.depth}"
                )
            if isinstance(attribute, ShapedType) and len(attribute.get_shape()) > self._limits.rank:
                raise QpcError(f"program: a type of more than {self._limits.rank} dimensions")
            self.attributes.append(attribute)
            self.sizes.append(self._size)
            self._depths.append(self._height + 1)

    def _read_attribute(self, cls: type[Attribute], end: int) -> Attribute:
        if issubclass(cls, ParametrizedAttribute):
            parameters = [self.attribute(index) for index in self.words[self.at : end]]
            self.at = end
            return cls.new(parameters)
        data_class = cast(type[Data[Any]], cls)
        self.depth = 0
        return data_class.new(data_codec(data_class).get(self))


class _ModuleDecoder:
    def __init__(self, words: list[int], strings: memoryview, context: Context, limits: ProgramLimits) -> None:
        self._pools = _Pools(words, strings, context, limits)
        self._words = words
        self._context = context
        self._limits = limits
        self._kinds = [self._read_kind() for _ in range(self._pools.count())]
        self._at = self._pools.at
        self._values: list[SSAValue] = []
        self._operations_left = 0
        self._visits_left = limits.visits
        self._depth = 0

    def run(self, operations: int) -> ModuleOp:
        self._operations_left = operations
        module = self._operation()
        if not isinstance(module, ModuleOp):
            raise QpcError(f"program: the outermost operation is {module.name}, not {ModuleOp.name}")
        if self._operations_left or self._at != len(self._words):
            raise QpcError("program: its end is not where the counts say")
        return module

    def _read_kind(self) -> _Kind:
        pools = self._pools
        name = pools.blob(pools.word()).decode()
        cls = self._context.get_optional_op(name)
        if cls is None or issubclass(cls, UnregisteredOp):
            raise QpcError(f"program: uses operation {name[:64]!r}, which no registered dialect has")
        operands, results, regions = pools.word(), pools.word(), pools.word()
        properties, attributes = (
            tuple(pools.blob(pools.word()).decode() for _ in range(pools.count())) for _ in range(2)
        )
        if len(set(properties)) + len(set(attributes)) != len(properties) + len(attributes):
            raise QpcError(f"program: operation {name} names an attribute twice")
        operands_end = 2 + operands
        results_end = operands_end + results
        properties_end = results_end + len(properties)
        words = properties_end + len(attributes)
        return _Kind(cls, operands_end, results_end, properties_end, words, regions, properties, attributes)

    def _operation(self) -> Operation:
        start = self._at
        kind = self._kinds[self._words[start]]
        record = self._words[start : start + kind.words]
        self._at = start + kind.words
        self._operations_left -= 1
        if len(record) != kind.words or self._operations_left < 0:
            raise QpcError("program: has fewer operations than announced, or is cut off")
        values, attributes, sizes = self._values, self._pools.attributes, self._pools.sizes

        distances = record[2 : kind.operands_end]
        if distances and not 0 < min(distances) <= max(distances) <= len(values):
            raise QpcError(f"program: an operand of {kind.cls.name} refers to no visible value")
        used = record[kind.operands_end :]
        self._visits_left -= sum([sizes[index] for index in used])
        if self._visits_left < 0:
            raise QpcError(f"program: uses of attributes have more than {self._limits.visits} nodes in all")
        found = [attributes[index] for index in used]
        results = kind.results_end - kind.operands_end
        properties = kind.properties_end - kind.operands_end
        operation = kind.cls.create(
            operands=[values[-distance] for distance in distances],
            result_types=[_checked_type(type) for type in found[:results]],
            properties=dict(zip(kind.properties, found[results:properties], strict=True)),
            attributes=dict(zip(kind.attributes, found[properties:], strict=True)),
            location=_checked_location(attributes[record[1]]),
            regions=[self._region() for _ in range(kind.regions)] if kind.regions else (),
        )
        values += operation.results
        return operation

    def _region(self) -> Region:
        self._depth += 1
        if self._depth > self._limits.depth:
            raise QpcError(f"program: regions are nested deeper than {self._limits.depth}")
        outside = len(self._values)
        blocks = self._word()
        if blocks > 1:
            raise QpcError(f"program: a region of {blocks} blocks, at most 1 is read")
        region = Region([self._block() for _ in range(blocks)])
        del self._values[outside:]
        self._depth -= 1
        return region

    def _block(self) -> Block:
        attributes = self._pools.attributes
        count = self._word()
        record = self._words[self._at : self._at + 2 * count]
        self._at += 2 * count
        if len(record) != 2 * count:
            raise QpcError("program: block arguments are cut off")
        block = Block(arg_types=[_checked_type(attributes[index]) for index in record[::2]])
        for argument, index in zip(block.args, record[1::2], strict=True):
            argument.location = _checked_location(attributes[index])
        self._values += block.args
        operations = self._word()
        if operations > self._operations_left:
            raise QpcError("program: has more operations than announced")
        block.add_ops([self._operation() for _ in range(operations)])
        return block

    def _word(self) -> int:
        word = self._words[self._at]
        self._at += 1
        return word


def _verify(module: ModuleOp) -> None:
    """Verify as `module.verify()` does. That one prints the whole module when it fails, which here may be endless."""
    for operation in module.walk():
        try:
            operation.verify_()
        except VerifyException as error:
            raise QpcError(f"program: {place(operation)} does not verify: {_first_line(error)}") from error
        for region in operation.regions:
            if any(not _is_closed(operation, block) for block in region.blocks):
                raise QpcError(f"program: {place(operation)}: its block does not end in a terminator")


def _is_closed(parent: Operation, block: Block) -> bool:
    last = block.last_op
    return parent.has_trait(NoTerminator) or (last is not None and last.has_trait(IsTerminator))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def _lookup(name: str, context: Context) -> type[Attribute] | None:
    mark, rest = name[:1], name[1:]
    if mark == BUILTIN_MARK:
        known = "builtin" in context.registered_dialect_names
        return builtin_classes().get(rest) if known else None
    if "." not in rest:
        return None
    return context.get_optional_type(rest) if mark == "!" else context.get_optional_attr(rest)


def _checked_type(attribute: Attribute) -> Attribute:
    if not isinstance(attribute, TypeAttribute):
        raise QpcError(f"program: attribute {attribute.name} is used as a type")
    return attribute


def _checked_location(attribute: Attribute) -> LocationAttr:
    if not isinstance(attribute, _LOCATIONS):
        raise QpcError(f"program: attribute {attribute.name} is used as a location")
    return attribute
