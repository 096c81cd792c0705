"""The page of ONNX operators."""

from onnx import __version__ as onnx_version
from onnx import defs

from aic.importer.supported import operators_supported
from tools.reference.markdown import code, table

_INTRO = """# ONNX operators

The {count} operators that can be imported, from the importer's registry (`aic/importer/operators/`);
`aic-exec -operators-supported=onnx` writes the same list. Opsets from 7 up to {newest}, the newest of onnx {version},
whose own definitions reduce some operators to others; functions that a model defines are expanded. Shapes are static
once symbols are bound, and subgraphs that compute shapes fold away. A model with anything else is refused with one
message that lists every such node with its domain, opset, name and reason.
"""


def operators_page() -> str:
    """Every operator that can be imported."""
    rows = operators_supported()
    by_domain: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows:
        by_domain.setdefault(row.domain, []).append((code(row.operator), row.opsets, row.note))
    intro = _INTRO.format(count=len(rows), newest=defs.onnx_opset_version(), version=onnx_version)
    return intro + "".join(
        f"\n## `{domain}`\n\n{table(('operator', 'opsets', 'note'), rows)}".rstrip("\n") + "\n"
        for domain, rows in by_domain.items()
    )
