"""Recurrences over time: `graph.lstm`, `graph.gru` and `graph.rnn`.

What does not depend on earlier steps, the products of inputs and weights, comes as an operand for all steps at once.
The result are the states after every step; the last ones are where a later part of the sequence goes on. So long
sequences are made part by part, and states of chunks, directions and batches look alike:

    gates [D, T, B, H G], weight [D, H, H G], bias [D, 1 or 2, H G],
    hidden [1, D, 1, B, H], initial [S, D, 1, B, H], valid [D, T, B, 1]

for D directions, T steps, a batch of B and S states of H elements; the G gates of an element stand side by side. The
result is [S, D, T, B, H]. A direction that runs backwards has its steps in that order. Where `valid` is false, a step
keeps the states.

The product of the first step is one with `hidden`, which is the first of the states: a single step may be made for some
of the elements, as long as it has all of `hidden`. So weights that are too large for VTCM go through it in parts.
"""

from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, IntegerType, StringAttr, TensorType
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, opt_prop_def
from xdsl.utils.exceptions import VerifyException

from dialects.graph.base import GraphOp, Tensor, check_float, check_same_element, tensor_type
from dialects.graph.kernels.recurrence import CELL_ACTIVATIONS
from dialects.indexing import Along, Carried, Indexing, Whole, scaled


class RecurrentOp(GraphOp):
    """States after every step; see the module."""

    FOLDS: ClassVar[bool] = False
    GATES: ClassVar[int]
    """G: products with weights per element of the state."""
    STATES: ClassVar[int]
    """S: what a step hands on."""
    FUNCTIONS: ClassVar[int]
    """Number of activations."""
    BIAS_ROWS: ClassVar[tuple[int, ...]] = (1,)
    """How many rows a bias may have."""

    gates = operand_def(TensorType)
    """Products of the inputs with their weights."""
    weight = operand_def(TensorType)
    """Weights of the state before."""
    bias = operand_def(TensorType)
    """Added to the gates."""
    hidden = operand_def(TensorType)
    """First state before the first step, of all elements."""
    initial = operand_def(TensorType)
    """States before the first step, of the elements that are made."""
    valid = opt_operand_def(TensorType)
    """Steps that count."""
    activations = opt_prop_def(StringAttr)
    """Names of activations, with commas between; without it those of the op's text."""
    clip = opt_prop_def(FloatAttr)
    """Limit of the size of what activations are applied to."""

    def infer(self) -> Tensor:
        gates, weight, bias, state, initial = (tensor_type(operand) for operand in self.operands[:5])
        check_float(self.name, gates)
        check_same_element(self.name, gates, weight, bias, initial)
        if gates.get_num_dims() != 4 or weight.get_num_dims() != 3:
            raise VerifyException(f"{self.name}: gates have 4 dimensions and weights 3, got {gates} and {weight}")
        directions, steps, batch, columns = gates.get_shape()
        whole = weight.get_shape()[1]
        made = whole if steps > 1 else columns // self.GATES
        if columns != self.GATES * made or weight.get_shape() != (directions, whole, columns) or not steps:
            raise VerifyException(f"{self.name}: gates {gates} do not fit weights {weight} of {self.GATES} gates")
        if bias.get_shape() not in [(directions, rows, columns) for rows in self.BIAS_ROWS]:
            raise VerifyException(f"{self.name}: bias {bias} does not fit gates {gates}")
        if state.get_shape() != (1, directions, 1, batch, whole):
            raise VerifyException(f"{self.name}: hidden {state} does not fit gates {gates} and weights {weight}")
        if initial.get_shape() != (self.STATES, directions, 1, batch, made):
            raise VerifyException(f"{self.name}: initial {initial} does not fit gates {gates}")
        if self.valid is not None and self.valid.type != TensorType(IntegerType(1), [directions, steps, batch, 1]):
            raise VerifyException(f"{self.name}: valid {self.valid.type} does not fit gates {gates}")
        names = self.activations.data.split(",") if self.activations is not None else None
        if names is not None and (len(names) != self.FUNCTIONS or not set(names) <= set(CELL_ACTIVATIONS)):
            raise VerifyException(
                f"{self.name}: activations {names} are not {self.FUNCTIONS} of {', '.join(CELL_ACTIVATIONS)}"
            )
        return TensorType(gates.element_type, [self.STATES, directions, steps, batch, made])

    def numpy_calls(self) -> int:
        return tensor_type(self.gates).get_shape()[1]

    def indexing(self) -> Indexing:
        direction, time, batch, columns = Along(1), Along(2), Along(3), scaled(4, self.GATES, 1)
        valid = ((direction, time, batch, Whole()),) if self.valid is not None else ()
        weight = (direction, Whole(), columns)
        hidden = (Whole(), direction, Whole(), batch, Whole())
        accesses = (direction, time, batch, columns), weight, weight, hidden, (*hidden[:4], Along(4)), *valid
        return Indexing((0, 1, 0, 1, 0), accesses, Carried(2, (3, 4), 4 if self._made_apart() else None))

    def _made_apart(self) -> bool:
        """Whether a step's elements do not need each other."""
        return True


@irdl_op_definition
class LstmOp(RecurrentOp):
    """Long short-term memory: gates in the order input, output, forget, cell; states hidden and cell. ONNX: LSTM.

    A second row of the bias are peepholes: weights of the cell in the first three gates, then zeros. Activations are
    sigmoid, tanh, tanh: of the gates, of the cell's input, of the cell.
    """

    name = "graph.lstm"
    GATES: ClassVar[int] = 4
    STATES: ClassVar[int] = 2
    FUNCTIONS: ClassVar[int] = 3
    BIAS_ROWS: ClassVar[tuple[int, ...]] = (1, 2)


@irdl_op_definition
class GruOp(RecurrentOp):
    """Gated recurrent unit: gates in the order update, reset, hidden. ONNX: GRU.

    With two rows of bias the reset gate applies to the product of state and weight with the first row's last part added
    (`linear_before_reset`), and the second row's last part is added afterwards; with one it applies to the state.
    Activations are sigmoid, tanh: of the gates, of the hidden part.
    """

    name = "graph.gru"
    GATES: ClassVar[int] = 3
    STATES: ClassVar[int] = 1
    FUNCTIONS: ClassVar[int] = 2
    BIAS_ROWS: ClassVar[tuple[int, ...]] = (1, 2)

    def _made_apart(self) -> bool:
        return tensor_type(self.bias).get_shape()[1] > 1


@irdl_op_definition
class RnnOp(RecurrentOp):
    """Elman network: an activation, tanh if none is named, of the sum. ONNX: RNN."""

    name = "graph.rnn"
    GATES: ClassVar[int] = 1
    STATES: ClassVar[int] = 1
    FUNCTIONS: ClassVar[int] = 1


RECURRENCE_OPS: tuple[type[GraphOp], ...] = (LstmOp, GruOp, RnnOp)
