"""The terminal while it shows a live table: the alternate screen, whole frames, single keys; restored at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final

from rich.console import Console
from rich.text import Text

from gapscan_cli import output

_ENTER: Final = "\x1b[?1049h\x1b[?25l"  # alternate screen, no cursor
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_END_LINE: Final = "\x1b[0m\x1b[K"
_END_SCREEN: Final = "\x1b[J"
# Terminals that know it show the frame at once, others ignore it.
_BEGIN_FRAME: Final = "\x1b[?2026h"
_END_FRAME: Final = "\x1b[?2026l"
_UNKNOWN_SIZE: Final = (80, 24)  # what a terminal is taken for that says 0, as those without a window do
_QUIT_KEYS: Final = b"qQ\x03\x04"
_ARROWS: Final = {b"\x1b[D": "left", b"\x1b[C": "right", b"\x1b[A": "up", b"\x1b[B": "down"}


class Screen:
    """Paints frames over each other: each line is overwritten and cleared to its end, so that nothing flickers."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def size(self) -> tuple[int, int]:
        """Width and height now."""
        found = os.get_terminal_size(sys.stdout.fileno())
        return found.columns or _UNKNOWN_SIZE[0], found.lines or _UNKNOWN_SIZE[1]

    def paint(self, lines: list[Text]) -> None:
        """Show `lines` from the top."""
        texts = [self._styled(line) for line in lines]
        frame = _HOME + f"{_END_LINE}\r\n".join(texts) + _END_LINE + _END_SCREEN
        output.write((_BEGIN_FRAME + frame + _END_FRAME).encode())

    def _styled(self, line: Text) -> str:
        with self._console.capture() as captured:
            self._console.print(line, end="", soft_wrap=True)
        return captured.get()


@contextmanager
def full_screen() -> Iterator[Screen]:
    """The screen; afterwards the terminal is as it was before."""
    output.write(_ENTER.encode())
    try:
        yield Screen(output.console())
    finally:
        output.write(_LEAVE.encode())


def quit_keys(quit_: Callable[[], object]) -> AbstractContextManager[None]:
    """Call `quit_` when q is pressed, as long as stdin is a terminal."""
    return single_keys(lambda _: None, quit_)


@contextmanager
def single_keys(press: Callable[[str], object], quit_: Callable[[], object]) -> Iterator[None]:
    """Call `press` with each key, a character or left, right, up, down; `quit_` when it is q. As long as stdin is a
    terminal.
    """
    if not sys.stdin.isatty():
        yield
        return
    fd, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    _without_suspend(fd)
    loop.add_reader(fd, _read_keys, fd, press, quit_)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _without_suspend(fd: int) -> None:
    """Ctrl-Z would leave the shell on the alternate screen."""
    mode = termios.tcgetattr(fd)
    mode[6][termios.VSUSP] = b"\x00"
    termios.tcsetattr(fd, termios.TCSADRAIN, mode)


def _read_keys(fd: int, press: Callable[[str], object], quit_: Callable[[], object]) -> None:
    keys = b""
    with suppress(OSError):
        keys = os.read(fd, 64)
    if not keys or any(key in _QUIT_KEYS for key in keys):
        quit_()
        return
    for key in keys_in(keys):
        press(key)


def keys_in(data: bytes) -> Iterator[str]:
    """The keys that a terminal sent. What is no ASCII and no arrow is left out."""
    while data:
        arrow = data[:3]
        if arrow in _ARROWS:
            yield _ARROWS[arrow]
        elif data[:1].isascii():
            yield data[:1].decode()
        data = data[3 if arrow in _ARROWS else 1 :]


@contextmanager
def on_resize(resized: Callable[[], None]) -> Iterator[None]:
    """Call `resized` when the terminal changes its size."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, resized)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
