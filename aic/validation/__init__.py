"""Translation validation: what a module computes before and after each pass, compared on the same inputs.

`PassValidator` is told of every pass as an observer of the phases. A pass whose values drift beyond what its precision
allows ends the compilation with a `Drift` that names pass, operation and ONNX node.
"""

from aic.validation.observer import PassValidator
from aic.validation.validator import Drift, PassVerdict

__all__ = ["Drift", "PassValidator", "PassVerdict"]
