"""The passes of the quantize phase."""

QUANTIZE_PIPELINE = "attach-scales,quantize-operations,convert-to-fp16,simplify-graph"
"""Scales from the profile, integers where they are known, fp16 elsewhere."""
