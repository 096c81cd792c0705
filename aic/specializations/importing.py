"""From a model to its module: one program, or a program for each specialization that the options name."""

from collections.abc import Sequence
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr

from aic.importer import import_each, import_model
from aic.options import Options
from aic.specializations.config import Specialization, read_config
from dialects.module import holding, set_symbols
from dialects.tuning import set_tuning
from dialects.weights import STORE_ATTRIBUTE


def import_network(model: Path, options: Options) -> ModuleOp:
    """The model as a module; of several specializations, a module that holds one for each, in the file's order.

    Raises AicError for a model or a configuration that is wrong.
    """
    weights = None if options.weights is None else str(options.weights)
    if options.network_specialization_config is None:
        return import_model(
            model,
            symbols=options.onnx_define_symbol,
            batch_size=options.batchsize,
            intermediate=options.output_node_name,
            weights_dir=weights,
        )
    specializations = read_config(options.network_specialization_config, options.onnx_define_symbol)
    modules = import_each(
        model,
        {f"{_name(number)} ({each.label})": each.symbols for number, each in enumerate(specializations)},
        batch_size=options.batchsize,
        intermediate=options.output_node_name,
        weights_dir=weights,
    )
    return _held(modules, specializations)


def _held(modules: Sequence[ModuleOp], specializations: Sequence[Specialization]) -> ModuleOp:
    """A module that holds those of specializations, and the weight store that they share."""
    store = modules[0].attributes[STORE_ATTRIBUTE]
    for number, (module, each) in enumerate(zip(modules, specializations, strict=True)):
        module.sym_name = StringAttr(_name(number))
        module.attributes.pop(STORE_ATTRIBUTE)
        set_symbols(module, each.symbols)
        set_tuning(module, each.tuning)
    return holding("specializations", modules, {STORE_ATTRIBUTE: store})


def _name(number: int) -> str:
    return f"spec{number}"
