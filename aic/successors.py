"""Which operation stands for which after a pass has quantized a network.

Passes hand on source locations: what they put in place of an operation gets its very location. Names may be those of
several operations; a location that is an object of its own is not.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.ir import Block, BlockArgument, SSAValue

from dialects.graph.base import GraphOp, tensor_type
from dialects.graph.unary import ClipOp, ReluOp
from dialects.module import main_of, standing_alone
from dialects.quantized.contraction import QuantizedContractionOp
from dialects.quantized.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from dialects.quantized.elementwise import AddOp, LookUpOp
from dialects.quantized.types import UniformType

_CONVERSIONS = (QuantizeOp, DequantizeOp, RequantizeOp)
_RESCALED = ReluOp | ClipOp | QuantizeOp | DequantizeOp
"""Operations in whose place a `quantized.requantize` may be."""


@dataclass(frozen=True)
class Marked:
    """A copy of a module from before a pass, which has its source locations in common with the module."""

    before: ModuleOp
    _own: Mapping[int, tuple[LocationAttr, LocationAttr]]
    """Locations that were made for this, and what they were before, by identity."""

    @staticmethod
    def of(module: ModuleOp) -> "Marked":
        """Makes every location in a module, of one program, an object of its own, equal to what it was. The copy stands
        alone where the module lies in another.
        """
        own: dict[int, tuple[LocationAttr, LocationAttr]] = {}
        block = main_of(module).body.block
        for owner in (*block.args, *block.ops):
            given = owner.location
            owner.location = copy(given)
            own[id(owner.location)] = (owner.location, given)
        alone = standing_alone(module)
        return Marked(module.clone() if alone is module else alone, own)

    def forget(self, module: ModuleOp) -> None:
        """Gives the module, which passes may have changed, the objects back that it had for locations."""
        block = main_of(module).body.block
        for owner in (*block.args, *block.ops):
            if id(owner.location) in self._own:
                owner.location = self._own[id(owner.location)][1]


class Successors:
    """The operations of a module after a pass, by those that they stand for in what `Marked` has kept of it."""

    def __init__(self, after: ModuleOp) -> None:
        self._by_location: dict[int, list[GraphOp]] = {}
        for op in main_of(after).body.block.ops:
            if isinstance(op, GraphOp):
                self._by_location.setdefault(id(op.location), []).append(op)

    def of(self, op: GraphOp) -> GraphOp | None:
        """What computes the result of an operation; None where another one does its work."""
        found = self._by_location.get(id(op.location), [])
        alike = [new for new in found if type(new) is type(op)]
        others = [
            new
            for new in found
            if not isinstance(new, _CONVERSIONS) or (isinstance(new, RequantizeOp) and isinstance(op, _RESCALED))
        ]
        return next(iter([*alike, *others]), None)

    def integers_of(self, value: SSAValue) -> SSAValue | None:
        """A value as integers, as it was computed or else quantized; None where it is numbers only."""
        maker = value if isinstance(value, BlockArgument) else value.owner
        computed = self.of(maker) if isinstance(maker, GraphOp) else None
        found = () if isinstance(maker, Block) else self._by_location.get(id(maker.location), ())
        made = (new.output for new in found if new is computed or isinstance(new, QuantizeOp))
        return next((new for new in made if isinstance(tensor_type(new).element_type, UniformType)), None)


def first_of(op: GraphOp, successor: GraphOp) -> GraphOp:
    """The operation whose operands a successor reads: `op`, or the sum that it limits."""
    if isinstance(successor, AddOp) and isinstance(op, ReluOp | ClipOp):
        first = op.operands[0].owner
        assert isinstance(first, GraphOp)
        return first
    return op


def operands_of(successor: GraphOp) -> Sequence[SSAValue]:
    """The operands that may stand for such of the operation before the pass: no tables of what was quantized."""
    return successor.operands[:-1] if isinstance(successor, QuantizedContractionOp | LookUpOp) else successor.operands
