"""lit's test format that runs our commands in lit's own worker processes."""

from pathlib import Path

import lit.formats
import lit.Test
from lit.LitConfig import LitConfig
from lit.TestRunner import getTempPaths

from tests.lit.script import run_script


class InProcessFormat(lit.formats.FileBasedTest):
    """A test is a file with RUN lines; see `tests.lit.script`."""

    def execute(self, test: lit.Test.Test, litConfig: LitConfig) -> lit.Test.Result:
        folder, _ = getTempPaths(test)
        outcome = run_script(Path(test.getSourcePath()), Path(folder))
        return lit.Test.Result(lit.Test.PASS if outcome.passed else lit.Test.FAIL, outcome.report)
