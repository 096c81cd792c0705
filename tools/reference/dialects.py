"""A page per dialect: its attributes, and every operation with syntax, operands, properties and constraints."""

import inspect
import sys
from collections.abc import Sequence
from itertools import groupby

from xdsl.dialects.builtin import (
    ArrayOfConstraint,
    BoolAttr,
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    MemRefType,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, TypeAttribute
from xdsl.irdl import (
    AnyOf,
    AttrConstraint,
    BaseAttr,
    IRDLOperation,
    OptOperandDef,
    OptPropertyDef,
    ParamAttrConstraint,
    RangeConstraint,
    RangeLengthConstraint,
    RangeOf,
    VarOperandDef,
)

from dialects import get_all_dialects
from dialects.costs import FORMULAS
from dialects.graph import GraphOp
from dialects.graph.kernels import KERNELS
from dialects.tile.buffers import TileOp
from dialects.tile.instructions import ForOp
from tools.reference.markdown import code, table
from tools.reference.source import documentation, field_documentation, refusals

_WORDS: dict[type[Attribute | TypeAttribute], str] = {
    TensorType: "tensor",
    MemRefType: "buffer",
    DenseArrayBase: "array of numbers",
    FloatAttr: "floating-point number",
    IntegerAttr: "integer",
    StringAttr: "string",
    TypeAttribute: "type",
}


def dialect_pages() -> dict[str, str]:
    """The page of every dialect by file name."""
    return {f"{name}.md": _page(name) for name in get_all_dialects()}


def _page(name: str) -> str:
    dialect = get_all_dialects()[name]()
    parts = [f"# The dialect `{name}`\n\n{_module_documentation(f'dialects.{name}')}\n"]
    attributes = sorted(dialect.attributes, key=lambda attribute: attribute.name)
    types = [attribute for attribute in attributes if issubclass(attribute, TypeAttribute)]
    parts += _attributes("Types", "!", types)
    parts += _attributes("Attributes", "#", [attribute for attribute in attributes if attribute not in types])
    operations = [operation for operation in dialect.operations if issubclass(operation, IRDLOperation)]
    for module, family in groupby(operations, key=lambda operation: operation.__module__):
        parts.append(f"\n## `{module.replace('.', '/')}.py`\n\n{_module_documentation(module)}\n")
        parts += [_operation(operation) for operation in family]
    return "".join(parts)


def _attributes(title: str, sign: str, attributes: Sequence[type[Attribute]]) -> list[str]:
    """What there is of types or of attributes. A type's module says how it is written."""
    parts = [f"\n## {title}\n"] if attributes else []
    for attribute in attributes:
        parts.append(f"\n### `{sign}{attribute.name}`\n\n{documentation(attribute)}\n")
        parts += [f"\n{_module_documentation(attribute.__module__)}\n"] if sign == "!" else []
    return parts


def _module_documentation(module: str) -> str:
    return inspect.getdoc(sys.modules[module]) or ""


def _operation(operation: type[IRDLOperation]) -> str:
    definition = operation.get_irdl_definition()
    fields = {definition.accessor_names.get(name, (name, ""))[0]: text for name, text in _fields(operation)}
    operands = [
        (code(name), _range_kind(operand.constr), _count(operand), fields.get(name, ""))
        for name, operand in definition.operands
    ]
    properties = [
        (code(name), _kind(prop.constr), "optional" if isinstance(prop, OptPropertyDef) else "", fields.get(name, ""))
        for name, prop in definition.properties.items()
    ]
    parts = [
        f"\n### `{operation.name}`\n\n{documentation(operation)}\n\n",
        _syntax(operation),
        table(("operand", "kind", "count", "meaning"), operands),
        table(("property", "kind", "count", "meaning"), properties),
        _facts(operation),
        _constraints(operation),
    ]
    return "".join(parts).rstrip("\n") + "\n"


def _fields(operation: type[IRDLOperation]) -> list[tuple[str, str]]:
    return list(field_documentation(operation).items())


def _syntax(operation: type[IRDLOperation]) -> str:
    """The operation's text, with `..` for what a use fills in and brackets around what may be left out."""
    definition = operation.get_irdl_definition()
    if definition.assembly_format is not None:
        return f"```\n{operation.name} {definition.assembly_format}\n```\n\n"
    if issubclass(operation, ForOp):
        return f"```\n{operation.name} <trips> {{ .. }}\n```\n\n"
    if not issubclass(operation, GraphOp | TileOp):
        return ""  # the documentation shows it
    operands = ", ".join(_spelled(f"%{name}", operand) for name, operand in definition.operands)
    required = [f"{name} = .." for name, prop in definition.properties.items() if not isinstance(prop, OptPropertyDef)]
    entries = f"{{{', '.join(required)}}}" if required else ""
    head = "%y = " if definition.results else ""
    words = (f"{head}{operation.name}", operands, entries, _types(operation))
    return f"```\n{' '.join(word for word in words if word)}\n```\n\n"


def _types(operation: type[IRDLOperation]) -> str:
    """What stands at the end: operations on tensors name all types, those on buffers the result's."""
    definition = operation.get_irdl_definition()
    if issubclass(operation, TileOp):
        return ": memref<..>" if definition.results else ""
    operands = ", ".join(_spelled("tensor<..>", operand) for _, operand in definition.operands)
    return f": ({operands}) -> tensor<..>"


def _spelled(text: str, operand: object) -> str:
    if isinstance(operand, OptOperandDef):
        return f"[{text}]"
    return f"{text}, .." if isinstance(operand, VarOperandDef) else text


def _count(operand: object) -> str:
    if isinstance(operand, OptOperandDef):
        return "optional"
    return "any number" if isinstance(operand, VarOperandDef) else ""


def _range_kind(constraint: RangeConstraint) -> str:
    while isinstance(constraint, RangeLengthConstraint):
        constraint = constraint.constraint
    return _kind(constraint.constr) if isinstance(constraint, RangeOf) else str(constraint)


def _kind(constraint: AttrConstraint) -> str:
    """What a constraint admits, in words."""
    match constraint:
        case AnyOf():
            return " or ".join(_kind(choice) for choice in constraint.attr_constrs)
        case ArrayOfConstraint():
            return f"list of {_range_kind(constraint.elem_range_constraint)}"
        case ParamAttrConstraint():
            return "boolean" if constraint.verifies(BoolAttr.from_bool(True)) else _word(constraint.base_attr)
        case BaseAttr():
            return _word(constraint.attr)
        case _:
            return str(constraint)


def _word(attribute: type[Attribute]) -> str:
    return _WORDS.get(attribute) or f"`#{attribute.name}`"


def _facts(operation: type[IRDLOperation]) -> str:
    """What the compiler knows of an operation beyond its text."""
    if not issubclass(operation, GraphOp):
        return ""
    kernel = operation.kernel_name()
    facts = [f"kernel `{kernel}` in `{_kernel_file(kernel)}`"]
    if kernel in FORMULAS:
        facts.append(f"cost formula in `dialects/{operation.dialect_name()}/costs.py`")
    if operation.EXACT:
        facts.append("exact: moves or negates values")
    if not operation.FOLDS:
        facts.append("never folded")
    return f"Known of it: {'; '.join(facts)}.\n\n"


def _kernel_file(kernel: str) -> str:
    return f"{inspect.unwrap(KERNELS[kernel]).__module__.replace('.', '/')}.py"


def _constraints(operation: type[IRDLOperation]) -> str:
    """What the verifier says to a use that it refuses."""
    texts = [text.removeprefix("..: ").removeprefix(f"{operation.name}: ") for text in refusals(operation)]
    lines = [f"{number}. {text}" for number, text in enumerate(texts, 1)]
    return "Refused, in the words of the verifier:\n\n" + "\n".join(lines) + "\n\n" if lines else ""
