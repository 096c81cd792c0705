"""The trained encoder: which keyword of a Python program is hidden (`tools.make_encoder`)."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tests.models.digits import DATA

Tokens: TypeAlias = dict[str, npt.NDArray[np.int64]]

ENCODER = DATA / "encoder.onnx"
"""Symbolic batch `batch`."""
FP32_RIGHT = 1812
"""Of the 2000 test examples, those that onnxruntime gets right in fp32."""


def encoder_test() -> tuple[Tokens, npt.NDArray[np.int64]]:
    """2000 examples from files that training never saw: `input_ids` and `attention_mask` [2000, 32]; their classes."""
    arrays = _arrays("encoder_test.npz")
    labels = arrays.pop("labels")
    return arrays, labels


def encoder_calibration() -> Tokens:
    """512 examples that it was trained with: `input_ids` and `attention_mask` [512, 32]."""
    return _arrays("encoder_calib.npz")


def _arrays(name: str) -> Tokens:
    with np.load(DATA / name) as data:
        return dict(data)
