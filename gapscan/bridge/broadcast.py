"""One frame to many sockets: by io_uring where there is one, else by a write for each."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Final

from gapscan.obs import logger

if TYPE_CHECKING:
    from gapscan.bridge.io_uring import IoUring

FEW: Final = 64  # sockets to which plain writes are as fast: there the ring's fixed cost is not made up for

_log = logger("bridge")


class Broadcaster:
    """Writes without waiting, by `uring` if there is one."""

    def __init__(self, uring: IoUring | None = None) -> None:
        self._uring = uring

    @property
    def name(self) -> str:
        """How it writes, for status and metrics."""
        return "write" if self._uring is None else "io_uring"

    def write(self, sockets: array[int], frame: bytes) -> list[tuple[int, int]]:
        """Send `frame` to all; those that did not take it whole, as (place in `sockets`, bytes taken)."""
        if self._uring is None or len(sockets) < FEW:
            return _write_each(sockets, frame)
        try:
            sizes = self._uring.send(sockets, frame)
        finally:
            self._give_up(self._uring.failed)
        short = (sizes != len(frame)).nonzero()[0]
        return [(at, max(size, 0)) for at, size in zip(short.tolist(), sizes[short].tolist(), strict=True)]

    def _give_up(self, failed: OSError | None) -> None:
        if failed is not None:
            _log.warning("io_uring failed; frames are sent by a write for each client: %s", failed.strerror)
            self._uring = None


def _write_each(sockets: array[int], frame: bytes) -> list[tuple[int, int]]:
    sizes: list[int] = []
    rest = iter(sockets)
    while True:
        try:
            sizes.extend(map(os.write, rest, repeat(frame)))  # a loop without a step of Python's own
            break
        except OSError:  # full; or broken, which the transport finds as well, and ends the connection
            sizes.append(0)
    whole = len(frame)
    return [] if sizes.count(whole) == len(sizes) else [(at, n) for at, n in enumerate(sizes) if n < whole]


@contextmanager
def open_writer(*, io_uring: bool) -> Iterator[Broadcaster]:
    """The best writer there is; without `io_uring`, the plain one."""
    if not io_uring:
        yield Broadcaster()
        return
    try:
        from gapscan.bridge.io_uring import IoUring  # needs ctypes, which not every Python has

        uring = IoUring()
    except (OSError, ImportError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        _log.info("io_uring is not available (%s); frames are sent by a write for each client", why)
        yield Broadcaster()
        return
    with uring:
        yield Broadcaster(uring)
