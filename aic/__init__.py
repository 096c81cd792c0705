"""An open compiler, simulator and runtime for Qualcomm Cloud AI 100.

    qpc = aic.compile("model.onnx", aic_num_cores=16, convert_to_fp16=True)
    outputs = aic.Session(qpc.path).run({"image": array})

What is wrong with a model, a file or an option is an `aic.AicError` with one message.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aic.compiler import Qpc, compile
    from aic.nsp.report import Report
    from aic.session import Session
    from aic.tensors import Signature, TensorInfo
    from dialects.errors import AicError

__all__ = ["AicError", "Qpc", "Report", "Session", "Signature", "TensorInfo", "compile"]

_MODULES = {
    "AicError": "dialects.errors",
    "Qpc": "aic.compiler",
    "Report": "aic.nsp.report",
    "Session": "aic.session",
    "Signature": "aic.tensors",
    "TensorInfo": "aic.tensors",
    "compile": "aic.compiler",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for on first use: each of our commands needs only a part of the package."""
    if name not in _MODULES:
        raise AttributeError(f"module 'aic' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
