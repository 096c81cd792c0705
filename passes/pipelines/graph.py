"""The passes of the graph phase."""

_RECOGNIZE = "recognize-layer-norm,recognize-gelu,recognize-rotary,recognize-attention"
_LAYOUT = "sink-transposes,fold-batch-norm,fuse-activations"

GRAPH_PIPELINE = (
    f"narrow-ports,fold-constants,simplify-graph,eliminate-common-subexpressions,{_RECOGNIZE},{_LAYOUT},"
    "fold-constants,simplify-graph,eliminate-common-subexpressions"
)
"""Ports that cards have, canonical form, patterns recognized, channels last throughout, constants folded, epilogues
fused.
"""

FP16_PIPELINE = f"{GRAPH_PIPELINE},convert-to-fp16,simplify-graph"
"""The same, in fp16."""
