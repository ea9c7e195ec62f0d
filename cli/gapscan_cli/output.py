"""The only way out: results to stdout, everything about the work itself to stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

LINE_END = b"\n"


def say(text: str) -> None:
    """A line of the result."""
    write(text.encode("utf-8", "replace") + LINE_END)


def write(data: bytes) -> None:
    """Bytes of the result, flushed at once. When nobody reads any more, the command ends quietly."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes stdout once more when it ends; that must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def note(text: str) -> None:
    """A line about the work: what is waited for, what is wrong."""
    typer.echo(text, err=True)


def console() -> Console:
    """Tables and colours on stdout."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False)
