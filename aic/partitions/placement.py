"""Which devices of the simulated host the parts of a network run on, each an SoC of a card.

The numbers in a network's own configuration are logical. Where nothing else is said, its parts are on devices 0, 1, 2
and so on, in their order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import ModuleOp

from dialects.errors import AicError
from dialects.module import is_over_cards, path_of, programs_of, specializations_of, target_of


def placed(module: ModuleOp, wanted: int | str | Sequence[int] | None) -> tuple[int, ...]:
    """The device of each part of a network over several cards, or the only one of any other network.

    `wanted`: devices in the order of the parts, also as text, `3:1:2`; text with commas, `0,1,2,3`, is a pool of which
    the first are taken.

    Raises AicError that tells of devices that are listed twice or not there, and of too few or too many.
    """
    one = next(iter(specializations_of(module)))  # the others are on the same devices
    parts = [path_of(part) for part in programs_of(one)] if is_over_cards(module) else [""]
    if wanted is None:
        wanted = range(len(parts))
        shown = f"a network of {len(parts)} parts"
    else:
        wanted = [wanted] if isinstance(wanted, int) else wanted
        shown = f"devices {wanted if isinstance(wanted, str) else ':'.join(map(str, wanted))}"
    pool, numbers = _numbers(wanted, shown)
    problems = list(_problems(module, numbers))
    if len(numbers) < len(parts) or (len(numbers) > len(parts) and not pool):
        problems.append(_count_problem(len(numbers), parts))
    if problems:
        raise AicError(f"{shown}: {'; '.join(problems)}")
    return tuple(numbers[: len(parts)])


def _numbers(wanted: str | Sequence[int], shown: str) -> tuple[bool, list[int]]:
    """The devices, and whether they are a pool."""
    if not isinstance(wanted, str):
        return False, list(wanted)
    pool = "," in wanted
    texts = wanted.split("," if pool else ":")
    if not all(text.isascii() and text.isdecimal() for text in texts):
        raise AicError(f"{shown}: expected numbers, as 3:1:2 in the order of the parts, or as 0,1,2,3 to choose from")
    return pool, list(map(int, texts))


def _problems(module: ModuleOp, numbers: Sequence[int]) -> Iterator[str]:
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    if twice:
        yield f"{_listed(twice)} twice; each part needs one of its own"
    target = target_of(module)
    hardware = target.hardware
    if away := [number for number in dict.fromkeys(numbers) if not 0 <= number < hardware.devices]:
        socs = f", {hardware.socs} SoCs on each" if hardware.socs > 1 else ""
        yield (
            f"no {_listed(away)}; the simulated host has {hardware.devices}, 0 to {hardware.devices - 1} "
            f"({hardware.host_cards} cards of the SKU '{target.sku.data}'{socs})"
        )


def _count_problem(given: int, parts: Sequence[str]) -> str:
    devices = "1 device" if given == 1 else f"{given} devices"
    if len(parts) == 1:
        return f"{devices} for a network on one"
    return f"{devices} for {len(parts)} parts, {', '.join(parts)}"


def _listed(numbers: Sequence[int]) -> str:
    return f"device{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
