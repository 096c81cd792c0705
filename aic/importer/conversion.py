"""Converts the nodes of an ONNX graph one after the other, and collects what cannot be converted.

A tensor that could not be made is `Missing`; nodes that read it are looked up, so that every unsupported operator is
reported, but not converted.
"""

from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto
from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException

from aic.importer.builder import Builder, Value, last_made
from aic.importer.functions import (
    Body,
    body_of,
    has_schema_body,
    normalized,
    resolved_attributes,
    resolved_node,
    schema_body,
)
from aic.importer.integers import convert_moves
from aic.importer.node import Node
from aic.importer.operators import find
from aic.importer.problems import ImportFailure, Misfit, Unsupported, listed, why_unknown
from aic.importer.registry import OLDEST_OPSET
from dialects.errors import nearest
from dialects.graph.locations import model_location, node_name
from dialects.graph.movement import ReshapeOp, TransposeOp


class Missing(Enum):
    """A tensor that could not be made, for a reason that is already noted."""

    MISSING = 0


MISSING = Missing.MISSING
Scope: TypeAlias = MutableMapping[str, Value | Missing]


@dataclass(frozen=True)
class Context:
    """What surrounds nodes: opsets by domain, attributes of the enclosing function, the node that calls it."""

    opsets: Mapping[str, int]
    attributes: Mapping[str, AttributeProto] = field(default_factory=dict[str, AttributeProto])
    caller: str = ""


@dataclass
class Problems:
    """What was found wrong, by kind."""

    unsupported: dict[tuple[str, str, int, str], list[str]] = field(
        default_factory=dict[tuple[str, str, int, str], list[str]]
    )
    misfits: list[str] = field(default_factory=list[str])
    dangling: list[str] = field(default_factory=list[str])

    def raise_if_any(self) -> None:
        """Raises ImportFailure with all problems of the first kind that has any."""
        if self.dangling:
            raise ImportFailure("the graph is broken: " + "; ".join(self.dangling))
        if self.unsupported:
            raise ImportFailure(self._unsupported_text())
        if self.misfits:
            raise ImportFailure("shapes or types do not fit:\n" + "\n".join(f"  {text}" for text in self.misfits))

    def _unsupported_text(self) -> str:
        lines = ["operators that aic does not support:"]
        for (domain, operator, opset, reason), nodes in sorted(self.unsupported.items()):
            times = f"{len(nodes)} nodes" if len(nodes) > 1 else "node"
            version = f" (opset {opset})" if opset else ""
            lines.append(f"  {domain or 'ai.onnx'}.{operator}{version}, {times} {listed(nodes)}: {reason}")
        return "\n".join(lines)


