"""Output files that appear whole or not at all."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from dialects.errors import AicError


@contextmanager
def written_aside(path: str | os.PathLike[str]) -> Generator[Path]:
    """Yield a path to write to, which becomes `path` when the block succeeds and is removed when it fails.

    What is not a regular file (`/dev/null`, a pipe) is written in place; a link keeps pointing to the new file.

    Raises:
        AicError: the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        yield target
        return
    partial = target.with_name(f"{target.name}.part")
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        if error.filename not in (None, str(partial)):
            raise
        raise AicError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
