"""Gzip files as they are read: by ISA-L (extra `backtest`) where it is installed, in a third of zlib's time."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

try:
    from isal import igzip, isal_zlib
except ImportError:
    _open: Any = gzip.open
    _error: Any = zlib.error
else:
    _open, _error = igzip.open, isal_zlib.error

# What is raised for a file that cannot be read to its end, such as one that is damaged or cut off.
UNREADABLE: Final[tuple[type[Exception], ...]] = (OSError, EOFError, zlib.error, _error)


_BLOCK: Final = 1 << 14  # bytes


def open_bytes(path: Path) -> IO[bytes]:
    """The content of a file of one or several members, padded or not. Opening and reading raise UNREADABLE."""
    file: IO[bytes] = _open(path, "rb")
    return file


def readable_lines(path: Path) -> int:
    """How many whole lines a file has before it cannot be read on, as far as the block that fails."""
    lines = 0
    with suppress(*UNREADABLE), open_bytes(path) as file:
        while block := file.read(_BLOCK):
            lines += block.count(b"\n")
    return lines


def open_text(path: Path) -> IO[str]:
    """The same as text; a byte order mark is left out, and what is no UTF-8 replaced."""
    file: IO[str] = _open(path, "rt", encoding="utf-8-sig", errors="replace")
    return file
