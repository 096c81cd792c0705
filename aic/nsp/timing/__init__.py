"""The timing engine: a deterministic event model of a scheduled tile program.

`make_plan` turns a module into plain records, once; `simulate` runs them on a hardware description; `measure` adds what
surrounds the device, and how much of the time rests on assumed numbers.
"""

from aic.nsp.timing.engine import simulate, simulate_instances
from aic.nsp.timing.performance import Performance, measure
from aic.nsp.timing.plan import make_plan
from aic.nsp.timing.records import Plan
from aic.nsp.timing.timeline import Interval, Timeline

__all__ = ["Interval", "Performance", "Plan", "Timeline", "make_plan", "measure", "simulate", "simulate_instances"]
