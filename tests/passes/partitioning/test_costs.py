"""What ops cost a cluster: of a table only what is picked of it passes DDR."""

import pytest
from xdsl.parser import Parser

from dialects import create_context
from dialects.graph.base import GraphOp
from dialects.hardware import load_hardware
from dialects.module import main_of
from dialects.tuning import Tuning
from passes.partitioning.costs import costs_on

TABLE = """
func.func @main(%table: tensor<30000x64xf16>, %ids: tensor<16xi64>) -> tensor<16x64xf16> {
  %rows = graph.gather %table, %ids {axis = 0 : i64} : (tensor<30000x64xf16>, tensor<16xi64>) -> tensor<16x64xf16>
  func.return %rows : tensor<16x64xf16>
}
"""


@pytest.mark.parametrize("cores", [1, 4])
def test_of_a_table_only_rows_that_are_picked_are_read(cores: int) -> None:
    ops = [
        op for op in main_of(Parser(create_context(), TABLE).parse_module()).body.block.ops if isinstance(op, GraphOp)
    ]
    (cost,) = costs_on(ops, cores, load_hardware("pro"), Tuning()).ops
    assert cost.ddr_bytes == 16 * 64 * 2 + 16 * 8
