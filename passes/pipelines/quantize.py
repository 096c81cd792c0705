"""The passes of the quantize phase."""

QUANTIZE_PIPELINE = "smooth-activations,attach-scales,correct-biases,quantize-operations,convert-to-fp16,simplify-graph"
"""Scales from the profile, integers where they are known, fp16 elsewhere. Activations are smoothed before and biases
corrected after scales are known, where the settings say so.
"""
