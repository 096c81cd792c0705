"""Make the networks of the sweep as PyTorch exports them. Needs the extra `models`.

    python -m tools.make_models models --only bert_base vit_base

writes `<network>_old.onnx` by the older, tracing exporter and `<network>_dynamo.onnx` by the dynamo exporter. Weights
are random with a fixed seed, so that nothing is downloaded. All networks together take 10 GB. Named one by one, there
are also narrow networks of many architectures, of less than 10 MB each.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tools.exports import detection, images, language, recommender, recurrent, segmentation
from tools.exports.architectures import ARCHITECTURES, architecture
from tools.exports.network import Network, library

NETWORKS: Mapping[str, Callable[[], Network]] = {
    build.__name__: build
    for build in (
        language.bert_base,
        language.bert_large,
        language.gpt2,
        language.gpt2_1024,
        language.llama,
        images.resnet50,
        images.mobilenet_v2,
        images.vit_base,
        recommender.wide_deep,
        segmentation.unet,
        detection.yolo,
        recurrent.lstm,
        recurrent.gru,
    )
}
NARROW: Mapping[str, Callable[[], Network]] = {f"narrow_{name}": partial(architecture, name) for name in ARCHITECTURES}
"""Narrow networks by the names of their architectures."""
EXPORTERS = {"old": False, "dynamo": True}
"""Value of `torch.onnx.export`'s option `dynamo` by the name of the exporter."""


def exporters_of(name: str) -> tuple[str, ...]:
    """Names of the exporters that can export a network."""
    narrow = ARCHITECTURES.get(name.removeprefix("narrow_")) if name in NARROW else None
    traced = narrow is None or narrow.traced
    return tuple(exporter for exporter, dynamo in EXPORTERS.items() if dynamo or traced)


def export(network: Network, path: Path, *, dynamo: bool) -> None:
    """Writes the network as one `.onnx` file with its weights inside."""
    torch = library("torch")

    unfinished = path.with_name(path.name + ".part")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"external_data": False, "verbose": False} if dynamo else {"do_constant_folding": True}
        torch.onnx.export(
            network.module,
            network.inputs,
            str(unfinished),
            input_names=list(network.input_names),
            output_names=list(network.output_names),
            dynamo=dynamo,
            **options,
        )
    unfinished.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the files into a folder; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="make_models",
        usage="%(prog)s [-h] [--force] folder [--only NETWORK ...]",  # the folder would be taken for a network
        description="Make networks as PyTorch exports them.",
    )
    parser.add_argument("folder", type=Path, help="where the .onnx files go")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NETWORK",
        choices=(*NETWORKS, *NARROW),
        default=tuple(NETWORKS),
        help=f"make only these of {', '.join(NETWORKS)} and, beyond them, {', '.join(NARROW)}",
    )
    parser.add_argument("--force", action="store_true", help="make files anew that exist")
    arguments = parser.parse_args(argv)
    try:
        for name in ("torch", "transformers", "onnxscript"):
            library(name)
    except ImportError as error:
        print(f"make_models: {error.name} is missing; install the extra: pip install -e '.[models]'", file=sys.stderr)
        return 1
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        paths = {exporter: arguments.folder / f"{name}_{exporter}.onnx" for exporter in exporters_of(name)}
        wanted = {exporter: path for exporter, path in paths.items() if arguments.force or not path.is_file()}
        if not wanted:
            continue
        network = {**NETWORKS, **NARROW}[name]()
        for exporter, path in wanted.items():
            export(network, path, dynamo=EXPORTERS[exporter])
            print(f"wrote {path} ({path.stat().st_size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
