"""Folders that commands write files into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gapscan.errors import ConfigError


@contextmanager
def written(folder: Path, what: str) -> Iterator[None]:
    """Within, files are written into the folder, which is made at once. Raises ConfigError where they cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        fault = f"{error.filename or folder} cannot be written: {error.strerror or error}"
        raise ConfigError(fault, remedy=f"give {what} another directory") from None