@dataclass
class Conversion:
    """The state of one import."""

    builder: Builder
    functions: Mapping[tuple[str, str], FunctionProto]
    problems: Problems = field(default_factory=Problems)

    def convert_nodes(self, nodes: Sequence[NodeProto], scope: Scope, context: Context) -> None:
        """Converts nodes in order, adding their outputs to the scope."""
        for proto in nodes:
            name = context.caller or proto.name or next((output for output in proto.output if output), proto.op_type)
            for output, value in zip(proto.output, self._outputs(proto, name, scope, context), strict=False):
                if output:
                    scope[output] = value

    def _outputs(self, proto: NodeProto, name: str, scope: Scope, context: Context) -> Sequence[Value | Missing]:
        """The outputs of a node; all missing when it cannot be converted."""
        missing = [MISSING] * len(proto.output)
        operands = [self._lookup(source, name, scope) if source else None for source in proto.input]
        domain = normalized(proto.domain)
        opset = context.opsets.get(domain, 0)
        try:
            if MISSING in operands:
                self._check_known(domain, proto.op_type, opset)
                return missing
            values = [value for value in operands if value is not MISSING]
            return self._converted(proto, name, values, scope, context)
        except Unsupported as reason:
            key = (domain, proto.op_type, opset, str(reason))
            self.problems.unsupported.setdefault(key, []).append(name)
        except (Misfit, VerifyException) as error:
            self.problems.misfits.append(f"{proto.op_type} node {name!r}: {error}")
        return missing

    def _lookup(self, source: str, name: str, scope: Scope) -> Value | Missing:
        if source not in scope:
            self.problems.dangling.append(
                f"node {name!r} reads {source!r}, which nothing before it makes; {nearest(source, scope)}"
            )
            scope[source] = MISSING
        return scope[source]

    def _check_known(self, domain: str, operator: str, opset: int) -> None:
        """Raises Unsupported when the operator is known to have no conversion, whatever its operands."""
        if (domain, operator) in self.functions:
            return
        _check_opset(domain, opset)
        supported = (
            (domain, operator) == ("", "If")
            or find(domain, operator, opset) is not None
            or has_schema_body(domain, operator, opset)
        )
        if not supported:
            raise Unsupported(why_unknown(domain, operator, opset))

    def _converted(
        self, proto: NodeProto, name: str, operands: Sequence[Value | None], scope: Scope, context: Context
    ) -> Sequence[Value | Missing]:
        domain = normalized(proto.domain)
        opset = context.opsets.get(domain, 0)
        attributes = resolved_attributes(proto, context.attributes)
        if (domain, proto.op_type) in self.functions:
            body = body_of(self.functions[domain, proto.op_type], context.opsets)
            return self._inlined(body, name, operands, proto.output, attributes)
        _check_opset(domain, opset)
        if (domain, proto.op_type) == ("", "If"):
            return self._branch(name, operands, attributes, scope, context)
        entry = find(domain, proto.op_type, opset)
        if entry is None:
            return self._by_definition(proto, name, operands, attributes, context)
        self.builder.node = name
        node = Node(proto.op_type, domain, opset, name, tuple(operands), tuple(proto.output), attributes)
        before = self.builder.block.last_op
        try:
            made = convert_moves(entry.converter, self.builder, node)
        except Unsupported:
            if schema_body(proto, context.opsets, operands) is None:
                raise
            return self._by_definition(proto, name, operands, attributes, context)
        values = [made] if isinstance(made, Value) else list(made)
        self._name_outputs(node, values, before)
        return values

    def _name_outputs(self, node: Node, values: Sequence[Value], before: Operation | None) -> None:
        """Gives ops that this node made the names of the tensors they make."""
        made: set[Operation] = set()
        op = self.builder.block.last_op
        while op is not None and op is not before:
            made.add(op)
            op = op.prev_op
        for tensor, value in zip(node.outputs, values, strict=False):
            owner = last_made(value)
            if owner is None or owner not in made or not tensor:
                continue
            if value.meaning is None or node_name(owner) == node.name:  # limits belong to what they limit
                owner.location = model_location(node.name, tensor)
            # What is only laid out as the model wants it is the tensor, too: that may be all that passes leave.
            while isinstance(owner, TransposeOp | ReshapeOp) and isinstance(owner.input.owner, Operation):
                owner = owner.input.owner
                if owner not in made:
                    break
                owner.location = model_location(node.name, tensor)

    def _by_definition(
        self,
        proto: NodeProto,
        name: str,
        operands: Sequence[Value | None],
        attributes: Mapping[str, AttributeProto],
        context: Context,
    ) -> Sequence[Value | Missing]:
        """An operator without a converter, by ONNX's own definition.

        Raises Unsupported when it has none that can be used.
        """
        body = schema_body(resolved_node(proto, attributes), context.opsets, operands)
        if body is None:
            domain = normalized(proto.domain)
            raise Unsupported(why_unknown(domain, proto.op_type, context.opsets[domain]))
        outer, self.problems = self.problems, Problems()
        try:
            outputs = self._inlined(body, name, operands, proto.output, attributes)
        finally:
            inner, self.problems = self.problems, outer
        if inner.unsupported:
            parts = sorted({f"{operator} ({reason})" for _, operator, _, reason in inner.unsupported})
            raise Unsupported(f"its definition in ONNX needs {', '.join(parts)}")
        if inner.misfits or inner.dangling:
            raise Misfit("; ".join(inner.misfits + inner.dangling))
        return outputs

    def _inlined(
        self,
        body: Body,
        name: str,
        operands: Sequence[Value | None],
        outputs: Sequence[str],
        attributes: Mapping[str, AttributeProto],
    ) -> Sequence[Value | Missing]:
        """Outputs of a function's body in place of a call, which may leave some of them unnamed."""
        function = body.function
        scope: Scope = {
            parameter: value for parameter, value in zip(function.input, operands, strict=False) if value is not None
        }
        nodes = [_without_missing(node, set(function.input) - set(scope)) for node in function.node]
        context = Context(body.opsets, {**body.defaults, **attributes}, name)
        self.convert_nodes(nodes, scope, context)
        return [
            self._lookup(output, name, scope) if wanted < len(outputs) and outputs[wanted] else MISSING
            for wanted, output in enumerate(function.output)
        ]

    def _branch(
        self,
        name: str,
        operands: Sequence[Value | None],
        attributes: Mapping[str, AttributeProto],
        scope: Scope,
        context: Context,
    ) -> Sequence[Value | Missing]:
        """The taken branch of an If whose condition is known."""
        condition = self.builder.known(operands[0]) if operands and operands[0] is not None else None
        if condition is None:
            raise Unsupported("the condition depends on the model's inputs")
        graph: GraphProto = attributes["then_branch" if condition.item() else "else_branch"].g
        inner: Scope = ChainMap({}, scope)
        self.add_initializers(graph, inner)
        self.convert_nodes(graph.node, inner, Context(context.opsets, context.attributes, context.caller))
        return [self._lookup(output.name, name, inner) for output in graph.output]

    def add_initializers(self, graph: GraphProto, scope: Scope) -> None:
        """Adds a graph's constants to the scope.

        Missing data of several tensors is reported at once, as ImportFailure.
        """
        failures: dict[str, None] = {}
        for tensor in graph.initializer:
            try:
                scope[tensor.name] = self.builder.of_attribute(self.builder.reader.constant(tensor), tensor.name)
            except Unsupported as reason:
                self.problems.unsupported.setdefault(("", "initializer", 0, str(reason)), []).append(tensor.name)
                scope[tensor.name] = MISSING
            except ImportFailure as failure:
                failures[str(failure)] = None
        if failures:
            raise ImportFailure("; ".join(failures))
        for sparse in graph.sparse_initializer:
            key = ("", "initializer", 0, "sparse tensors are not supported")
            self.problems.unsupported.setdefault(key, []).append(sparse.values.name)
            scope[sparse.values.name] = MISSING


def _check_opset(domain: str, opset: int) -> None:
    if opset == 0:
        raise Unsupported("the model declares no opset of this domain")
    if domain == "" and opset < OLDEST_OPSET:
        raise Unsupported(f"opset {opset} is older than {OLDEST_OPSET}, the oldest that is supported")


def _without_missing(node: NodeProto, absent: set[str]) -> NodeProto:
    """The node with operands that its function's caller left out left out too."""
    if not absent.intersection(node.input):
        return node
    copy = NodeProto()
    copy.CopyFrom(node)
    for position, source in enumerate(node.input):
        if source in absent:
            copy.input[position] = ""
    return copy
