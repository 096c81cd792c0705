"""Whole networks in checked mode: no fault, and the bits of fast mode."""

import pytest

from aic.nsp.checked import run_checked
from aic.nsp.values import load_program
from tests.tile.networks import Network, digits, largest_error, light, lowered, same_bits


def check(network: Network, cores: int, *, fp16: bool) -> None:
    program = lowered(network.path, cores, fp16=fp16)
    fast = load_program(program).run(network.inputs)
    assert same_bits(run_checked(program, network.inputs), fast)
    # BLAS may sum in another order for other shapes; in fp16 that is seen only where a value is close to a tie.
    assert largest_error(fast, network.expected(fp16=fp16)) < (2e-3 if fp16 else 2e-6)


@pytest.mark.parametrize("fp16", [True, False], ids=["fp16", "fp32"])
@pytest.mark.parametrize("cores", [1, 4, 14])
def test_digits(cores: int, fp16: bool) -> None:
    check(digits(), cores, fp16=fp16)


@pytest.mark.parametrize(("name", "cores", "fp16"), [("squeezenet", 3, False), ("resnet50", 4, True)])
def test_light_models(name: str, cores: int, fp16: bool) -> None:
    check(light(name), cores, fp16=fp16)
