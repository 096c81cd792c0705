"""The trained network: handwritten digits."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

DATA = Path(__file__).parents[1] / "data"

DIGITS_BN = DATA / "digits_cnn_bn.onnx"
"""Batch 1, batch normalizations not folded."""
DIGITS_DYN = DATA / "digits_cnn_dyn.onnx"
"""Symbolic batch `batch`, batch normalizations folded."""


def digits_test() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """450 images [450, 1, 8, 8] that training never saw, their classes, and the logits in fp32 (448 right)."""
    with np.load(DATA / "digits_test.npz") as data:
        return data["x"], data["y"], data["logits_fp32"]
