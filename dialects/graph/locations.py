"""Names from the model as source locations, which rewrites hand on from op to op.

`loc("node"("tensor":0:0))`: the op belongs to the ONNX node `node` and makes its tensor `tensor`. Where it makes no
tensor of the model, or one of the node's own name, the location is just `loc("node")`. (MLIR lets a name location
enclose any location but a name, so the tensor takes the place of a file.)
"""

from functools import cache

from xdsl.dialects.builtin import FileLineColLoc, IntAttr, LocationAttr, NameLoc, NoneAttr, StringAttr
from xdsl.ir import Operation


@cache
def model_location(node: str, tensor: str = "") -> NameLoc:
    """Location of an op that belongs to an ONNX node, and makes a tensor of the model if one is named."""
    if not tensor or tensor == node:
        return NameLoc(StringAttr(node), NoneAttr())
    return NameLoc(StringAttr(node), FileLineColLoc(StringAttr(tensor), IntAttr(0), IntAttr(0)))


def location_of_both(first: Operation, last: Operation) -> LocationAttr:
    """Location of an op that does the work of two: it belongs to the node of the first and makes the tensor of the
    last.
    """
    return model_location(node_name(first), tensor_name(last)) if node_name(first) else last.location


def node_name(op: Operation) -> str:
    """Name of the ONNX node that the op belongs to; empty when it is not known."""
    return op.location.desc.data if isinstance(op.location, NameLoc) else ""


def tensor_name(op: Operation) -> str:
    """Name of the tensor of the model that the op makes, else of its node; empty when neither is known."""
    location = op.location
    if not isinstance(location, NameLoc):
        return ""
    made = location.location
    return made.filename.data if isinstance(made, FileLineColLoc) else location.desc.data
