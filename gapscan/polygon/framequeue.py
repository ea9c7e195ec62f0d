"""Frames between the socket and their reader, so that the socket is never kept waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from gapscan.polygon.events import Frame

_QUEUE_BYTES: Final = 32 * 1024 * 1024


class FrameQueue:
    """Frames on their way from the socket to the reader, each with its session's number; bounded by bytes."""

    def __init__(self, limit: int = _QUEUE_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._frames: deque[tuple[int, Frame]] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, session: int, frame: Frame) -> int:
        """Add a frame; the oldest ones go when there is no room. How many went."""
        self._frames.append((session, frame))
        self._bytes += len(frame)
        dropped = 0
        while self._bytes > self._limit and len(self._frames) > 1:
            self._bytes -= len(self._frames.popleft()[1])
            dropped += 1
        self._filled.set()
        return dropped

    async def get(self, most: int) -> list[tuple[int, Frame]]:
        """Wait for a frame; it and what else is there, up to `most`."""
        await self._filled.wait()
        taken = [self._frames.popleft() for _ in range(min(most, len(self._frames)))]
        self._bytes -= sum(len(frame) for _, frame in taken)
        if not self._frames:
            self._filled.clear()
        return taken
