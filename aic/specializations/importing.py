"""From a model to its module: one program, or a program for each specialization that the options name."""

from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from aic.importer import Model, import_model, import_opened
from aic.options import Options
from aic.specializations.config import read_config
from dialects import create_context
from dialects.errors import AicError
from passes.specialize_symbols import SPECIALIZATIONS, SpecializeSymbolsPass, as_attribute


def import_network(path: Path, options: Options) -> ModuleOp:
    """The model in a file as a module; of several specializations, a module that holds one for each, in the order of
    their file.

    Raises AicError for a model or a configuration that is wrong.
    """
    weights = None if options.weights is None else str(options.weights)
    config = options.network_specialization_config
    if config is None:
        return import_model(
            path,
            symbols=options.onnx_define_symbol,
            batch_size=options.batchsize,
            intermediate=options.output_node_name,
            weights_dir=weights,
        )
    model = Model.read(path)
    module = open_network(model, options)
    try:
        SpecializeSymbolsPass().apply(create_context(), module)
    except AicError as error:
        raise AicError(f"{config}:{str(error).removeprefix(f'{SPECIALIZATIONS}:')}") from error
    import_opened(module, model, intermediate=options.output_node_name, weights_dir=weights)
    return module


def open_network(model: Model, options: Options) -> ModuleOp:
    """A model that is not imported yet, as a module that says for which sizes of its open dimensions it is to be.

    Raises AicError for a configuration, or inputs, that are wrong.
    """
    config = options.network_specialization_config
    module = model.opened(options.onnx_define_symbol if config is None else {}, options.batchsize)
    if config is not None:
        module.attributes[SPECIALIZATIONS] = as_attribute(read_config(config, options.onnx_define_symbol))
    return module
