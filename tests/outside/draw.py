"""Draws random valid networks with nnsmith: `python -m tests.outside.draw <folder> <first seed> <number>`.

Needs the extra `sweep`. For every seed a folder gets `<seed>.onnx` and `<seed>.npz`, inputs that lead to no NaN if any
were found. Run it with PYTHONHASHSEED=0: nnsmith picks from sets.
"""

import functools
import os
import sys
import warnings
from pathlib import Path
from typing import Any

NODES = 10
EXCLUDED = ("core.Tan", "core.Pow", "core.Log2", "core.Asin", "core.Acos", "core.CastF64")
"""Operators whose outputs say nothing: chaotic near poles, or without a float64 kernel in onnxruntime."""
_ATTEMPTS = 8
"""How often something drawn is drawn anew until it is good: inputs that lead to no NaN, an example of an operator."""


def _operators(model: Any) -> list[Any]:
    """nnsmith's operators, each with the element types that onnxruntime runs it with."""
    from nnsmith.backends.onnxruntime import ORTFactory
    from nnsmith.util import set_seed

    factory = ORTFactory("cpu", False)
    operators: list[Any] = []
    set_seed(0)
    for operator in model.operators():
        if operator.limit_domain or operator.name() in EXCLUDED:
            continue
        known = _element_types(model, factory, operator)
        if known is not None:
            operator.in_dtypes = sorted(known.in_dtypes, key=str)
            operator.out_dtypes = sorted(known.out_dtypes, key=str)
            operators.append(operator)
    return operators


def _element_types(model: Any, factory: Any, operator: Any) -> Any:
    """The element types of an operator that work; None when none does. nnsmith tries one example, which may be bad."""
    from nnsmith.error import InternalError
    from nnsmith.narrow_spec import infer_topset_from_scratch

    for _ in range(_ATTEMPTS):
        try:
            return infer_topset_from_scratch(model, factory, [operator]).get(operator.name())
        except InternalError:
            continue
    return None


def draw(folder: Path, first: int, number: int) -> None:
    """Writes a network and its inputs for every seed from `first` on."""
    import numpy as np
    import onnx
    import torch

    # What nnsmith was written for: this exporter, and an onnx that has this function.
    onnx._serialize = lambda model: model.SerializeToString()
    torch.onnx.export = functools.partial(torch.onnx.export, dynamo=False)
    from nnsmith.graph_gen import model_gen
    from nnsmith.materialize import Model
    from nnsmith.materialize.torch.input_gen import SamplingSearch

    kind = Model.init("onnx", backend_target="cpu")
    kind.add_seed_setter()
    operators = _operators(kind)
    for seed in range(first, first + number):
        generator = model_gen(operators, method="symbolic-cinit", seed=seed, max_nodes=NODES)
        model = kind.from_gir(generator.make_concrete())
        net = model.torch_model
        _, inputs = SamplingSearch(net).search(max_sample=_ATTEMPTS)
        inputs = inputs if inputs is not None else net.get_random_inps()
        proto = model.get_onnx_from_torch()
        onnx.save(proto, folder / f"{seed}.partial")
        np.savez(folder / f"{seed}.npz", **{name: value.numpy() for name, value in inputs.items()})
        os.replace(folder / f"{seed}.partial", folder / f"{seed}.onnx")


def main(arguments: list[str]) -> None:
    """The command."""
    folder, first, number = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        draw(folder, first, number)


if __name__ == "__main__":
    main(sys.argv[1:])
