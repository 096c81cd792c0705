"""A network that finds objects in an image."""

from typing import Any

from tools.exports.images import with_statistics
from tools.exports.network import SEED, Network, library

_SIDE = 640
_BASE = 16
_CLASSES = 80
_BINS = 16
_STRIDES = (8, 16, 32)


def yolo() -> Network:
    """A detector after YOLOv8's smallest on one image of 640 x 640: boxes and scores [1, 84, 8400].

    Boxes are centre, width and height in pixels, each of their sides decoded from a distribution over 16 distances.
    """
    torch = library("torch")
    torch.manual_seed(SEED)
    images = torch.randn(2, 3, _SIDE, _SIDE)
    return Network(with_statistics(_detector(), images, 1), (images[:1],), ("image",), ("objects",))


def _detector() -> Any:
    torch, blocks = library("torch"), _Blocks()
    nn, conv, split, cat = torch.nn, blocks.conv, blocks.split, torch.cat
    c = [_BASE << k for k in range(5)]

    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.p3 = nn.Sequential(
                *(conv(3, c[0], 3, 2), conv(c[0], c[1], 3, 2), split(c[1], c[1], 1, shortcut=True)),
                *(conv(c[1], c[2], 3, 2), split(c[2], c[2], 2, shortcut=True)),
            )
            self.p4 = nn.Sequential(conv(c[2], c[3], 3, 2), split(c[3], c[3], 2, shortcut=True))
            self.p5 = nn.Sequential(
                conv(c[3], c[4], 3, 2), split(c[4], c[4], 1, shortcut=True), blocks.pooled_pyramid(c[4])
            )
            self.doubled = nn.Upsample(scale_factor=2, mode="nearest")
            self.top4, self.top3 = split(c[4] + c[3], c[3], 1), split(c[3] + c[2], c[2], 1)
            self.halved3, self.halved4 = conv(c[2], c[2], 3, 2), conv(c[3], c[3], 3, 2)
            self.low4, self.low5 = split(c[2] + c[3], c[3], 1), split(c[3] + c[4], c[4], 1)
            self.boxes = nn.ModuleList(blocks.head(width, c[2], 4 * _BINS) for width in c[2:])
            self.scores = nn.ModuleList(blocks.head(width, max(c[2], _CLASSES), _CLASSES) for width in c[2:])
            centres, strides = _positions()
            self.register_buffer("centres", centres)
            self.register_buffer("strides", strides)
            self.register_buffer("distances", torch.arange(_BINS, dtype=torch.float32).reshape(1, _BINS, 1, 1))

        def forward(self, image: Any) -> Any:
            p3 = self.p3(image)
            p4 = self.p4(p3)
            p5 = self.p5(p4)
            n4 = self.top4(cat([self.doubled(p5), p4], dim=1))
            n3 = self.top3(cat([self.doubled(n4), p3], dim=1))
            n4 = self.low4(cat([self.halved3(n3), n4], dim=1))
            n5 = self.low5(cat([self.halved4(n4), p5], dim=1))
            boxes, scores = (
                cat([head(x).flatten(2) for head, x in zip(heads, (n3, n4, n5), strict=True)], dim=2)
                for heads in (self.boxes, self.scores)
            )
            return cat([self.decoded(boxes) * self.strides, scores.sigmoid()], dim=1)

        def decoded(self, boxes: Any) -> Any:
            shares = boxes.reshape(boxes.shape[0], 4, _BINS, -1).transpose(1, 2).softmax(dim=1)
            near, far = (shares * self.distances).sum(dim=1).chunk(2, dim=1)
            low, high = self.centres - near, self.centres + far
            return cat([(low + high) / 2, high - low], dim=1)

    return Detector()


def _positions() -> tuple[Any, Any]:
    """Centres [1, 2, positions], in units of their strides, and strides [1, 1, positions] of all positions."""
    torch = library("torch")
    centres, strides = [], []
    for stride in _STRIDES:
        side = torch.arange(_SIDE // stride) + 0.5
        rows, columns = torch.meshgrid(side, side, indexing="ij")
        centres.append(torch.stack([columns, rows]).reshape(1, 2, -1))
        strides.append(torch.full((1, 1, side.numel() ** 2), float(stride)))
    return torch.cat(centres, dim=2), torch.cat(strides, dim=2)


class _Blocks:
    """What the detector is made of."""

    def __init__(self) -> None:
        self.torch = library("torch")

    def conv(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> Any:
        nn = self.torch.nn
        layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.SiLU())

    def head(self, inputs: int, width: int, outputs: int) -> Any:
        nn = self.torch.nn
        return nn.Sequential(self.conv(inputs, width, 3), self.conv(width, width, 3), nn.Conv2d(width, outputs, 1))

    def split(self, inputs: int, outputs: int, count: int, *, shortcut: bool = False) -> Any:
        """Half of the channels go through `count` residual blocks; all that is on the way is joined."""
        torch, half, conv = self.torch, outputs // 2, self.conv

        class Split(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.last = conv(inputs, outputs), conv((2 + count) * half, outputs)
                self.blocks = torch.nn.ModuleList(
                    torch.nn.Sequential(conv(half, half, 3), conv(half, half, 3)) for _ in range(count)
                )

            def forward(self, x: Any) -> Any:
                parts = list(self.first(x).split((half, half), dim=1))
                for block in self.blocks:
                    y = block(parts[-1])
                    parts.append(parts[-1] + y if shortcut else y)
                return self.last(torch.cat(parts, dim=1))

        return Split()

    def pooled_pyramid(self, channels: int) -> Any:
        """Maxima over windows of 5, 9 and 13."""
        torch, conv = self.torch, self.conv

        class Pyramid(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.last = conv(channels, channels // 2), conv(2 * channels, channels)
                self.pool = torch.nn.MaxPool2d(5, stride=1, padding=2)

            def forward(self, x: Any) -> Any:
                parts = [self.first(x)]
                for _ in range(3):
                    parts.append(self.pool(parts[-1]))
                return self.last(torch.cat(parts, dim=1))

        return Pyramid()
