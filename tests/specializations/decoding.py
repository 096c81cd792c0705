"""Networks with state: text that a decoder generates greedily, a prompt with padding behind it and then one token after
the other; and a network whose state is a sum.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from dialects.retained import retaining
from tests.models import reference, symbolic

PREFILL, PROMPT, GENERATED = 8, 5, 24

Tokens = dict[str, npt.NDArray[np.int64]]


def config(folder: Path, *sequences: int) -> Path:
    path = folder / "spec.json"
    path.write_text(json.dumps({"specializations": [{"sequence": str(length)} for length in sequences]}))
    return path


def one_token(token: int, position: int) -> Tokens:
    return {"input_ids": np.array([[token]]), "position_ids": np.array([[position]])}


def generated(step: Any, sizes: symbolic.Sizes) -> list[int]:
    """Tokens that are chosen greedily: logits for tokens from `step`, first for a prompt with padding behind it."""
    logits = step(symbolic.prompt(sizes, PROMPT, PREFILL))[0, PROMPT - 1]
    tokens: list[int] = []
    for position in range(PROMPT, PROMPT + GENERATED):
        tokens.append(int(logits.argmax()))
        logits = step(one_token(tokens[-1], position))[0, 0]
    return tokens


def by_onnxruntime(model: Path, sizes: symbolic.Sizes) -> list[int]:
    shape = (1, sizes.kv_heads, sizes.context, sizes.head_dim)
    names = [f"past_{what}.{layer}" for layer in range(sizes.layers) for what in ("key", "value")]
    state = {name: np.zeros(shape, np.float32) for name in names}

    def step(tokens: Tokens) -> npt.NDArray[Any]:
        outputs = reference.run(model, {**tokens, **state})
        state.update({name: outputs[retaining(name)] for name in names})
        return outputs["logits"]

    return generated(step, sizes)


def sums(folder: Path, state: tuple[Any, ...] = (2, 3), written: tuple[Any, ...] = (2, 3)) -> Path:
    """y = x + the sum of s; s grows by the sum of x."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [0])
    nodes = [
        helper.make_node("ReduceSum", ["x", "axes"], ["added"], "added", keepdims=0),
        helper.make_node("Add", ["s", "added"], ["s_RetainedState"], "grow"),
        helper.make_node("ReduceSum", ["s"], ["kept"], "kept", keepdims=0),
        helper.make_node("Add", ["x", "kept"], ["y"], "answer"),
    ]
    if state != written:
        nodes[1] = helper.make_node("Concat", ["s", "s"], ["s_RetainedState"], "grow", axis=0)
    ports = {"x": ["n"], "s": state, "s_RetainedState": written, "y": ["n"]}
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ports.items()}
    graph = helper.make_graph(
        nodes, "sums", [values["x"], values["s"]], [values["s_RetainedState"], values["y"]], [axes]
    )
    path = folder / "sums.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
