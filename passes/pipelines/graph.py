"""The passes of the graph phase."""

_RECOGNIZE = "recognize-layer-norm,recognize-gelu,recognize-rotary,recognize-attention"
_CANONICAL = "fold-constants,simplify-graph,eliminate-common-subexpressions"


def _pipeline(fusion: str) -> str:
    layout = f"sink-transposes,fold-batch-norm,{fusion}"
    return f"narrow-ports,{_CANONICAL},{_RECOGNIZE},{layout},{_CANONICAL}"


GRAPH_PIPELINE = _pipeline("fuse-activations")
"""Ports that cards have, canonical form, patterns recognized, channels last throughout, constants folded, epilogues
fused.
"""

FP16_PIPELINE = f"{GRAPH_PIPELINE},convert-to-fp16,simplify-graph"
"""The same, in fp16."""

MIXED_PIPELINE = _pipeline("convert-to-fp16{listed_only=true},fuse-activations")
"""The same, with the nodes in fp16 that the settings list for it; no epilogue is fused that has another precision."""

UNQUANTIZED_PIPELINE = f"{_pipeline('fuse-activations{limits_only=true}')},equalize-layers"
"""The same for a network that is profiled or quantized: what contractions apply, integers can. Layers are equalized
where the settings say so.
"""
