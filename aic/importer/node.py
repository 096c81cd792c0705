"""A node of an ONNX graph as converters see it: attributes as plain values, operands as tensors of the import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import AttributeProto

from aic.importer.builder import Array, Builder, Value
from aic.importer.problems import Misfit, Unsupported


@dataclass(frozen=True)
class Node:
    """One node: its operator, operands (None where one is left out), and attributes (references resolved)."""

    operator: str
    domain: str
    opset: int
    name: str
    operands: tuple[Value | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeProto]

    def operand(self, position: int) -> Value:
        """A required operand. Raises Misfit when the node leaves it out."""
        value = self.optional(position)
        if value is None:
            raise Misfit(f"{self.operator} needs operand {position}")
        return value

    def optional(self, position: int) -> Value | None:
        """An operand, or None when the node leaves it out."""
        return self.operands[position] if position < len(self.operands) else None

    def given(self) -> list[Value]:
        """All operands that the node has."""
        return [value for value in self.operands if value is not None]

    def wants(self, position: int) -> bool:
        """Whether the node names this output."""
        return position < len(self.outputs) and self.outputs[position] != ""

    def has(self, name: str) -> bool:
        """Whether the node has the attribute."""
        return name in self.attributes

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        return self.attributes[name].i if name in self.attributes else default

    def number(self, name: str, default: float) -> float:
        """A floating-point attribute."""
        return self.attributes[name].f if name in self.attributes else default

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        return self.attributes[name].s.decode(errors="replace") if name in self.attributes else default

    def integers(self, name: str, default: Sequence[int] = ()) -> tuple[int, ...]:
        """A list of integers."""
        return tuple(self.attributes[name].ints) if name in self.attributes else tuple(default)

    def known_or_none(self, builder: Builder, position: int) -> Array | None:
        """Elements of an optional operand that must be known at compile time; None where it is left out."""
        return None if self.optional(position) is None else self.known(builder, position)

    def known(self, builder: Builder, position: int) -> Array:
        """Elements of an operand that must be known at compile time. Raises Unsupported when it depends on inputs."""
        array = builder.known(self.operand(position))
        if array is None:
            raise Unsupported(f"operand {position} of {self.operator} must be a constant: shapes are static")
        return array

    def only_default(self, name: str, allowed: object) -> None:
        """Raises Unsupported unless the attribute is left out or has the one value that is supported."""
        if name not in self.attributes:
            return
        value = onnx.helper.get_attribute_value(self.attributes[name])
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if value != allowed:
            raise Unsupported(f"{name} = {value}; supported is {allowed}")


def axis_of(axis: int, rank: int, what: str) -> int:
    """An axis counted from the start. Raises Misfit when there is no such dimension."""
    if not -rank <= axis < max(rank, 1):
        raise Misfit(f"{what}: axis {axis} of {rank} dimensions")
    return axis + rank if axis < 0 else axis
