"""The nodes of a model as a partition configuration lists them. The model is read for their names, not imported."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from onnx import GraphProto

from aic.files.names import unknown_names
from aic.importer.model_file import read_model
from dialects.errors import AicError
from passes.partitioning.configuration import Configuration, Device, Partition

_FIRST_NAME = "Partition0"
_LISTED = 8


def node_names(model: Path) -> list[str]:
    """Names of all nodes, each once: its own, else its first output, as the importer names operations after them.

    Raises ImportFailure for a file that is no model.
    """
    return list(dict.fromkeys(_names(read_model(model).graph)))


def _names(graph: GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield node.name or next((output for output in node.output if output), node.op_type)
        for attribute in node.attribute:
            if attribute.HasField("g"):  # the branches of an If
                yield from _names(attribute.g)


def sample(model: Path, cores: int) -> Configuration:
    """One partition of all nodes of a model on card 0, to be divided by hand. Raises ImportFailure."""
    return Configuration((Partition(_FIRST_NAME, (Device(0, cores),), tuple(node_names(model))),))


def check_nodes(configuration: Configuration, nodes: Collection[str] | None, origin: Path) -> None:
    """Checks that the partitions of a file, `origin`, have each node once; `nodes`: those of the model, None where that
    is not known.

    Raises AicError that tells of nodes that are unknown, listed twice, and in no partition.
    """
    listed = [node for partition in configuration.partitions for node in partition.nodes or ()]
    _, twice, missing = configuration.node_problems(listed if nodes is None else nodes)
    unknown = [] if nodes is None else unknown_names(listed, nodes)
    problems = [
        *_told("no node of the model", unknown, len(unknown)),
        *_told("in two partitions, or twice in one", list(map(repr, twice)), _LISTED),
        *_told("in no partition", list(map(repr, missing)), _LISTED),
    ]
    if problems:
        raise AicError(f"{origin}:\n" + "\n".join(problems))


def _told(what: str, names: Sequence[str], shown: int) -> Iterator[str]:
    """Some names of one kind, and how many there are."""
    if names:
        more = [f"and {len(names) - shown} more"] if len(names) > shown else []
        count = f" ({len(names)} nodes)" if len(names) > 1 else ""
        yield "\n    ".join([f"  {what}{count}:", *names[:shown], *more])
