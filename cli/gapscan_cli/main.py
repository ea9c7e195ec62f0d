"""Where `gapscan` begins: with next to nothing loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_WIDTH = 80  # from there on, help is not wider


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Expected errors end in one line on stderr."""
    from gapscan_cli import app

    return app.run(arguments)


def main() -> None:
    """The entry point. Its help is kept as it is made, for to make it takes the loading of everything."""
    if sys.argv[1:] in ([], ["--help"]) and not _is_asked_for_more():
        with open(f"{os.path.dirname(__file__)}/help.txt", encoding="ascii") as kept:  # sooner
            if not _say(kept.read()):
                sys.exit(1)
        return
    from gapscan.lazy import load_later

    load_later("aiohttp")  # nats-py has it at hand for WebSockets, which hardly any command speaks
    sys.exit(run(sys.argv[1:]))


def _say(text: str) -> bool:
    """Whether it was read to its end."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes what is left at its end
        return False
    return True


def _is_asked_for_more() -> bool:
    """Whether a width is given, the terminal is narrow, there is no output, or a shell wants to complete a line."""
    if sys.stdout is None or "COLUMNS" in os.environ or "_GAPSCAN_COMPLETE" in os.environ:
        return True
    try:
        return 0 < os.get_terminal_size(sys.stdout.fileno()).columns < _WIDTH
    except (OSError, ValueError):  # no terminal
        return False
