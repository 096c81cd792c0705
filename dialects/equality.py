"""Equality of modules, source locations included (xDSL's own comparison leaves them out)."""

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, Region, SSAValue

_Renaming = dict[SSAValue | Block, SSAValue | Block]
"""Values and blocks of the left side -> their counterparts on the right."""


def same_module(left: ModuleOp, right: ModuleOp) -> bool:
    """Whether both modules have the same operations, connections, types, attributes and locations.

    Names of values are not compared: they are hints for printing.
    """
    return first_difference(left, right) is None


def first_difference(left: Operation, right: Operation) -> str | None:
    """What first tells two operations (and all that is inside) apart, as one line, or None."""
    return _operation_difference(left, right, {})


def _operation_difference(left: Operation, right: Operation, renaming: _Renaming) -> str | None:
    if type(left) is not type(right):
        return f"operation {left.name} against {right.name}"
    difference = _own_difference(left, right)
    if difference is None and [renaming.get(value) for value in left.operands] != list(right.operands):
        difference = "operands"
    if difference is None and [renaming.get(block) for block in left.successors] != list(right.successors):
        difference = "successors"
    if difference is not None:
        return f"{difference} of {left.name} at {left.location} against {right.location}"
    for left_region, right_region in zip(left.regions, right.regions, strict=True):
        difference = _region_difference(left_region, right_region, renaming)
        if difference is not None:
            return difference
    renaming.update(zip(left.results, right.results, strict=True))
    return None


def _own_difference(left: Operation, right: Operation) -> str | None:
    """The part of two operations that differs, apart from what they are connected to and what is inside."""
    parts = (
        ("location", left.location, right.location),
        ("properties", left.properties, right.properties),
        ("attributes", left.attributes, right.attributes),
        ("result types", left.result_types, right.result_types),
        ("number of operands", len(left.operands), len(right.operands)),
        ("number of regions", len(left.regions), len(right.regions)),
    )
    return next((part for part, a, b in parts if a != b), None)


def _region_difference(left: Region, right: Region, renaming: _Renaming) -> str | None:
    left_blocks, right_blocks = tuple(left.blocks), tuple(right.blocks)
    if len(left_blocks) != len(right_blocks):
        return f"{len(left_blocks)} blocks against {len(right_blocks)}"
    renaming.update(zip(left_blocks, right_blocks, strict=True))
    for left_block, right_block in zip(left_blocks, right_blocks, strict=True):
        difference = _block_difference(left_block, right_block, renaming)
        if difference is not None:
            return difference
    return None


def _block_difference(left: Block, right: Block, renaming: _Renaming) -> str | None:
    if [(arg.type, arg.location) for arg in left.args] != [(arg.type, arg.location) for arg in right.args]:
        return f"block arguments {left.args} against {right.args}"
    renaming.update(zip(left.args, right.args, strict=True))
    left_operations, right_operations = tuple(left.ops), tuple(right.ops)
    for left_operation, right_operation in zip(left_operations, right_operations, strict=False):
        difference = _operation_difference(left_operation, right_operation, renaming)
        if difference is not None:
            return difference
    if len(left_operations) != len(right_operations):
        return f"{len(left_operations)} operations in a block against {len(right_operations)}"
    return None
