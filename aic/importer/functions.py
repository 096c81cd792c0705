"""Operators that are defined by other operators: a model's own functions, and ONNX's bodies of its operators."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, NodeProto, TypeProto, defs, helper

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


def fixed_body(domain: str, operator: str, opset: int) -> Body | None:
    """ONNX's definition of an operator that does not depend on attributes and types; None where there is none."""
    schema = _schema(domain, operator, opset)
    versions = [version for version in schema.function_opset_versions if version <= opset] if schema else []
    if schema is None or not versions:
        return None
    return _schema_body(schema, schema.get_function_with_opset_version(max(versions)), {domain: opset})


def schema_body(node: NodeProto, opsets: Mapping[str, int], operands: Iterable[Value | None]) -> Body | None:
    """ONNX's own definition of a node's operator, for operands of these types; None where there is none."""
    domain = normalized(node.domain)
    opset = opsets.get(domain, 1)
    fixed = fixed_body(domain, node.op_type, opset)
    schema = _schema(domain, node.op_type, opset)
    if fixed is not None or schema is None:
        return fixed
    versions = [version for version in schema.context_dependent_function_opset_versions if version <= opset]
    if not versions:
        return None
    types = [_type_of(value).SerializeToString() for value in operands]
    content = schema.get_context_dependent_function_with_opset_version(max(versions), node.SerializeToString(), types)
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
