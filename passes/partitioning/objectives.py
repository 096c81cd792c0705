"""What cards may be arranged for."""

from typing import Literal, TypeAlias, get_args

Objective: TypeAlias = Literal["throughput", "latency"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
"""Inferences per second, with many under way, or the time of one alone."""
