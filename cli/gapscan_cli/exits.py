"""Which exit code an error has, and the one line that is said about it."""

from __future__ import annotations

from typing import Final

import typer

from gapscan.errors import (
    ConfigError,
    DataError,
    GapscanError,
    NotRecordedError,
    UnknownListError,
    UnknownSymbolError,
)
from gapscan.obs import masked

OK: Final = 0
_LONGEST: Final = 1000  # characters of a line that are shown
WORLD: Final = 1  # NATS is away, a service is unhealthy: nothing to change on the command line
USER: Final = 2  # a setting, a name or an option is wrong

_USER_ERRORS: Final = (ConfigError, DataError, NotRecordedError, UnknownListError, UnknownSymbolError)


def code_of(error: GapscanError) -> int:
    """The exit code for an expected error."""
    return USER if isinstance(error, _USER_ERRORS) else WORLD


def line_of(error: GapscanError) -> str:
    """`error: message (remedy)`, on one line whatever the message holds."""
    return "error: " + _printable(" ".join(masked(str(error)).split()))


def lines_of(error: GapscanError) -> str:
    """The same over several lines where the message has them: a caret under the place of a fault."""
    return "error: " + "\n".join(_printable(line) for line in [*masked(error.message).split("\n"), *_remedy(error)])


def _remedy(error: GapscanError) -> list[str]:
    return [f"  {error.remedy}"] if error.remedy else []


def _printable(text: str) -> str:
    """Text that quotes what came from outside: nothing that could steer a terminal, and not more than can be read."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(char if char.isprintable() else "?" for char in short)


def usage_line(error: typer.TyperException) -> str:
    """The line for a mistake in the command line itself."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gapscan"
    return f"error: {message[:1].lower()}{message[1:]} (see `{command} --help`)"
