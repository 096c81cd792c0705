"""The list of operators that can be imported, written from the registry itself."""

from dataclasses import dataclass

from onnx import defs

from aic.importer.functions import fixed_body, normalized
from aic.importer.operators import entries, find
from aic.importer.registry import OLDEST_OPSET


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
        name = schema.name
        if schema.domain or find("", name, newest) or not _supported("", name, newest):
            continue
        since = min(opset for opset in _opsets_of(name) if _supported("", name, opset))
        rows["", name] = SupportedOperator("ai.onnx", name, f"{since}-", "by its definition in ONNX")
    return rows


def _opsets_of(operator: str) -> list[int]:
    """Opsets in which an operator of ONNX's own domain changed, those before the oldest supported one left out."""
    schemas = (
        schema for schema in defs.get_all_schemas_with_history() if schema.name == operator and not schema.domain
    )
    return [max(OLDEST_OPSET, schema.since_version) for schema in schemas]


def _supported(domain: str, operator: str, opset: int) -> bool:
    if find(domain, operator, opset):
        return True
    body = fixed_body(domain, operator, opset)
    return body is not None and all(
        _supported(normalized(node.domain), node.op_type, body.opsets.get("", opset)) for node in body.function.node
    )
