"""Where tests keep networks that take long to make."""

import os
import tempfile
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / f"aic-tests-{os.getuid()}"
"""A folder of this user's; what is in it can be made anew."""
