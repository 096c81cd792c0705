"""Operators that are defined by other operators: a model's own functions, and ONNX's bodies of its operators."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, NodeProto, TensorProto, TypeProto, defs, helper

from aic.importer.builder import Value


@dataclass(frozen=True)
class Body:
    """The nodes that define one use of an operator, with the opsets that they are written in."""

    function: FunctionProto
    opsets: Mapping[str, int]
    defaults: Mapping[str, AttributeProto]


def normalized(domain: str) -> str:
    """A domain's name; ONNX's own has two."""
    return "" if domain == "ai.onnx" else domain


def opset_versions(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    """Opset by domain."""
    return {normalized(entry.domain): entry.version for entry in imports}


def body_of(function: FunctionProto, fallback: Mapping[str, int]) -> Body:
    """The body of a function; where it names no opsets, its caller's hold."""
    defaults = {default.name: default for default in function.attribute_proto}
    return Body(function, {**fallback, **opset_versions(function.opset_import)}, defaults)


def has_schema_body(domain: str, operator: str, opset: int) -> bool:
    """Whether ONNX defines the operator by other operators."""
    schema = _schema(domain, operator, opset)
    return schema is not None and (schema.has_function or schema.has_context_dependent_function)


def schema_body(node: NodeProto, opsets: Mapping[str, int], operands: Iterable[Value | None]) -> Body | None:
    """ONNX's own definition of a node's operator, for operands of these types; None where there is none."""
    return _defined_body(node, opsets, [_type_of(value) for value in operands])


def plain_body(domain: str, operator: str, opsets: Mapping[str, int]) -> Body | None:
    """ONNX's own definition of an operator in a plain call: its required operands, of rank 4, and attributes alone.

    None where there is no definition, or where a call needs more than tensors and integers.
    """
    schema = _schema(domain, operator, opsets[domain])
    if schema is None:
        return None
    operands = [operand for operand in schema.inputs if operand.option == _SINGLE]
    types = [_plain_type(operand.types) for operand in operands]
    required = [attribute for attribute in schema.attributes.values() if attribute.required]
    if None in types or any(attribute.type != defs.OpSchema.AttrType.INT for attribute in required):
        return None
    outputs = [output.name for output in schema.outputs if output.option == _SINGLE]
    node = helper.make_node(operator, [operand.name for operand in operands], outputs, domain=domain)
    node.attribute.extend(helper.make_attribute(attribute.name, 1) for attribute in required)
    return _defined_body(node, opsets, [kind for kind in types if kind is not None])


_SINGLE = defs.OpSchema.FormalParameterOption.Single
_PLAIN_RANK = 4
_PLAIN_TYPES = {
    "tensor(float)": TensorProto.FLOAT,
    "tensor(int64)": TensorProto.INT64,
    "tensor(bool)": TensorProto.BOOL,
}


def _plain_type(allowed: Iterable[str]) -> TypeProto | None:
    """The first of the plain types that an operand may have."""
    element = next((element for name, element in _PLAIN_TYPES.items() if name in allowed), None)
    return None if element is None else helper.make_tensor_type_proto(element, [1] * _PLAIN_RANK)


def _defined_body(node: NodeProto, opsets: Mapping[str, int], types: Sequence[TypeProto]) -> Body | None:
    """ONNX's definition of a node's operator, the fixed one if there is one, else that for operands of these types."""
    domain = normalized(node.domain)
    opset = opsets.get(domain, 1)
    schema = _schema(domain, node.op_type, opset)
    if schema is None:
        return None
    fixed = [version for version in schema.function_opset_versions if version <= opset]
    if fixed:
        return _schema_body(schema, schema.get_function_with_opset_version(max(fixed)), {domain: opset})
    versions = [version for version in schema.context_dependent_function_opset_versions if version <= opset]
    if not versions:
        return None
    content = schema.get_context_dependent_function_with_opset_version(
        max(versions), node.SerializeToString(), [kind.SerializeToString() for kind in types]
    )
    return _schema_body(schema, content, opsets) if content else None


def _schema_body(schema: Any, content: bytes, opsets: Mapping[str, int]) -> Body:
    """The body in a schema; attributes that a call leaves out have the schema's defaults."""
    body = body_of(FunctionProto.FromString(content), opsets)
    values = {name: attribute.default_value for name, attribute in schema.attributes.items()}
    defaults = {name: value for name, value in values.items() if value.type}
    return Body(body.function, body.opsets, {**defaults, **body.defaults})


def _schema(domain: str, operator: str, opset: int) -> Any:
    """ONNX's schema of an operator, or None; the stubs of onnx do not know what it says about functions."""
    try:
        return defs.get_schema(operator, opset, domain)
    except defs.SchemaError:
        return None


def _type_of(value: Value | None) -> TypeProto:
    if value is None:
        return TypeProto()
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)


def resolved_attributes(node: NodeProto, given: Mapping[str, AttributeProto]) -> dict[str, AttributeProto]:
    """The node's attributes by name; those that refer to an attribute of the enclosing function take its value."""
    resolved: dict[str, AttributeProto] = {}
    for attribute in node.attribute:
        source = given.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute
        if source is not None:
            resolved[attribute.name] = source
    return resolved


def resolved_node(node: NodeProto, attributes: Mapping[str, AttributeProto]) -> NodeProto:
    """The node with these attributes in place of references."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    copy = NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    for name, attribute in attributes.items():
        copy.attribute.add().CopyFrom(attribute)
        copy.attribute[-1].name = name
    return copy
