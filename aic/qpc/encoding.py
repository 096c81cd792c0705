"""Encodes any xDSL module as bytes: the form in which the NSP program lies in a QPC (layout: `program_format`).

Nothing here knows a dialect. Attributes are pooled by what they encode to, not by Python equality, which takes 0.0 for
-0.0 and no NaN for itself.
"""

from itertools import chain

from xdsl.dialects.builtin import ModuleOp, UnregisteredOp
from xdsl.ir import Attribute, Data, Operation, ParametrizedAttribute, Region, SSAValue

from aic.qpc.errors import QpcError
from aic.qpc.payload import Sink, data_codec
from aic.qpc.program_format import ProgramLimits, class_name, pack_program
from aic.qpc.words import pack_words

_LIMITS = ProgramLimits()


def encode(module: ModuleOp) -> bytes:
    """The module with its locations, as bytes; the same module gives the same bytes.

    Raises QpcError, naming operation or attribute, for what cannot be encoded: unregistered operations and attributes,
    control flow between blocks, operands that are defined later, and more than the reader's limits allow.
    """
    return _ModuleEncoder().run(module)


class _Pools(Sink):
    """Strings, attribute classes and attributes, each stored once and numbered in the order of their first use."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: dict[bytes, int] = {}
        self.classes: dict[str, int] = {}
        self.attributes: dict[tuple[int, ...], int] = {}
        self._numbers: dict[int, int] = {}
        self._alive: list[Attribute] = []
        self._class_numbers: dict[type[Attribute], int] = {}
        self._depth = 0

    def blob(self, data: bytes) -> int:
        if len(data) > _LIMITS.string_bytes:
            raise QpcError(f"a string of {len(data)} bytes, at most {_LIMITS.string_bytes} are encoded")
        return self.strings.setdefault(data, len(self.strings))

    def attribute(self, attribute: Attribute) -> int:
        number = self._numbers.get(id(attribute))
        return self._add(attribute) if number is None else number

    def _add(self, attribute: Attribute) -> int:
        self._depth += 1
        if self._depth > _LIMITS.depth:
            raise QpcError(f"attribute {attribute.name}: is nested deeper than {_LIMITS.depth}")
        outer, self.words = self.words, [self._class_number(type(attribute))]
        self._put(attribute)
        record, self.words = tuple(self.words), outer
        self._depth -= 1
        number = self.attributes.setdefault(record, len(self.attributes))
        # Identities serve as keys, so the attribute must not be freed meanwhile.
        self._alive.append(attribute)
        self._numbers[id(attribute)] = number
        return number

    def _put(self, attribute: Attribute) -> None:
        if isinstance(attribute, ParametrizedAttribute):
            for parameter in attribute.parameters:
                self.words.append(self.attribute(parameter))
            return
        if not isinstance(attribute, Data):
            raise QpcError(f"attribute {attribute.name}: is neither data nor parametrized")
        try:
            data_codec(type(attribute)).put(attribute.data, self)
        except (TypeError, ValueError) as error:
            raise QpcError(f"attribute {attribute.name}: cannot be encoded, {error}") from error

    def _class_number(self, cls: type[Attribute]) -> int:
        number = self._class_numbers.get(cls)
        if number is None:
            number = self.classes.setdefault(class_name(cls), len(self.classes))
            self._class_numbers[cls] = number
        return number


_Kind = tuple[str, int, int, int, tuple[str, ...], tuple[str, ...]]


class _ModuleEncoder:
    def __init__(self) -> None:
        self._pools = _Pools()
        self._kinds: dict[_Kind, int] = {}
        self._body: list[int] = []
        self._positions: dict[SSAValue, int] = {}
        self._visible = 0
        self._operations = 0
        self._depth = 0

    def run(self, module: ModuleOp) -> bytes:
        self._operation(module)
        if self._operations > _LIMITS.operations:
            raise QpcError(f"the module has {self._operations} operations, at most {_LIMITS.operations} are encoded")
        pools = self._pools
        kinds = self._kind_words()
        classes = [pools.blob(name.encode()) for name in pools.classes]
        strings = list(pools.strings)
        attributes = chain.from_iterable((record[0], len(record) - 1, *record[1:]) for record in pools.attributes)
        words = [
            len(strings), *map(len, strings), len(classes), *classes,
            len(pools.attributes), *attributes, len(self._kinds), *kinds, *self._body,
        ]  # fmt: skip
        return pack_program(self._operations, pack_words(words), b"".join(strings))

    def _operation(self, operation: Operation) -> None:
        if isinstance(operation, UnregisteredOp):
            raise QpcError(f"operation {operation.op_name.data}: cannot be encoded, its dialect is not registered")
        if operation.successors:
            raise QpcError(f"operation {operation.name}: cannot be encoded, it branches to other blocks")
        self._operations += 1
        operands, results, regions = operation.operands, operation.results, operation.regions
        properties, attributes = operation.properties, operation.attributes
        kind = (
            operation.name, len(operands), len(results), len(regions), tuple(properties), tuple(attributes),
        )  # fmt: skip
        number = self._pools.attribute
        body = self._body
        body.append(self._kinds.setdefault(kind, len(self._kinds)))
        body.append(number(operation.location))
        for operand in operands:
            body.append(self._distance(operation, operand))
        for result in results:
            body.append(number(result.type))
        for attribute in properties.values():
            body.append(number(attribute))
        for attribute in attributes.values():
            body.append(number(attribute))
        for region in regions:
            self._region(operation, region)
        for result in results:
            self._define(result)

    def _region(self, operation: Operation, region: Region) -> None:
        blocks = tuple(region.blocks)
        if len(blocks) > 1:
            raise QpcError(f"operation {operation.name}: cannot be encoded, a region has {len(blocks)} blocks")
        self._depth += 1
        if self._depth > _LIMITS.depth:
            raise QpcError(f"operation {operation.name}: regions are nested deeper than {_LIMITS.depth}")
        outside = self._visible
        self._body.append(len(blocks))
        for block in blocks:
            self._body.append(len(block.args))
            for argument in block.args:
                self._body.append(self._pools.attribute(argument.type))
                self._body.append(self._pools.attribute(argument.location))
                self._define(argument)
            at = len(self._body)
            self._body.append(0)
            for inner in block.ops:
                self._operation(inner)
                self._body[at] += 1
        self._hide(outside)
        self._depth -= 1

    def _define(self, value: SSAValue) -> None:
        self._positions[value] = self._visible
        self._visible += 1

    def _hide(self, outside: int) -> None:
        """Forget the values of a region that ends."""
        while self._visible > outside:
            self._positions.popitem()
            self._visible -= 1

    def _distance(self, operation: Operation, operand: SSAValue) -> int:
        position = self._positions.get(operand)
        if position is None:
            raise QpcError(f"operation {operation.name}: cannot be encoded, an operand is not defined before it")
        return self._visible - position

    def _kind_words(self) -> list[int]:
        words: list[int] = []
        blob = self._pools.blob
        for name, operands, results, regions, properties, attributes in self._kinds:
            words += (blob(name.encode()), operands, results, regions)
            for names in (properties, attributes):
                words.append(len(names))
                words += [blob(key.encode()) for key in names]
        return words
