"""Einsum: operands are joined two at a time, each pair by one matrix product or one element-wise product."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from aic.importer.builder import Builder, Value
from aic.importer.node import Node
from aic.importer.operators.contraction import product
from aic.importer.operators.movement import take
from aic.importer.problems import Misfit
from aic.importer.registry import converts
from dialects.graph.elementwise import MulOp
from dialects.graph.reduction import ReduceSumOp

Labels = tuple[str, ...]
_ELLIPSIS = "..."


@dataclass(frozen=True)
class Term:
    """An operand and the label of each of its dimensions, all different."""

    value: Value
    labels: Labels

    def size(self, label: str) -> int:
        """Size of the dimension of that label."""
        return self.value.shape[self.labels.index(label)]


@converts("Einsum", since=12)
def einsum(builder: Builder, node: Node) -> Value:
    operands = node.given()
    terms, result = parsed(node.text("equation", ""), [value.rank for value in operands])
    sizes = _sizes(terms, operands)
    joined = _diagonal(builder, operands[0], terms[0])
    for position, operand in enumerate(operands[1:], 1):
        later = {label for labels in terms[position + 1 :] for label in labels}
        needed = frozenset(later.union(result))
        joined = _joined(builder, joined, _diagonal(builder, operand, terms[position]), needed, sizes)
    joined = _summed(builder, joined, frozenset(result))
    return builder.transpose(joined.value, [joined.labels.index(label) for label in result])


def parsed(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """Labels of the dimensions of each operand and of the result. Those of an ellipsis are numbers, from the last on.

    Raises Misfit for an equation that does not fit operands of these ranks.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(ranks):
        raise Misfit(f"equation {equation!r} for {len(ranks)} operands")
    terms = [_labels(text, rank, equation) for text, rank in zip(texts, ranks, strict=True)]
    every = [label for labels in terms for label in labels]
    broadcast = tuple(sorted({label for label in every if label.isdigit()}, key=int, reverse=True))
    if arrow:
        before, dots, after = right.partition(_ELLIPSIS)
        result = (*before, *(broadcast if dots else ()), *after)
    else:
        result = (*broadcast, *sorted(label for label in set(every) - set(broadcast) if every.count(label) == 1))
    if len(set(result)) != len(result) or not set(result) <= set(every):
        raise Misfit(f"equation {equation!r}: the result's labels are not labels of operands, each once")
    return terms, result


def _labels(text: str, rank: int, equation: str) -> Labels:
    before, dots, after = text.partition(_ELLIPSIS)
    hidden = rank - len(before) - len(after)
    if hidden < 0 or (hidden and not dots) or (not (before + after).isalpha() and before + after):
        raise Misfit(f"equation {equation!r}: {text!r} for an operand of {rank} dimensions")
    return (*before, *(str(number) for number in reversed(range(hidden))), *after)


def _sizes(terms: Sequence[Labels], operands: Sequence[Value]) -> dict[str, int]:
    """Size of every label; where some operands have 1, that of the others."""
    sizes: dict[str, int] = {}
    for labels, value in zip(terms, operands, strict=True):
        for label, size in zip(labels, value.shape, strict=True):
            known = sizes.setdefault(label, size)
            if known != size and 1 not in (known, size):
                raise Misfit(f"label {label!r} has the sizes {known} and {size}")
            sizes[label] = max(known, size)
    return sizes


def _diagonal(builder: Builder, value: Value, labels: Labels) -> Term:
    """An operand with the diagonal taken where a label stands for two of its dimensions."""
    while len(set(labels)) < len(labels):
        first = next(d for d, label in enumerate(labels) if label in labels[d + 1 :])
        second = labels.index(labels[first], first + 1)
        others = [d for d in range(value.rank) if d not in (first, second)]
        turned = builder.transpose(value, [*others, first, second])
        size = turned.shape[-1]
        flat = builder.reshape(turned, (*turned.shape[:-2], size * size))
        value = take(builder, flat, {len(others): range(0, size * size, size + 1)})
        labels = (*(labels[d] for d in others), labels[first])
    return Term(value, labels)


def _summed(builder: Builder, term: Term, needed: frozenset[str]) -> Term:
    """The term summed over the labels that nobody needs."""
    axes = tuple(d for d, label in enumerate(term.labels) if label not in needed)
    if not axes:
        return term
    value = builder.emit(ReduceSumOp, [term.value], axes=axes, keepdims=False)
    return Term(value, tuple(label for label in term.labels if label in needed))


def _joined(builder: Builder, a: Term, b: Term, needed: frozenset[str], sizes: dict[str, int]) -> Term:
    """The product of two terms, summed over the labels that only they have."""
    a, b = (_summed(builder, term, needed.union(other.labels)) for term, other in ((a, b), (b, a)))
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in needed]
    inner = [label for label in shared if label not in needed]
    rows = [label for label in a.labels if label not in shared]
    columns = [label for label in b.labels if label not in shared]
    lengths = [prod(sizes[label] for label in labels) for labels in (batch, rows, inner, columns)]
    left = _ordered(builder, a, [*batch, *rows, *inner], sizes, (lengths[0], lengths[1], lengths[2]))
    right = _ordered(builder, b, [*batch, *inner, *columns], sizes, (lengths[0], lengths[2], lengths[3]))
    y = product(builder, left, right) if inner else builder.emit(MulOp, [left, right])
    labels = (*batch, *rows, *columns)
    return Term(builder.reshape(y, [sizes[label] for label in labels]), labels)


def _ordered(
    builder: Builder, term: Term, labels: Sequence[str], sizes: dict[str, int], shape: tuple[int, int, int]
) -> Value:
    """The term's dimensions in the order of the labels, at full size, joined to three."""
    turned = builder.transpose(term.value, [term.labels.index(label) for label in labels])
    return builder.reshape(builder.expand(turned, [sizes[label] for label in labels]), shape)
