"""A quantization report as one page of HTML that needs nothing else."""

from collections.abc import Sequence
from html import escape
from math import isfinite

from aic.quantization_report import NodeSensitivity, QuantizationReport, TensorError

_SCALE_DB = 60.0
"""Signal-to-noise ratio at which a bar is full."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Quantization of {network}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.2em 0.6em; text-align: right; border-bottom: 1px solid #ddd; }}
th:first-child, td:first-child {{ text-align: left; overflow-wrap: anywhere; }}
.bar {{ background: linear-gradient(to right, #4a7fb5 var(--share), transparent var(--share)); }}
</style>
<h1>Quantization of {network}</h1>
<p>{samples} samples. Signal-to-noise ratio of the outputs: {outputs}.</p>
<h2>Nodes, the most sensitive first</h2>
<p>The ratio of the outputs when this node alone is quantized: what stands first is worth keeping in fp16 first
(<code>-node-precision-info</code>).</p>
{nodes}
<h2>Tensors, in the order of the network</h2>
<p>Range and saturation of the values in fp32; distance of the quantized network's values from them, in steps between
integers.</p>
{tensors}
</html>
"""


def as_page(report: QuantizationReport) -> str:
    """The page of a report."""
    outputs = ", ".join(f"{escape(name)} {_db(ratio)}" for name, ratio in report.sqnr_db.items())
    return _PAGE.format(
        network=escape(report.network),
        samples=report.samples,
        outputs=outputs,
        nodes=_table(("node", "tensor", "operation", "SQNR of outputs"), [_node_row(node) for node in report.nodes]),
        tensors=_table(
            ("tensor", "least", "greatest", "scale", "offset", "bits", "saturated", "mean", "largest", "SQNR"),
            [_tensor_row(tensor) for tensor in report.tensors],
        ),
    )


def _table(columns: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    return f"<table>\n<tr>{head}</tr>\n{''.join(rows)}</table>"


def _node_row(node: NodeSensitivity) -> str:
    return _row([escape(node.node), escape(node.tensor), escape(node.kind)], node.sqnr_db)


def _tensor_row(tensor: TensorError) -> str:
    cells = [
        escape(tensor.name),
        f"{tensor.low:.4g}",
        f"{tensor.high:.4g}",
        f"{tensor.scale:.4g}",
        f"{tensor.offset}",
        f"{tensor.bits}",
        f"{tensor.saturated:.3%}",
        f"{tensor.mean_steps:.2f}",
        f"{tensor.largest_steps:.1f}",
    ]
    return _row(cells, tensor.sqnr_db)


def _row(cells: Sequence[str], ratio: float) -> str:
    share = min(max(ratio / _SCALE_DB, 0.0), 1.0) if isfinite(ratio) else 1.0
    bar = f'<td class="bar" style="--share: {share:.1%}">{_db(ratio)}</td>'
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}{bar}</tr>\n"


def _db(ratio: float) -> str:
    return f"{ratio:.1f} dB" if isfinite(ratio) else "exact"
