"""Networks that look at images."""

from typing import Any

from tools.exports.network import SEED, Network, library, returning

_SIDE = 224
"""Rows and columns of an image."""


def resnet50() -> Network:
    """ResNet-50 on one image of 224 x 224: 1000 logits. Batch normalizations have the statistics of random images."""
    return _with_batch_norms("ResNet")


def mobilenet_v2() -> Network:
    """MobileNetV2 on one image of 224 x 224: 1000 logits. Its batch normalizations likewise."""
    return _with_batch_norms("MobileNetV2")


def vit_base() -> Network:
    """ViT-B/16, the vision transformer of patches of 16 x 16: 1000 logits."""
    torch, transformers = library("torch"), library("transformers")

    torch.manual_seed(SEED)
    module = transformers.ViTForImageClassification(transformers.ViTConfig(num_labels=1000)).eval()
    return _classifier(module, torch.randn(1, 3, _SIDE, _SIDE))


def _with_batch_norms(name: str) -> Network:
    """A classifier of the Transformers library by the beginning of its classes' names."""
    torch, transformers = library("torch"), library("transformers")

    torch.manual_seed(SEED)
    config = getattr(transformers, f"{name}Config")(num_labels=1000)
    module = getattr(transformers, f"{name}ForImageClassification")(config)
    images = torch.randn(8, 3, _SIDE, _SIDE)
    return _classifier(with_statistics(module, images, 4), images[:1])


def with_statistics(module: Any, images: Any, times: int) -> Any:
    """The module, ready for inference, after batch normalizations have seen some images a number of times."""
    with library("torch").no_grad():
        for _ in range(times):
            module.train()(images)
    return module.eval()


def _classifier(module: Any, image: Any) -> Network:
    names = ("pixel_values",)
    return Network(returning(module, names, "logits"), (image,), names, ("logits",))
