"""Keeps a market at its clock's time without holding up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gapscan.sim.account import FULL, AccountPlan
from gapscan.sim.clock import Clock
from gapscan.sim.market import SECOND_MS, Market
from gapscan.sim.snapshot import SnapshotEncoder

LONGEST_CATCH_UP_MS = 24 * 3_600_000
_JUMP_MS = 30_000  # a clock that moved more than this at once was set
_PATIENCE = 100  # pauses of 10 ms that one jump leaves to readers who lag


class Driver:
    """The one place where a served market moves. `on_step` is called whenever it has moved a little."""

    def __init__(self, market: Market, clock: Clock, plan: AccountPlan = FULL) -> None:
        self.market = market
        self.clock = clock
        self.plan = plan
        self.snapshots = SnapshotEncoder(market, plan)
        self.on_step: Callable[[], None] = lambda: None
        self.crowded: Callable[[], bool] = lambda: False
        self._lock = asyncio.Lock()

    async def bring_up(self) -> None:
        """Bring the market to the clock's time."""
        async with self._lock:
            await self._advance()

    async def refresh_snapshots(self) -> None:
        """Bring the market and its encoded snapshot to the clock's time."""
        async with self._lock:
            await self._advance()
            for _ in self.snapshots.refresh():
                await asyncio.sleep(0)

    async def record(self, wanted: bool) -> None:
        """Switch the recording of events on or off, as of now."""
        async with self._lock:
            if wanted != self.market.recording:
                await self._advance()
                self.market.forget()
                self.market.recording = wanted

    def _behind(self, moment: int) -> int:
        return moment // SECOND_MS * SECOND_MS - self.market.position

    async def _advance(self) -> None:
        """No events are told of what a clock jumped over: a day and more, or anything after a jump back."""
        moment = self.clock.now()
        patience = _PATIENCE if self._behind(moment) > _JUMP_MS else 0
        if self.market.recording and not 0 <= self._behind(moment) <= LONGEST_CATCH_UP_MS:
            self.market.recording = False
            await self._advance()
            self.market.recording = True
        for _ in self.market.steps(moment):
            self.on_step()
            pause = 0.01 if patience and self.crowded() else 0
            patience -= pause > 0
            await asyncio.sleep(pause)
