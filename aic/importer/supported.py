"""The list of operators that can be imported, written from the registry itself."""

from dataclasses import dataclass

from onnx import defs

from aic.importer.functions import normalized, plain_body
from aic.importer.operators import entries, find
from aic.importer.registry import OLDEST_OPSET

_IF = ("", "If")
"""The operator with branches, which the conversion of a graph takes itself."""
_BY_COMPUTED_SCALES = ("", "DynamicQuantizeLinear")
"""An operator whose definition quantizes by a scale that it computes."""


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
    rows[_IF] = SupportedOperator("ai.onnx", "If", f"{OLDEST_OPSET}-", "condition known at compile time")
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
    """Operators that ONNX's definitions reduce to supported ones."""
    rows: dict[tuple[str, str], SupportedOperator] = {}
    for schema in defs.get_all_schemas():
        domain, name = schema.domain, schema.name
        newest = max(_opsets_of(domain, name)) if domain else defs.onnx_opset_version()
        if find(domain, name, newest) or (domain, name) == _BY_COMPUTED_SCALES or not _supported(domain, name, newest):
            continue
        since = min(opset for opset in _opsets_of(domain, name) if _supported(domain, name, opset))
        rows[domain, name] = SupportedOperator(domain or "ai.onnx", name, f"{since}-", "by its definition in ONNX")
    return rows


def _opsets_of(domain: str, operator: str) -> list[int]:
    """Opsets in which an operator changed; of ONNX's own domain, none before the oldest supported one."""
    schemas = defs.get_all_schemas_with_history()
    oldest = 1 if domain else OLDEST_OPSET
    return [max(oldest, s.since_version) for s in schemas if (s.domain, s.name) == (domain, operator)]


def _supported(domain: str, operator: str, opset: int) -> bool:
    """Whether a plain use of an operator can be imported."""
    if (domain, operator) == _IF or find(domain, operator, opset):
        return True
    body = plain_body(domain, operator, {"": defs.onnx_opset_version(), domain: opset})
    return body is not None and all(
        _supported(normalized(node.domain), node.op_type, body.opsets.get(normalized(node.domain), 0))
        for node in body.function.node
    )
