"""Make the networks of the sweep: BERT-base and ResNet-50 as PyTorch exports them. Needs the extra `models`.

    python -m tools.make_models models

Weights are random with a fixed seed, so that nothing is downloaded. Written are `bert_base_old.onnx` and
`resnet50_old.onnx` by the older, tracing exporter, `bert_base_dynamo.onnx` and `resnet50_dynamo.onnx` by the dynamo
exporter.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

SEQUENCE = 128
"""Tokens that BERT-base takes."""
IMAGE = 224
"""Rows and columns that ResNet-50 takes."""
_SEED = 0


@dataclass(frozen=True)
class Network:
    """A PyTorch module with the inputs that it is exported with, and the names of its inputs and outputs."""

    module: Any
    inputs: tuple[Any, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]


def _library(name: str) -> Any:
    """A library of the extra `models`, which type checking knows nothing of."""
    return import_module(name)


def bert_base() -> Network:
    """BERT-base on 128 tokens with a mask: the last hidden state and the pooled first token."""
    torch, transformers = _library("torch"), _library("transformers")

    torch.manual_seed(_SEED)
    module = transformers.BertModel(transformers.BertConfig(use_cache=False)).eval()
    tokens = torch.randint(0, module.config.vocab_size, (1, SEQUENCE))
    mask = torch.ones_like(tokens)
    return Network(
        _returning(module, "last_hidden_state", "pooler_output"),
        (tokens, mask, torch.zeros_like(tokens)),
        ("input_ids", "attention_mask", "token_type_ids"),
        ("last_hidden_state", "pooler_output"),
    )


def resnet50() -> Network:
    """ResNet-50 on one image of 224 x 224: 1000 logits. Batch normalizations have the statistics of random images."""
    torch, transformers = _library("torch"), _library("transformers")

    torch.manual_seed(_SEED)
    module = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=1000))
    images = torch.randn(8, 3, IMAGE, IMAGE)
    with torch.no_grad():
        for _ in range(4):
            module.train()(images)
    return Network(_returning(module.eval(), "logits"), (images[:1],), ("pixel_values",), ("logits",))


def _returning(module: Any, *fields: str) -> Any:
    """A module that returns fields of another's result as a tuple, which exporters need."""
    torch = _library("torch")

    class Returning(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *inputs: Any) -> tuple[Any, ...]:
            result = self.inner(*inputs)
            return tuple(getattr(result, field) for field in fields)

    return Returning().eval()


NETWORKS = {"bert_base": bert_base, "resnet50": resnet50}
EXPORTERS = {"old": False, "dynamo": True}
"""Value of `torch.onnx.export`'s option `dynamo` by the name of the exporter."""


def export(network: Network, path: Path, *, dynamo: bool) -> None:
    """Writes the network as one `.onnx` file with its weights inside."""
    torch = _library("torch")

    partial = path.with_name(path.name + ".part")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"external_data": False, "verbose": False} if dynamo else {"do_constant_folding": True}
        torch.onnx.export(
            network.module,
            network.inputs,
            str(partial),
            input_names=list(network.input_names),
            output_names=list(network.output_names),
            dynamo=dynamo,
            **options,
        )
    partial.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the files into a folder; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="make_models", description="Make BERT-base and ResNet-50 as PyTorch exports them."
    )
    parser.add_argument("folder", type=Path, help="where the .onnx files go")
    parser.add_argument("--force", action="store_true", help="make files anew that exist")
    arguments = parser.parse_args(argv)
    try:
        for library in ("torch", "transformers", "onnxscript"):
            _library(library)
    except ImportError as error:
        print(f"make_models: {error.name} is missing; install the extra: pip install -e '.[models]'", file=sys.stderr)
        return 1
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, build in NETWORKS.items():
        paths = {exporter: arguments.folder / f"{name}_{exporter}.onnx" for exporter in EXPORTERS}
        wanted = {exporter: path for exporter, path in paths.items() if arguments.force or not path.is_file()}
        if not wanted:
            continue
        network = build()
        for exporter, path in wanted.items():
            export(network, path, dynamo=EXPORTERS[exporter])
            print(f"wrote {path} ({path.stat().st_size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
