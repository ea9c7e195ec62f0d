"""Folders that commands write files into."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gapscan.errors import ConfigError

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of which nobody says in which file


@contextmanager
def written(folder: Path, what: str) -> Iterator[None]:
    """Within, files are written into the folder, which is made at once. Raises ConfigError where they cannot be.

    An error of anything else is nobody's fault here, and goes on.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritten(folder, error, what) from None
    try:
        yield
    except OSError as error:
        if not _is_within(folder, error):
            raise
        raise _unwritten(folder, error, what) from None


def _is_within(folder: Path, error: OSError) -> bool:
    if not isinstance(error.filename, str | os.PathLike):
        return error.errno in _FULL
    return Path(error.filename).absolute().is_relative_to(folder.absolute())


def _unwritten(folder: Path, error: OSError, what: str) -> ConfigError:
    fault = f"{error.filename or folder} cannot be written: {error.strerror or error}"
    return ConfigError(fault, remedy=f"give {what} another directory")
