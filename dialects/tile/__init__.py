"""The tile dialect: what a set of NSP cores does.

Three steps of one dialect: sharded tensors (`#tile.sharding` on tensor types, `tile.reshard`), programs of instructions
on buffers (`tile.alloc`, transfers, `tile.compute`), and the same programs scheduled (addresses, rotation, signals and
waits).
"""

from xdsl.ir import Dialect

from dialects.tile.attributes import BoxAttr, ShardingAttr, WaitsAttr
from dialects.tile.channels import ReceiveOp, SendOp
from dialects.tile.ops import (
    AllocOp,
    ComputeOp,
    ExchangeOp,
    FillOp,
    ForOp,
    LoadOp,
    MulticastOp,
    StoreOp,
    TensorOp,
)
from dialects.tile.reshard import ReshardOp

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
