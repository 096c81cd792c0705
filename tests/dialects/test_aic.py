"""Constants inside the IR, read from text."""

import time

from xdsl.parser import Parser

from dialects import create_context
from dialects.aic import MOST_INLINE_BYTES, DenseAttr


def parsed(text: str) -> DenseAttr:
    """A constant as text names it."""
    attribute = Parser(create_context(), text).parse_attribute()
    assert isinstance(attribute, DenseAttr)
    return attribute


def test_one_value_for_many_elements_takes_no_time_for_each() -> None:
    count = MOST_INLINE_BYTES // 4
    start = time.process_time()
    constant = parsed(f"#aic.dense<1.5 : tensor<{count}xf32>>")
    assert time.process_time() - start < 1  # seconds; element by element takes several
    assert constant.array().shape == (count,)
    assert (constant.array() == 1.5).all()
