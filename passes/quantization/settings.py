"""How a network is quantized: the module's attribute `aic.quantization`, which passes read.

Each field is the option of its name, with dashes. What names files and tensors is resolved by whoever sets it.

Precision of an operation, the first that says something:

1. its node is listed to compute in fp16, by itself (`-node-precision-info`) or with all of its operator
   (`-execute-nodes-in-fp16`), or its tensor is float16 in the file of external quantization: fp16;
2. its node is listed to keep the model's precision, with all of its operator (`-keep-original-precision-for-nodes`):
   that, but fp16 with `-convert-to-fp16`; or its tensor is float32 in the external file: the model's precision;
3. there are scales for its operands and its result, the external file's before the profile's, and it has an integer
   form that is worth its conversions: integers;
4. otherwise: fp16.

Where nothing is quantized, nodes that are listed compute in fp16, all others in the model's precision.

An operation that stands for several nodes of the model, such as a GELU that the model spells out, is listed when one of
these is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute

from dialects.errors import AicError
from dialects.graph.properties import is_argument, to_attribute, to_plain
from dialects.module import inherited
from passes.quantization.calibration.choice import Calibration
from passes.quantization.schemas import Schema

SETTINGS = "aic.quantization"
"""Name of the module's attribute."""

PRECISIONS: Mapping[str, int] = {"Int8": 8, "Int16": 16}
"""Bits of quantized values by name."""
BIAS_PRECISIONS: Mapping[str, int] = {"Int8": 8, "Int32": 32}
"""Bits of quantized biases by name."""


DEFAULT_BINS = 512
"""Bins of a histogram, as the vendor documents."""
MOST_BINS = 1 << 16
SCHEMAS = tuple(schema.value for schema in Schema)
"""Names of the schemas."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to quantize. The defaults are the vendor's."""

    load_profile: str = ""
    """File of the profile that scales of activations come from; empty: none."""
    external_quantization: str = ""
    """File of scales that stand before those of the profile; empty: none."""
    quantization_schema_activations: str = Schema.SYMMETRIC_WITH_UINT8.value
    """How integers cover the range of an activation."""
    quantization_schema_constants: str = Schema.SYMMETRIC_WITH_UINT8.value
    """How integers cover the range of a weight or bias."""
    quantization_calibration: str = Calibration.NONE.value
    """How the range of an activation is chosen from its histogram."""
    percentile_calibration_value: float = 100.0
    """Percentage of the values that the calibration `Percentile` keeps on each side."""
    quantization_precision: str = "Int8"
    """Integers that operations compute on."""
    quantization_precision_bias: str = "Int32"
    """Integers that biases are quantized to."""
    enable_channelwise: bool = False
    """Weights of convolutions have a scale per output channel."""
    enable_rowwise: bool = False
    """Constant matrices of products have a scale per column of the result."""
    quantization_bias_correction: bool = False
    """The mean error that the rounding of weights makes is taken off the biases."""
    quantization_cross_layer_equalization: bool = False
    """Weights of neighbouring layers share the range of the channels between them."""
    quantization_smoothquant: float = 0.0
    """How much of the range of activations goes into weights: from 0, nothing, to 1, all of it."""
    in_float: tuple[str, ...] = ()
    """Tensors of the model whose makers compute in fp16."""
    in_original: tuple[str, ...] = ()
    """Tensors of the model whose makers keep the model's precision, where they are not in fp16."""
    nodes: tuple[str, ...] = ()
    """Nodes of the model, three names each: the first output, the node's own name, and the first output of a node that
    reads it; empty where there is none. So an operation is found that stands for several nodes.
    """

    def __post_init__(self) -> None:
        choices = {
            "quantization_schema_activations": SCHEMAS,
            "quantization_schema_constants": SCHEMAS,
            "quantization_calibration": tuple(calibration.value for calibration in Calibration),
            "quantization_precision": tuple(PRECISIONS),
            "quantization_precision_bias": tuple(BIAS_PRECISIONS),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise AicError(f"{SETTINGS}: {name} is {getattr(self, name)!r}; there are {', '.join(known)}")
        if not 90 <= self.percentile_calibration_value <= 100:
            raise AicError(
                f"{SETTINGS}: percentile_calibration_value is {self.percentile_calibration_value}; it must be 90 to 100"
            )
        if not 0 <= self.quantization_smoothquant <= 1:
            raise AicError(
                f"{SETTINGS}: quantization_smoothquant is {self.quantization_smoothquant}; it must be 0 to 1"
            )
        if len(self.nodes) % 3:
            raise AicError(f"{SETTINGS}: nodes are {len(self.nodes)} names; there must be three of each node")

    @property
    def bits(self) -> int:
        """Bits of quantized values."""
        return PRECISIONS[self.quantization_precision]

    @property
    def bias_bits(self) -> int:
        """Bits of quantized biases."""
        return BIAS_PRECISIONS[self.quantization_precision_bias]

    @property
    def activations(self) -> Schema:
        """Schema of activations."""
        return Schema(self.quantization_schema_activations)

    @property
    def constants(self) -> Schema:
        """Schema of constants."""
        return Schema(self.quantization_schema_constants)

    @property
    def calibration(self) -> Calibration:
        """How ranges of activations are calibrated."""
        return Calibration(self.quantization_calibration)

    @property
    def steps(self) -> Mapping[str, tuple[str, str]]:
        """Of nodes by their first outputs: their names, and the first outputs of nodes that read these."""
        return {
            output: (name, after) for output, name, after in zip(*(self.nodes[k::3] for k in range(3)), strict=True)
        }


def changed(settings: Settings, given: Settings) -> Settings:
    """Settings with those of `given` that are not the defaults."""
    own = {field.name: getattr(given, field.name) for field in fields(Settings)}
    return replace(settings, **{name: own[name] for name in own if own[name] != getattr(Settings, name)})


def settings_of(module: ModuleOp) -> Settings:
    """The settings of a module, the defaults where it says nothing. Raises AicError for what is unknown or misfits."""
    attribute = inherited(module, SETTINGS) or DictionaryAttr({})
    if not isinstance(attribute, DictionaryAttr):
        raise AicError(f"{SETTINGS} is {attribute}, which is no dictionary")
    defaults = {field.name: field.default for field in fields(Settings)}
    unknown = sorted(attribute.data.keys() - defaults.keys())
    if unknown:
        raise AicError(f"{SETTINGS}: there is no {', '.join(unknown)}; there are {', '.join(defaults)}")
    given = {name: _plain(value) for name, value in attribute.data.items()}
    for name, value in given.items():
        if type(value) is not type(defaults[name]):
            raise AicError(f"{SETTINGS}: {name} is {attribute.data[name]}, which is no {type(defaults[name]).__name__}")
    return Settings(**given)


def set_settings(module: ModuleOp, settings: Settings) -> None:
    """Writes settings into a module: those that are not the defaults."""
    given = {
        field.name: _attribute(value)
        for field in fields(settings)
        if (value := getattr(settings, field.name)) != field.default
    }
    module.attributes[SETTINGS] = DictionaryAttr(given)


def _plain(attribute: Attribute) -> Any:
    if isinstance(attribute, ArrayAttr):
        return tuple(name.data for name in attribute.data if isinstance(name, StringAttr))
    return to_plain(attribute) if is_argument(attribute) else attribute


def _attribute(value: Any) -> Attribute:
    return ArrayAttr([StringAttr(name) for name in value]) if isinstance(value, tuple) else to_attribute(value)
