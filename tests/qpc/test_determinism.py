import hashlib
import os
import subprocess
import sys
from pathlib import Path

from aic.qpc.container import container_bytes
from tests.qpc.samples import sample

SCRIPT = (
    "import hashlib; from tests.qpc.samples import sample; from aic.qpc.container import container_bytes; "
    "print(hashlib.sha256(container_bytes(sample().segments())).hexdigest())"
)


def test_same_bytes_under_any_hash_seed() -> None:
    root = Path(__file__).parents[2]
    expected = hashlib.sha256(container_bytes(sample().segments())).hexdigest()
    for seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=root, env=environment, capture_output=True, text=True, check=True
        )
        assert result.stdout.strip() == expected
