"""JetStream goes on refusing after its disk was full, although there is room again: the server is started anew then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from gapscan.obs import logger

CHECK_SECONDS: Final = 1.0
FULL_BYTES: Final = 1024 * 1024  # with less room, some stream has been refused its next block of messages
ROOM_BYTES: Final = 8 * 1024 * 1024  # with less, it would be full again at once

_log = logger("up")


def free_bytes(path: Path) -> int:
    """How much may be written where `path` is; 0 where no file can be made."""
    found = os.statvfs(path)
    return 0 if found.f_files and not found.f_favail else found.f_bavail * found.f_frsize


class DiskWatch:
    """Looks at the disk of `store` once a second; calls `restart` when there is room again after it was full."""

    def __init__(self, store: Path, restart: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._restart = restart
        self._was_full = False

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                free = free_bytes(self._store)
            except OSError as error:
                _log.debug("the disk cannot be looked at: %s", error)
            else:
                await self._look(free)

    async def _look(self, free: int) -> None:
        if not self._was_full and free < FULL_BYTES:
            self._was_full = True
            _log.error("the disk is full: lists stand still until there is room", extra={"disk": self._store})
        elif self._was_full and free >= ROOM_BYTES:
            self._was_full = False
            _log.warning("the disk has room again: starting nats-server anew", extra={"free": free})
            await self._restart()
