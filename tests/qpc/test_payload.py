from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import (
    AffineMapAttr,
    Builtin,
    IntAttr,
    ModuleOp,
    Signedness,
    SignednessAttr,
)
from xdsl.ir import Attribute, Data, Dialect
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from aic.qpc.decoding import decode
from aic.qpc.encoding import encode
from aic.qpc.errors import QpcError


class Unit(Enum):
    HVX = auto()
    HMX = auto()


@dataclass(frozen=True)
class Everywhere:
    pass


@dataclass(frozen=True)
class Axis:
    number: int
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Tree:
    """Contains itself."""

    place: Everywhere | Axis
    unit: Unit
    mode: Literal["sync", "async"]
    tags: frozenset[str]
    pair: tuple[int, bool] | None
    children: "tuple[Tree, ...]" = ()


class Silent:
    """An attribute without text form."""

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Any:
        raise NotImplementedError

    def print_parameter(self, printer: Printer) -> None:
        raise NotImplementedError


@irdl_attr_definition
class TreeAttr(Silent, Data[Tree]):
    name = "sample.tree"


@irdl_attr_definition
class AnythingAttr(Silent, Data[Hashable]):
    name = "sample.anything"


@irdl_attr_definition
class PairsAttr(Silent, Data[tuple[tuple[str, IntAttr], ...]]):
    name = "sample.pairs"


@irdl_attr_definition
class DescriptionAttr(Silent, Data[Axis]):
    """Data that is not what its class says: what a careless constructor could make."""

    name = "sample.description"


def context() -> Context:
    known = Context()
    known.load_dialect(Builtin)
    known.load_dialect(Dialect("sample", [], [TreeAttr, AnythingAttr, PairsAttr, DescriptionAttr]))
    return known


AXES = st.builds(Axis, st.integers(), st.lists(st.floats(allow_nan=False)).map(tuple))
TREES = st.recursive(
    st.builds(
        Tree,
        st.just(Everywhere()) | AXES,
        st.sampled_from(Unit),
        st.sampled_from(["sync", "async"]),
        st.frozensets(st.text(max_size=3), max_size=4),
        st.none() | st.tuples(st.integers(), st.booleans()),
    ),
    lambda inner: st.builds(
        Tree,
        AXES,
        st.sampled_from(Unit),
        st.just("sync"),
        st.just(frozenset()),
        st.none(),
        st.lists(inner, max_size=2).map(tuple),
    ),
    max_leaves=4,
)


def round_trip(attribute: Attribute) -> Attribute:
    return decode(encode(ModuleOp([], {"aic.x": attribute})), context()).attributes["aic.x"]


@given(TREES)
@settings(max_examples=60, deadline=None)
def test_dataclasses_come_back_equal(tree: Tree) -> None:
    assert round_trip(TreeAttr(tree)) == TreeAttr(tree)


def test_affine_maps_enumerations_and_pairs() -> None:
    d0, s0 = AffineExpr.dimension(0), AffineExpr.symbol(0)
    for attribute in (
        AffineMapAttr(AffineMap(1, 1, (d0 * 4 + s0, d0 % 3, AffineExpr.constant(-7)))),
        SignednessAttr(Signedness.UNSIGNED),
        PairsAttr((("a", IntAttr(1)), ("b", IntAttr(-(1 << 90))))),
    ):
        assert round_trip(attribute) == attribute


def test_data_without_a_declared_form_is_refused() -> None:
    with pytest.raises(QpcError, match=r"sample\.anything: cannot be encoded"):
        encode(ModuleOp([], {"aic.x": AnythingAttr(1)}))


def test_data_that_is_not_what_its_class_declares_is_refused() -> None:
    with pytest.raises(QpcError, match=r"sample\.description: cannot be encoded, a str where a Axis is declared"):
        encode(ModuleOp([], {"aic.x": DescriptionAttr.new("text")}))
    with pytest.raises(QpcError, match=r"builtin\.int: cannot be encoded"):
        encode(ModuleOp([], {"aic.x": IntAttr.new("text")}))


def test_payloads_of_a_file_are_limited_in_depth() -> None:
    tree = Tree(Everywhere(), Unit.HMX, "sync", frozenset(), None)
    for _ in range(70):
        tree = Tree(Everywhere(), Unit.HMX, "sync", frozenset(), None, (tree,))
    with pytest.raises(QpcError, match="nested deeper than 64"):
        round_trip(TreeAttr(tree))


def test_equal_numbers_of_different_kinds_are_not_merged() -> None:
    first, second = Axis(1, (0.0,)), Axis(1, (-0.0,))
    module = ModuleOp([], {"aic.a": DescriptionAttr(first), "aic.b": DescriptionAttr(second)})
    back = decode(encode(module), context()).attributes
    signs = [str(back[name].data.weights[0]) for name in ("aic.a", "aic.b")]
    assert signs == ["0.0", "-0.0"]
