"""Checkpoints of what a ranker knows of the day and scans do not have, kept on NATS for whoever ranks next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Final

import numpy as np

from gapscan.bus import keyvalue
from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, get_from, get_last_of_each
from gapscan.bus.publish import store
from gapscan.errors import BusError, ProtocolError
from gapscan.market.columns import Ints
from gapscan.market.history import STEP_MS
from gapscan.market.restore import merge_saved, saved_states
from gapscan.market.universe import Universe
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.feed import symbols_a_part
from gapscan.protocol.messages import SavedState

CHECK_SECONDS: Final = 0.5
_WHOLE_SECONDS: Final = 60.0
_BATCH: Final = 16


class Checkpointer:
    """Saves a universe: what changed whenever a step of its history is over, and all of it once a minute.

    The steps are kept for longer than the history reaches, so that a ranker that restores them knows as well what a
    price was a minute ago, to a step. A market that runs faster than a step in half a second is saved more coarsely.
    """

    def __init__(self, bus: Bus, universe: Universe, tally: Tally) -> None:
        self._bus = bus
        self._universe = universe
        self._tally = tally
        self.step = 0  # of the history, the last that was saved

    async def recover(self) -> int:
        """Restore what was saved of the universe's day; of how many symbols that was something. Raises BusError."""
        found = 0
        async for stored in self._saved():
            try:
                found += merge_saved(self._universe, decode_as(SavedState, stored.data))
            except ProtocolError as error:
                self._tally.trouble("bad_states", f"a saved state cannot be read: {error}")
        return found

    async def _saved(self) -> AsyncIterator[Stored]:
        """All that is stored, the whole first, then the steps in order."""
        try:
            bucket = self._bus.names.bucket_state
            for stored in await get_last_of_each(self._bus, names.bucket_stream(bucket), names.key_subject(bucket)):
                yield stored
            sequence = 1
            while batch := await get_from(self._bus, self._bus.names.stream_state, sequence, _BATCH):
                for stored in batch:
                    yield stored
                sequence = batch[-1].sequence + 1
        except NoStreamError:
            return

    async def run(self) -> None:
        """Save for ever."""
        loop = asyncio.get_running_loop()
        due = loop.time() + _WHOLE_SECONDS
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if (step := self._universe.as_of // STEP_MS) != self.step:
                await self.save()
                self.step = step
            if loop.time() >= due:
                due = loop.time() + _WHOLE_SECONDS
                await self._trying(self._save_whole())

    async def save(self) -> None:
        """Save what was observed since this was last done."""
        await self._trying(self._save_step())

    async def _trying(self, saving: AsyncIterator[int]) -> None:
        try:
            async for number in saving:
                self._tally.count("saved_bytes", number)
        except BusError as error:
            self._tally.trouble("save_failed", f"the ranker's state is not saved: {error.message}")

    async def _save_step(self) -> AsyncIterator[int]:
        at = self._universe.drain_unsaved()
        try:
            for payload in self._states(at):
                await store(self._bus, self._bus.names.state, payload, f"publishing {self._bus.names.state}")
                yield len(payload)
        except BaseException:  # cancelled, too: what was not saved is still to be
            self._universe.mark_dirty(at)
            raise

    async def _save_whole(self) -> AsyncIterator[int]:
        parts = count(1)
        for payload in self._states(np.arange(len(self._universe))):
            await keyvalue.put(self._bus, self._bus.names.bucket_state, f"part-{next(parts)}", payload)
            yield len(payload)

    def _states(self, at: Ints) -> Iterator[bytes]:
        """Made one by one, so that the ranking goes on between them."""
        size = symbols_a_part(self._bus.max_payload)
        return (encode(state) for state in saved_states(self._universe, at, size))
