"""Whether every value is defined before it is used, which xDSL's verifier does not check."""

from xdsl.ir import Operation, Region, SSAValue
from xdsl.traits import IsolatedFromAbove


def first_undominated(op: Operation) -> tuple[Operation, SSAValue] | None:
    """The first operation inside `op` that uses a value before, or outside of, its definition, and that value.

    In a region of several blocks the values of every other block count as defined: only the order within each block
    is checked there.
    """
    for region in op.regions:
        found = _in_region(region, set())
        if found is not None:
            return found
    return None


def _in_region(region: Region, defined: set[SSAValue]) -> tuple[Operation, SSAValue] | None:
    """As above, given what is defined outside; `defined` is the same afterwards."""
    blocks = tuple(region.blocks)
    own: list[SSAValue] = [argument for block in blocks for argument in block.args]
    own.extend(result for block in blocks for op in block.ops for result in op.results)
    defined.update(own)
    for block in blocks:
        defined.difference_update(result for op in block.ops for result in op.results)
        for op in block.ops:
            found = _in_operation(op, defined)
            if found is not None:
                return found
            defined.update(op.results)
    defined.difference_update(own)
    return None


def _in_operation(op: Operation, defined: set[SSAValue]) -> tuple[Operation, SSAValue] | None:
    for operand in op.operands:
        if operand not in defined:
            return op, operand
    if not op.regions:
        return None
    outer = set[SSAValue]() if op.has_trait(IsolatedFromAbove) else defined
    for region in op.regions:
        found = _in_region(region, outer)
        if found is not None:
            return found
    return None
