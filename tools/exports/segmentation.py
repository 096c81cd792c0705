"""A network that gives every pixel of an image a class."""

from itertools import pairwise
from typing import Any

from tools.exports.images import with_statistics
from tools.exports.network import SEED, Network, library

_SIDE = 256
_BASE = 64
_DEPTH = 4
_CLASSES = 2


def unet() -> Network:
    """U-Net on one image of 256 x 256: 64 to 1024 channels, the two deeper levels of the decoder grow by transposed
    convolutions, the others by bilinear interpolation.
    """
    torch = library("torch")
    nn = torch.nn

    def twice(inputs: int, outputs: int) -> Any:
        layers: list[Any] = []
        for width in (inputs, outputs):
            layers += [nn.Conv2d(width, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        return nn.Sequential(*layers)

    def growth(level: int) -> Any:
        half = _BASE << level
        if 2 * level >= _DEPTH:
            return nn.ConvTranspose2d(2 * half, half, 2, stride=2)
        return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(2 * half, half, 1))

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = [_BASE << level for level in range(_DEPTH + 1)]
            self.first = twice(3, _BASE)
            self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), twice(a, b)) for a, b in pairwise(widths))
            self.growths = nn.ModuleList(growth(level) for level in range(_DEPTH))
            self.up = nn.ModuleList(twice(2 * width, width) for width in widths[:-1])
            self.last = nn.Conv2d(_BASE, _CLASSES, 1)

        def forward(self, image: Any) -> Any:
            levels = [self.first(image)]
            for down in self.down:
                levels.append(down(levels[-1]))
            y = levels.pop()
            for level in reversed(range(_DEPTH)):
                y = self.up[level](torch.cat([levels.pop(), self.growths[level](y)], dim=1))
            return self.last(y)

    torch.manual_seed(SEED)
    images = torch.randn(2, 3, _SIDE, _SIDE)
    return Network(with_statistics(UNet(), images, 1), (images[:1],), ("image",), ("classes",))
