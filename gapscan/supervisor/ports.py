"""Ports of this machine: whether one is free, which one is, and waiting until somebody listens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from gapscan.errors import BusError, ConfigError

LOCAL: Final = "127.0.0.1"
_POLL_SECONDS: Final = 0.01


def is_free(port: int) -> bool:
    """Whether nothing listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, port))
        except OSError:
            return False
    return True


_given: Final[set[int]] = set()


def free_port() -> int:
    """A port that nothing listens on at this moment, and that was given to nobody, who may listen on it later."""
    while (port := _any_port()) in _given:
        pass
    _given.add(port)
    return port


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


async def listening(port: int, seconds: float, lives: Callable[[], bool] = lambda: True) -> None:
    """Wait until a process listens on `port`.

    Raises BusError after `seconds`, ConfigError as soon as the process, of which `lives` tells, has ended.
    """
    try:
        async with asyncio.timeout(seconds):
            while not await _listens(port):
                if not lives():
                    raise ConfigError(
                        "a part ended before it was ready", remedy="its own message is above, or in nats.log"
                    )
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise BusError(f"nothing listens on port {port} after {seconds:g} s") from None


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOCAL, port)
    except OSError:
        return False
    writer.close()
    return True
