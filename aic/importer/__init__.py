"""Import: an ONNX model becomes a module of the graph dialect, static shapes, weights left where they are."""

from aic.importer.model import Model, import_model, import_opened, import_proto
from aic.importer.problems import ImportFailure
from aic.importer.supported import operators_supported, supported_operators_text

__all__ = [
    "ImportFailure",
    "Model",
    "import_model",
    "import_opened",
    "import_proto",
    "operators_supported",
    "supported_operators_text",
]
