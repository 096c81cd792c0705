"""The list of operators that can be imported, written from the registry itself."""

from dataclasses import dataclass

from onnx import FunctionProto, defs

import aic.importer.operators  # noqa: F401  fills the registry
from aic.importer.functions import normalized, opset_versions
from aic.importer.registry import OLDEST_OPSET, entries, find


@dataclass(frozen=True)
class SupportedOperator:
    """An operator, the opsets of its domain in which it is supported, and what is left out."""

    domain: str
    operator: str
    opsets: str
    note: str


def operators_supported() -> list[SupportedOperator]:
    """Every operator that can be imported, by domain and name."""
    rows = _converted() | _defined()
    rows["", "If"] = SupportedOperator("ai.onnx", "If", f"{OLDEST_OPSET}-", "condition known at compile time")
    return [rows[key] for key in sorted(rows)]


def supported_operators_text() -> str:
    """The list as `-operators-supported=onnx` writes it: one operator per line."""
    rows = [("domain", "operator", "opsets", "note")]
    rows += [(row.domain, row.operator, row.opsets, row.note) for row in operators_supported()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "".join(line.rstrip() + "\n" for line in lines)


def _converted() -> dict[tuple[str, str], SupportedOperator]:
    rows: dict[tuple[str, str], SupportedOperator] = {}
    for entry in entries():
        key = (entry.domain, entry.operator)
        earlier = rows.get(key)
        since = earlier.opsets.partition("-")[0] if earlier else str(_first_opset(entry.operator, entry.since))
        notes = [note for note in dict.fromkeys([earlier.note if earlier else "", entry.note]) if note]
        opsets = f"{since}-{entry.until or ''}"
        rows[key] = SupportedOperator(entry.domain or "ai.onnx", entry.operator, opsets, "; ".join(notes))
    return rows


def _first_opset(operator: str, since: int) -> int:
    """The first opset from `since` on that has the operator."""
    versions = [schema.since_version for schema in defs.get_all_schemas_with_history() if schema.name == operator]
    return max(since, min(versions, default=since))


def _defined() -> dict[tuple[str, str], SupportedOperator]:
    """Operators of ONNX's own domain that its definitions reduce to supported ones."""
    rows: dict[tuple[str, str], SupportedOperator] = {}
    newest = defs.onnx_opset_version()
    for schema in defs.get_all_schemas():
        key = (normalized(schema.domain), schema.name)
        if schema.domain or find("", schema.name, newest) or not _reduces(schema, newest):
            continue
        since = max(OLDEST_OPSET, schema.since_version)
        rows[key] = SupportedOperator("ai.onnx", schema.name, f"{since}-", "by its definition in ONNX")
    return rows


def _reduces(schema: defs.OpSchema, opset: int) -> bool:
    versions = [version for version in schema.function_opset_versions if version <= opset]
    if not versions:
        return False
    body = FunctionProto.FromString(schema.get_function_with_opset_version(max(versions)))
    opsets = opset_versions(body.opset_import)
    return all(_supported(normalized(node.domain), node.op_type, opsets.get("", opset)) for node in body.node)


def _supported(domain: str, operator: str, opset: int) -> bool:
    if find(domain, operator, opset):
        return True
    try:
        return _reduces(defs.get_schema(operator, opset, domain), opset)
    except defs.SchemaError:
        return False
