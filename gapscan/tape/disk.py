"""The disk that NATS writes to: it must never be full, or its streams stop. Before that, the past gives way."""

from __future__ import annotations

import shutil
from typing import Final, NamedTuple

from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.config import HistorySection
from gapscan.obs import Tally

_LEAST_KEPT: Final = 16 * 1024 * 1024  # bytes of the past: where not even these fit, recording pauses
_SMALL_DISK: Final = 20  # of a small disk, no more than this part is to stay free
_SHARE: Final = 4  # of what is kept, so much a time goes: a quarter


class Usage(NamedTuple):
    """Bytes of a disk."""

    total: int
    used: int
    free: int


class DiskWatch:
    """Looks at the disk's free space, if it is on this machine."""

    def __init__(self, bus: Bus, section: HistorySection, tally: Tally) -> None:
        self._bus = bus
        self._section = section
        self._tally = tally
        self.free: int | None = None
        self.paused = False

    async def look(self, stream: str) -> None:
        """Measure; where too little is free, drop the oldest of the tape. Raises BusError."""
        usage = _usage(self._section.store_dir)
        self.free = usage.free if usage else None
        if usage is None or usage.free >= min(self._section.min_free, usage.total // _SMALL_DISK):
            self.paused = False
            return
        self._tally.trouble("disk_short", f"{self.free} bytes are free, the past gives way", free=self.free)
        self.paused = not await self._drop_oldest(stream)

    async def _drop_oldest(self, stream: str) -> bool:
        """Whether there was something to drop."""
        try:
            state = (await self._bus.js.stream_info(stream)).state
            if state.bytes <= _LEAST_KEPT:
                return False
            first = state.first_seq + max(1, (state.last_seq - state.first_seq) // _SHARE)
            await self._bus.js.purge_stream(stream, seq=first)
        except NotFoundError:
            return False
        except NATS_ERRORS as error:
            raise translated(error, f"dropping the oldest of {stream}") from error
        self._tally.count("dropped")
        return True


def _usage(directory: str) -> Usage | None:
    """How full the disk is where `directory` is; None where that cannot be said."""
    try:
        return Usage(*shutil.disk_usage(directory)) if directory else None
    except OSError:
        return None
