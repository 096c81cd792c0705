"""Every node test of ONNX is computed right or refused; the table of what passes is printed with `-s`."""

from collections import Counter

from aic.importer import ImportFailure, operators_supported
from tests.importer.onnx_node_tests import differences, node_tests, run

LEAST_PASSED = 1390
"""Of the tests of onnx 1.23; a newer onnx has more."""


def test_supported_operators_pass_and_others_are_refused() -> None:
    passed, refused, wrong = Counter[str](), Counter[str](), list[str]()
    first = {(row.domain, row.operator): int(row.opsets.partition("-")[0]) for row in operators_supported()}
    unlisted = set[tuple[str, str]]()
    for test in node_tests():
        operators = {node.op_type for node in test.model.graph.node}
        try:
            different = differences(test, run(test))
        except ImportFailure:
            refused.update(operators)
            continue
        if different:
            wrong.append(f"{test.name}: {different}")
        passed.update(operators)
        opsets = {entry.domain: entry.version for entry in test.model.opset_import}
        keys = {(node.domain or "ai.onnx", node.op_type): opsets[node.domain] for node in test.model.graph.node}
        unlisted.update(key for key, opset in keys.items() if key not in first or opset < first[key])
    for operator in sorted(passed | refused):
        print(f"{operator:32} {passed[operator]:4} of {passed[operator] + refused[operator]:4}")
    assert wrong == []
    assert unlisted == set()
    assert passed.total() >= LEAST_PASSED
    never = {row.operator for row in operators_supported() if refused[row.operator] and not passed[row.operator]}
    assert never == set()
