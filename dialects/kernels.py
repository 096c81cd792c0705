"""The kernels of all dialects, by the names that `tile.compute` calls them by."""

import dialects.graph.kernels as graph
import dialects.quantized.kernels as quantized

__all__ = ["KERNELS", "graph", "quantized"]

KERNELS = graph.KERNELS
"""Kernel by name; every dialect's have entered themselves when they were imported."""
