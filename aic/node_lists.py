"""Nodes of a model that options and files list, to be computed in a precision of their own.

The model is read for their names, not imported.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from onnx import GraphProto, NodeProto

from aic.files.names import check_known
from aic.importer.model_file import read_model
from aic.options import Options
from passes.quantization.files.external import read_external
from passes.quantization.files.node_precision import read_node_precision

_MOVES = frozenset(("Cast", "Dropout", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"))
"""Operators that compute nothing: where such a node is gone, no other operation does its work."""
_KNOWN = frozenset(("Constant", "ConstantOfShape", "Shape", "Size"))
"""Operators whose results the importer knows, besides those of what is known."""
_FAR = 16
"""Nodes from one that is listed to the last of those that one operation stands for, at most."""


@dataclass(frozen=True)
class NodeLists:
    """Nodes by their first outputs."""

    fp16: tuple[str, ...] = ()
    """Those that compute in fp16."""
    original: tuple[str, ...] = ()
    """Those that keep the model's precision."""
    nodes: tuple[str, ...] = ()
    """What the settings of quantization know of nodes (`Settings.nodes`)."""


def node_lists(options: Options) -> NodeLists:
    """The nodes that options list, those of whole operators resolved.

    Raises AicError for files that cannot be read, and for names that are none of the model: of operators, of tensors.
    """
    single = () if options.node_precision_info is None else read_node_precision(options.node_precision_info)
    kinds = (*options.execute_nodes_in_fp16, *options.keep_original_precision_for_nodes)
    if not kinds and not single and options.external_quantization is None:
        return NodeLists()
    if options.model is None or options.from_phase is not None:
        return NodeLists(fp16=single)
    graph = _Graph.of(options.model)
    check_known(single, graph.nodes, f"{options.node_precision_info}: no node's first output")
    if options.external_quantization is not None:
        encoded = read_external(options.external_quantization)
        check_known(encoded, graph.tensors, f"{options.external_quantization}: no tensor of the model")
    fp16 = [*single, *graph.of_kinds(options.execute_nodes_in_fp16, "-execute-nodes-in-fp16")]
    original = graph.of_kinds(options.keep_original_precision_for_nodes, "-keep-original-precision-for-nodes")
    if options.convert_to_fp16:
        fp16, original = [*fp16, *original], []
    listed = dict.fromkeys(fp16)
    kept = [output for output in dict.fromkeys(original) if output not in listed]
    nodes = graph.around([*listed, *kept])
    named = ((output, *names) for output, names in nodes.items())
    return NodeLists(tuple(listed), tuple(kept), tuple(chain.from_iterable(named)))


@dataclass(frozen=True)
class _Graph:
    """The nodes of a model's graph by their first outputs."""

    nodes: Mapping[str, NodeProto]
    readers: Mapping[str, str]
    """First output of the first node that reads a tensor."""
    tensors: Collection[str]
    """Names of all tensors."""
    known: Collection[str]
    """Names of those that do not depend on the inputs of the network."""

    @staticmethod
    def of(model: Path) -> "_Graph":
        """The graph in a file. Raises ImportFailure for a file that is no model."""
        graph = read_model(model).graph
        nodes = {_first_output(node): node for node in graph.node}
        readers: dict[str, str] = {}
        for output, node in nodes.items():
            for source in node.input:
                readers.setdefault(source, output)
        stored = [tensor.name for tensor in graph.initializer]
        outputs = [output for node in graph.node for output in node.output]
        tensors = {*stored, *outputs, *(port.name for port in graph.input)} - {""}
        return _Graph(nodes, readers, tensors, _known_tensors(graph, stored))

    def of_kinds(self, kinds: Sequence[str], option: str) -> list[str]:
        """The first outputs of all nodes of some operators. Raises AicError for operators that the model has not."""
        by_kind: dict[str, list[str]] = {}
        for output, node in self.nodes.items():
            by_kind.setdefault(node.op_type, []).append(output)
        check_known(kinds, by_kind, f"{option}: no operator of the model")
        return [output for kind in kinds for output in by_kind[kind] if output not in self.known]

    def makers(self, tensors: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Of the nodes that make tensors, by their first outputs: the name, and the first output of a node that reads
        that; empty where there is none, or where the node computes nothing.
        """
        found = {tensor: self.nodes[tensor] for tensor in tensors if tensor in self.nodes}
        return {
            output: (node.name, "" if node.op_type in _MOVES else self.readers.get(output, ""))
            for output, node in found.items()
        }

    def around(self, outputs: Iterable[str]) -> dict[str, tuple[str, str]]:
        """The same of these nodes, and of those behind them where one operation may stand for both."""
        found: dict[str, tuple[str, str]] = {}
        for output in outputs:
            at = output
            for _ in range(_FAR):
                found |= self.makers([at])
                at = found[at][1] if at in found else ""
        return found


def _known_tensors(graph: GraphProto, stored: Iterable[str]) -> set[str]:
    known = set(stored)
    for node in graph.node:
        has_body = any(attribute.HasField("g") for attribute in node.attribute)
        if node.op_type in _KNOWN or (not has_body and all(source in known for source in node.input if source)):
            known.update(node.output)
    return known


def _first_output(node: NodeProto) -> str:
    return next((output for output in node.output if output), "")
