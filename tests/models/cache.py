"""Where tests keep networks that take long to make."""

import os
import tempfile
from pathlib import Path

import onnx

CACHE = Path(tempfile.gettempdir()) / f"aic-tests-{os.getuid()}"
"""A folder of this user's; what is in it can be made anew."""


def kept(model: onnx.ModelProto, name: str) -> Path:
    """The model as a file in the cache. Other processes may read or write the same file at the same time."""
    path = CACHE / f"{name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{name}.{os.getpid()}.part")
    onnx.save(model, own)
    os.replace(own, path)
    return path
