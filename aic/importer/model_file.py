"""Reads a model file: `.onnx` (protobuf) or text (`.onnxtxt`: ONNX's textual syntax, or protobuf's text format)."""

from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

import onnx
from google.protobuf import text_format
from google.protobuf.message import DecodeError

from aic.importer.problems import ImportFailure
from aic.importer.wire import without_payloads

TEXT_SUFFIXES = (".onnxtxt", ".onnxtext", ".txt", ".textproto", ".prototxt", ".pbtxt")


def read_model(path: Path) -> onnx.ModelProto:
    """The model in a file; large tensors of a binary one stay there (`aic.importer.wire`).

    Raises ImportFailure when the file is missing, not readable, or not a whole ONNX model.
    """
    try:
        model = _parse_text(path) if path.suffix in TEXT_SUFFIXES else _parse_binary(path)
    except OSError as error:
        raise ImportFailure(f"{path}: cannot read the model: {error.strerror}") from error
    except ImportFailure as error:
        raise ImportFailure(f"{path}: {error}") from None
    except (DecodeError, ValueError, RecursionError) as error:
        raise ImportFailure(f"{path}: not an ONNX model, or a truncated or corrupt one ({error})") from error
    if not model.HasField("graph"):
        raise ImportFailure(f"{path}: not an ONNX model: it has no graph")
    if not all(isinstance(name, str) for name in _names(model.graph)):
        raise ImportFailure(f"{path}: corrupt: a name is not text")
    return model


def _names(graph: onnx.GraphProto) -> Iterator[object]:
    """Every name in a graph; protobuf yields bytes for one that is not text."""
    for value in (*graph.input, *graph.output, *graph.initializer):
        yield value.name
    for node in graph.node:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
            yield from _names(attribute.g)


def _parse_binary(path: Path) -> onnx.ModelProto:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise ImportFailure("the file is empty")
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            return onnx.ModelProto.FromString(without_payloads(data))


def _parse_text(path: Path) -> onnx.ModelProto:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ImportFailure(f"not a text file ({error})") from None
    try:
        return onnx.parser.parse_model(text)
    except onnx.parser.ParseError as first:
        try:
            return text_format.Parse(text, onnx.ModelProto())
        except text_format.ParseError as second:
            reason = " ".join(str(first).split())
            raise ImportFailure(f"neither ONNX text ({reason}) nor protobuf text ({second})") from None
