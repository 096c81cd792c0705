"""Profiles from other tools: what `-external-quantization` reads.

The vendor's documents say that it is YAML and names the first outputs of operators. Read are a list of our own, and
AIMET's encodings: as YAML, which public scripts pass to the vendor's compiler, or as JSON. The content tells which.
"""

from collections.abc import Mapping
from pathlib import Path

from passes.quantization.files.documents import counted, json_document, read_text, yaml_documents
from passes.quantization.files.encodings import (
    BITS,
    PRECISIONS,
    Precision,
    TensorEncoding,
    aimet_encodings,
    checked_axis,
    checked_offset,
    checked_scale,
    precision_called,
)
from passes.quantization.files.nodes import (
    Entries,
    Flaw,
    Items,
    Node,
    Scalar,
    about,
    check_once,
    collected,
    fields_of,
    items_of,
    refusing,
    text_of,
)

_WHAT = "an external quantization profile"
_REMEDY = "correct it, or export it anew (docs/quantization-files.md shows the forms)"
_NAME, _PRECISION, _SCALE, _OFFSET, _AXIS = "NodeOutputName", "Precision", "Scale", "Offset", "Axis"


def read_external(path: Path) -> Mapping[str, TensorEncoding]:
    """The encodings in a file, by tensor. Tensors that it does not name stay in floating point.

    Raises AicError when it cannot be read or is of no known form, or for all tensors whose encodings are wrong.
    """
    with refusing(path, _REMEDY):
        root = _root(read_text(path, _WHAT))
        match root:
            case Items():
                return _of_list(root)
            case Entries():
                return aimet_encodings(root)
            case Scalar():
                raise Flaw(f"not {_WHAT}: neither a list nor AIMET's encodings", root.line)


def _root(text: str) -> Node:
    if text.lstrip().startswith("{"):
        return json_document(text)
    documents = yaml_documents(text)
    if len(documents) != 1:
        raise Flaw(f"not {_WHAT}: it has {counted(documents)}, not one", None)
    return documents[0]


def _of_list(root: Items) -> dict[str, TensorEncoding]:
    encodings = collected(root.items, _encoding)
    check_once((encoding.name, node.line) for encoding, node in zip(encodings, root.items, strict=True))
    return {encoding.name: encoding for encoding in encodings}


def _encoding(node: Node) -> TensorEncoding:
    fields = fields_of(node, "an entry", [_NAME], [_PRECISION, _SCALE, _OFFSET, _AXIS])
    name = text_of(fields[_NAME], _NAME)
    with about(name):
        precision = _precision(fields)
        if precision in BITS:
            return _of_integers(name, precision, node, fields)
        if unused := [key for key in (_SCALE, _OFFSET, _AXIS) if key in fields]:
            raise Flaw(f"{precision} has no {unused[0]}", fields[unused[0]].line)
        return TensorEncoding(name, precision, (), (), None, is_constant=False)


def _precision(fields: Mapping[str, Node]) -> Precision:
    if _PRECISION not in fields:
        return "int8"
    text = text_of(fields[_PRECISION], _PRECISION)
    precision = precision_called(text)
    if precision is None:
        raise Flaw(f"{_PRECISION} is {text!r}; there are {', '.join(PRECISIONS)}", fields[_PRECISION].line)
    return precision


def _of_integers(name: str, precision: Precision, node: Node, fields: Mapping[str, Node]) -> TensorEncoding:
    if missing := [key for key in (_SCALE, _OFFSET) if key not in fields]:
        raise Flaw(f"{precision} needs {' and '.join(missing)}", node.line)
    by_channel = isinstance(fields[_SCALE], Items)
    if by_channel != (_AXIS in fields):
        raise Flaw(f"{_AXIS} goes with a list of scales, and a list of scales with {_AXIS}", node.line)
    scale_nodes, offset_nodes = ([fields[key]] for key in (_SCALE, _OFFSET))
    if by_channel:
        scale_nodes, offset_nodes = (items_of(fields[key], key) for key in (_SCALE, _OFFSET))
    if not scale_nodes or len(scale_nodes) != len(offset_nodes):
        raise Flaw(f"{len(scale_nodes)} scales go with {len(offset_nodes)} offsets", node.line)
    scales = tuple(checked_scale(item, _SCALE) for item in scale_nodes)
    offsets = tuple(checked_offset(item, _OFFSET, BITS[precision]) for item in offset_nodes)
    axis = checked_axis(fields[_AXIS], _AXIS) if by_channel else None
    return TensorEncoding(name, precision, scales, offsets, axis, is_constant=False)
