"""Make the trained network of the tests anew: a small residual CNN for scikit-learn's handwritten digits.

    python -m tools.make_digits tests/data

Needs the extra `models`. Written are `digits_cnn_bn.onnx` (batch 1, batch normalizations kept), `digits_cnn_dyn.onnx`
(symbolic batch, batch normalizations folded), `digits_test.npz` (450 images that training never saw: `x`, `y`,
`logits_fp32`) and `digits_calib.npz` (256 of the others: `x`, `y`). Training differs in its last bits between machines
and releases of PyTorch, and so does the number of images that the network gets right.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.files import written_aside
from tools.trained import run_training, save_arrays

Array: TypeAlias = npt.NDArray[Any]

_SEED = 0
_EPOCHS = 60
_BATCH = 64
_TEST_IMAGES = 450
_CALIBRATION_IMAGES = 256
_OPSET = 17


@dataclass(frozen=True)
class Digits:
    """Images [n, 1, 8, 8] with values from 0 to 1, and their classes."""

    x: Array
    y: Array

    def part(self, chosen: Array) -> "Digits":
        """The images with these numbers."""
        return Digits(self.x[chosen], self.y[chosen])


def load_digits() -> tuple[Digits, Digits]:
    """Images to train with and images to test with, drawn by a fixed seed."""
    data = import_module("sklearn.datasets").load_digits()
    digits = Digits((data.images[:, None] / 16).astype(np.float32), data.target.astype(np.int64))
    order = np.random.default_rng(_SEED).permutation(len(digits.y))
    return digits.part(order[_TEST_IMAGES:]), digits.part(order[:_TEST_IMAGES])


def build_network() -> Any:
    """Two stages of a convolution and a residual block, pooled, and two dense layers: 10 logits."""
    torch: Any = import_module("torch")
    nn = torch.nn

    class Residual(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.a = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.b = nn.BatchNorm2d(channels)

        def forward(self, x: Any) -> Any:
            return torch.relu(x + self.b(self.a(x)))

    def convolution(inputs: int, outputs: int) -> list[Any]:
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *convolution(1, 16),
        Residual(16),
        nn.MaxPool2d(2),
        *convolution(16, 32),
        Residual(32),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def train(network: Any, digits: Digits) -> None:
    """Fits the network to the images; its batch normalizations end with the statistics of the images."""
    torch: Any = import_module("torch")
    x, y = torch.from_numpy(digits.x), torch.from_numpy(digits.y)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS)
    network.train()
    for _ in range(_EPOCHS):
        for chosen in torch.randperm(len(y)).split(_BATCH):
            loss = torch.nn.functional.cross_entropy(network(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    network.eval()


def export(network: Any, path: Path, *, dynamic: bool) -> None:
    """Writes the network: with a symbolic batch and folded, or for batch 1 with its batch normalizations."""
    torch: Any = import_module("torch")
    training = torch.onnx.TrainingMode.EVAL if dynamic else torch.onnx.TrainingMode.PRESERVE
    with written_aside(path) as partial:
        torch.onnx.export(
            network,
            (torch.zeros(1, 1, 8, 8),),
            str(partial),
            input_names=["x"],
            output_names=["logits"],
            opset_version=_OPSET,
            dynamo=False,
            training=training,
            do_constant_folding=dynamic,
            dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}} if dynamic else None,
        )


def make(folder: Path) -> int:
    """Trains and writes everything into the folder; returns how many test images the network gets right."""
    torch: Any = import_module("torch")
    torch.manual_seed(_SEED)
    training, testing = load_digits()
    network = build_network()
    train(network, training)
    with torch.no_grad():
        logits: Array = network(torch.from_numpy(testing.x)).numpy()
    export(network, folder / "digits_cnn_bn.onnx", dynamic=False)
    export(network, folder / "digits_cnn_dyn.onnx", dynamic=True)
    save_arrays(folder / "digits_test.npz", x=testing.x, y=testing.y, logits_fp32=logits)
    calibration = training.part(np.arange(_CALIBRATION_IMAGES))
    save_arrays(folder / "digits_calib.npz", x=calibration.x, y=calibration.y)
    return int((logits.argmax(axis=1) == testing.y).sum())


if __name__ == "__main__":
    sys.exit(run_training("make_digits", "the digits network", make, _TEST_IMAGES))
