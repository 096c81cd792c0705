"""Networks as PyTorch exports them. Making them needs the extra `models`."""

from pathlib import Path

from tests.models.cache import CACHE
from tools import make_models

EXPORTED = tuple(f"{network}_{exporter}" for network in make_models.NETWORKS for exporter in make_models.EXPORTERS)
"""Names of the models."""
NARROW = tuple(f"{name}_{exporter}" for name in make_models.NARROW for exporter in make_models.exporters_of(name))
"""Names of the narrow ones, an architecture each."""


def exported_path(name: str) -> Path:
    """The model, made on first use."""
    folder = CACHE / "exported"
    path = folder / f"{name}.onnx"
    network, _, _ = name.rpartition("_")
    if not path.is_file() and make_models.main([str(folder), "--only", network]) != 0:
        raise FileNotFoundError(f"{path}, made by `python -m tools.make_models {folder}`, needs the extra `models`")
    return path
