"""What may exist in a module at each level of the compiler."""

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation

from dialects.errors import AicError
from dialects.graph.model import ModelOp
from dialects.quantized.conversion import DequantizeOp, QuantizeOp
from dialects.text import place
from dialects.tile import AllocOp, ReshardOp
from dialects.tile.reshard import sharding_of

_LISTED = 10
"""Leftovers that one message names."""


@dataclass(frozen=True)
class Level:
    """Operations that a module may hold: those of some dialects, that have nothing against them."""

    dialects: tuple[str, ...]
    objection: Callable[[Operation], str | None] = lambda op: None
    """Why an operation of these dialects may not stay; None when it may."""

    def problem(self, op: Operation) -> str | None:
        """Why an operation may not be in a module of this level; None when it may."""
        if isinstance(op, ModelOp):
            return "the network in this file is not imported yet"
        if op.name.partition(".")[0] not in self.dialects:
            return f"only operations of {', '.join(self.dialects)} may be here"
        return self.objection(op)


def check_level(module: ModuleOp, level: Level, after: str) -> None:
    """Raises AicError, naming every operation with its ONNX node and the reason, when some may not be in the module.

    `after` says what should have left nothing else: a phase and its passes.
    """
    leftovers = [(op, reason) for op in module.walk() if (reason := level.problem(op)) is not None]
    if leftovers:
        raise AicError(f"{after} left what may not stay:{_listed(leftovers)}")


def _listed(leftovers: list[tuple[Operation, str]]) -> str:
    lines = [f"\n  {place(op)}: {reason}" for op, reason in leftovers[:_LISTED]]
    more = len(leftovers) - _LISTED
    return "".join(lines) + (f"\n  and {more} more" if more > 0 else "")


def _unsharded(op: Operation) -> str | None:
    if op.name.startswith("tile.") and not isinstance(op, ReshardOp):
        return "of the tile dialect only tile.reshard may be here"
    for result in op.results:
        if isinstance(result.type, TensorType) and sharding_of(result) is None:
            return f"{result.type} has no sharding"
    return None


def _untiled(op: Operation) -> str | None:
    if isinstance(op, ReshardOp):
        return "a change of sharding must have become transfers"
    for result in op.results:
        if isinstance(result.type, TensorType):
            return f"{result.type} is a tensor, not a buffer"
    return None


def _unscheduled(op: Operation) -> str | None:
    if isinstance(op, AllocOp) and op.address is None:
        return "a buffer must have an address"
    return _untiled(op)


def _unquantized(op: Operation) -> str | None:
    if op.name.startswith("quantized.") and not isinstance(op, QuantizeOp | DequantizeOp):
        return "of the quantized dialect only conversions of inputs and outputs that are integers may be here"
    return None


QUANTIZED = Level(("builtin", "func", "graph", "quantized"))
GRAPH = Level(QUANTIZED.dialects, _unquantized)
SHARDED = Level((*QUANTIZED.dialects, "tile"), _unsharded)
TILED = Level(("builtin", "func", "tile"), _untiled)
SCHEDULED = Level(TILED.dialects, _unscheduled)
