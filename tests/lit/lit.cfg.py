"""lit's configuration: `lit tests/lit` runs every test on IR text, in process."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.lit.in_process import InProcessFormat

config.name = "aic"
config.test_format = InProcessFormat()
config.suffixes = [".mlir", ".test"]
config.test_source_root = str(Path(__file__).parent)
config.test_exec_root = str(ROOT / "build" / "lit")
