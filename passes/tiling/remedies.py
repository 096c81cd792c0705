"""What a user may change where something does not fit into VTCM."""

from dialects.hardware import Hardware
from dialects.tuning import Tuning


def remedies(hardware: Hardware, cores: int, tuning: Tuning, *, single_precision: bool) -> list[str]:
    """Options that make parts of tensors on each core smaller, of a compile for so many cores; none where there is none
    left. `single_precision`: whether 4-byte floating point is what takes the room.
    """
    found: list[str] = []
    if cores < hardware.cores:
        found.append(f"more cores (aic-num-cores) than {cores}")
    if single_precision:
        found.append("half precision (convert-to-fp16)")
    if tuning.mos is not None:
        found.append(f"another mos than {tuning.mos}")
    return found
