"""The tile dialect: what a set of NSP cores does.

Three steps of one dialect: sharded tensors (`#tile.sharding` on tensor types, `tile.reshard`), programs of instructions
on buffers (`tile.alloc`, transfers, `tile.compute`), and the same programs scheduled (addresses, rotation, signals and
waits).
"""

from xdsl.ir import Dialect

from dialects.tile.attributes import BoxAttr, ShardingAttr, WaitsAttr
from dialects.tile.buffers import AllocOp, TensorOp
from dialects.tile.channels import ReceiveOp, SendOp
from dialects.tile.instructions import ComputeOp, FillOp, ForOp
from dialects.tile.reshard import ReshardOp
from dialects.tile.transfers import ExchangeOp, LoadOp, MulticastOp, StoreOp

Tile = Dialect(
    "tile",
    [
        TensorOp,
        AllocOp,
        ForOp,
        LoadOp,
        MulticastOp,
        StoreOp,
        ExchangeOp,
        FillOp,
        ComputeOp,
        SendOp,
        ReceiveOp,
        ReshardOp,
    ],
    [BoxAttr, ShardingAttr, WaitsAttr],
)
