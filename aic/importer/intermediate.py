"""Intermediate tensors that are asked for as outputs, by the names that the model's graph has for them.

A name is that of a tensor, or names an output of a node: `node:1` is its second one, `node` its first.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from onnx import GraphProto, NodeProto

from aic.importer.problems import ImportFailure

_MOST_DIGITS = 9
"""Of the index of an output."""


def tensors_asked_for(graph: GraphProto, names: Sequence[str]) -> list[str]:
    """The tensors that `names` ask for, in their order, without those that are outputs of the model anyway.

    Raises ImportFailure that lists every name that is none of the graph's, with the nearest ones that are.
    """
    tensors = {tensor.name for tensor in graph.initializer} | {name for node in graph.node for name in node.output}
    tensors.discard("")
    nodes = {node.name: node for node in graph.node if node.name}
    inputs = {value.name for value in graph.input} - tensors
    found: dict[str, None] = {}
    problems: list[str] = []
    for name in names:
        tensor = name if name in tensors else _output_of_node(name, nodes)
        if tensor is None:
            problems.append(f"{name!r}: {_why_unknown(name, inputs, nodes, tensors)}")
        else:
            found[tensor] = None
    if problems:
        raise ImportFailure("no such tensors to give as outputs:" + "".join(f"\n  {problem}" for problem in problems))
    outputs = {output.name for output in graph.output}
    return [tensor for tensor in found if tensor not in outputs]


def _output_of_node(name: str, nodes: Mapping[str, NodeProto]) -> str | None:
    """The tensor that `node:index` or `node` names; None when there is none."""
    for node, index in _readings(name):
        if node in nodes and index < len(nodes[node].output) and nodes[node].output[index]:
            return nodes[node].output[index]
    return None


def _readings(name: str) -> Iterator[tuple[str, int]]:
    """What a name may mean as node and output: names of nodes may have colons of their own."""
    yield name, 0
    node, colon, index = name.rpartition(":")
    if colon and index.isdecimal() and len(index) <= _MOST_DIGITS:
        yield node, int(index)


def _why_unknown(name: str, inputs: set[str], nodes: Mapping[str, NodeProto], tensors: set[str]) -> str:
    if name in inputs:
        return "an input of the model, which whoever runs it has already"
    node = next((node for node, _ in _readings(name) if node in nodes), None)
    if node is not None:
        outputs = [f"'{node}:{index}' ({output!r})" for index, output in enumerate(nodes[node].output) if output]
        return f"the node {node!r} has the outputs {', '.join(outputs)}"
    near = get_close_matches(name, sorted(tensors | nodes.keys()), n=3)
    if near:
        return f"no tensor or node of the model; did you mean {' or '.join(map(repr, near))}?"
    return f"no tensor or node of the model, which has {len(tensors)} tensors; a viewer of models shows their names"
