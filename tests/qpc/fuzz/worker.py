"""What becomes of QPCs in a process of its own, whose memory is limited: a line of JSON for every path on its input.

Each file is validated, described, loaded, run twice and in checked mode, and timed, whatever is in it.
"""

import hashlib
import json
import resource
import sys
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from aic.load import load_qpc, validate_qpc
from aic.nsp.checked import run_checked
from aic.qpc.packing import describe
from aic.session import Session
from dialects.errors import AicError
from dialects.module import programs_of
from tests.qpc.fuzz.outcome import ROOM_BYTES, Outcome

OUT_OF_MEMORY = ("not the memory", "need more than")


def main() -> None:
    """Tells what becomes of each file, until the input ends."""
    warnings.simplefilter("error")
    limit = _address_space() + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for line in sys.stdin:
        print(json.dumps(_outcome(line.rstrip("\n"))._asdict()), flush=True)


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _outcome(path: str) -> Outcome:
    try:
        return _examined(path)
    except BaseException:  # whatever it is, it is what the test is after
        return Outcome("fault", traceback.format_exc())


def _examined(path: str) -> Outcome:
    report = validate_qpc(path)
    assert report.text().count("\n") > len(report.findings)
    _describe(path)
    try:
        session = Session(path)
    except AicError as error:
        if not report.errors and not any(text in str(error) for text in OUT_OF_MEMORY):
            return Outcome("fault", f"valid, but cannot be loaded: {error}")
        return Outcome("refused", str(error))
    if report.errors:
        return Outcome("fault", f"loaded, but not valid: {report.text()}")
    return _run(path, session)


def _describe(path: str) -> None:
    with suppress(AicError):
        describe(Path(path))


def _run(path: str, session: Session) -> Outcome:
    """Every specialization on its inputs, in all modes."""
    loaded = load_qpc(path)
    results: list[str] = []
    for number, (program, signature) in enumerate(
        zip(programs_of(loaded.module), session.specializations, strict=True)
    ):
        inputs = {tensor.name: _values(tensor.shape, tensor.dtype) for tensor in signature.inputs}
        try:
            outputs = session.run(inputs)
        except AicError as error:
            return Outcome("refused", str(error))
        session.timing(number)
        checked = run_checked(program, inputs, loaded.constants.stored_bytes)
        shown = {name: array for name, array in checked.items() if name in outputs}
        digests = {_digest(outputs), _digest(session.run(inputs)), _digest(shown)}
        if len(digests) > 1:
            return Outcome("fault", "fast mode, once and again, and checked mode do not agree")
        results += digests
    return Outcome("ran", " ".join(results))


def _values(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    random = np.random.default_rng(7)
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 2, shape).astype(dtype)


def _digest(arrays: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
