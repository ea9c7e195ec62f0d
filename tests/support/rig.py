"""What tests of the feed and of the provider's stream run on: a simulated market over real sockets."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from msgspec import to_builtins

from gapscan.bus.client import NATS_ERRORS, Bus
from gapscan.config import Config
from gapscan.feed.discovery import Discovery
from gapscan.obs import Tally, logger
from gapscan.polygon.stream import StreamSettings
from gapscan.polygon.supervisor import LinkOptions, Supervisor
from gapscan.protocol import names
from gapscan.provider import Bar, StreamBatch, Trade
from gapscan.sim import SimOptions, SimServer, make_server
from tests.support.stack import config_for, provider_on
from tests.support.until import PATIENCE, until

DAY = dt.date(2026, 11, 20)
KEY = "secret-key-of-the-account"

# As in production, but sooner.
QUICK = {
    "silence": 1.0,
    "healthy_after": 0.3,
    "retry_first": 0.05,
    "retry_limit": 0.3,
    "max_connections_wait": 0.6,
    "auth_failed_wait": 0.4,
    "ask_again": 0.4,
    "refused_first": 0.5,
    "refused_limit": 1.0,
    "look": 0.05,
}


@asynccontextmanager
async def market(**options: Any) -> AsyncIterator[SimServer]:
    """A small market just after the open, thirty times as fast as a real one."""
    usual = {"symbols": 60, "day": DAY, "start": "09:31", "speed": 30.0, "bar_delay": 0.0, "seed": 3}
    chosen: dict[str, Any] = usual | options
    async with make_server(SimOptions(**chosen), today=DAY) as server:
        yield server


def feed_on(bus: Bus, nats_url: str, sim: SimServer, **settings: Any) -> tuple[Discovery, Config, Tally]:
    """A feed of `sim` that scans when told to, with its settings and its counts."""
    config, tally = config_for(nats_url, sim, **settings), Tally(logger("feed"))
    provider = provider_on(sim, tally, timeout=config.feed.request_timeout)
    return Discovery(bus, provider, config, tally), config, tally


async def feed_report(bus: Bus, good: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """What the feed's service says of itself once that is good."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(*NATS_ERRORS):
                answer = await bus.nc.request(names.DEFAULT.status_subject("feed"), b"", timeout=0.5)
                report: dict[str, Any] = msgspec.json.decode(answer.data)
                if good(report):
                    return report
            await asyncio.sleep(0.05)


class Rig:
    """A supervisor on a market, and what it brought."""

    def __init__(self, sim: SimServer, options: dict[str, Any], settings: dict[str, Any]) -> None:
        self.sim = sim
        self.bars: list[Bar] = []
        self.trades: list[Trade] = []
        self.is_open = True
        self.tally = Tally(logger("feed"))
        chosen: dict[str, Any] = {"host": sim.ws_feed, "key": KEY, "secure": False, "ping": 2.0} | settings
        self.supervisor = Supervisor(
            StreamSettings(**chosen),
            LinkOptions(**(QUICK | options)),
            self._take,
            lambda: self.is_open,
            self.tally,
        )
        self.topics = {f"A.{symbol}" for symbol in sim.market.symbols[:30]}
        self.supervisor.want(self.topics)

    async def _take(self, batch: StreamBatch) -> None:
        self.bars += batch.bars
        self.trades += batch.trades

    @property
    def confirmed(self) -> set[str]:
        return set(self.supervisor.topics.confirmed)

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = to_builtins(self.supervisor.report())
        return report

    @property
    def ledger(self) -> list[dict[str, Any]]:
        return list(self.report["ledger"])

    def server_side(self) -> set[str]:
        """What the provider really sends, on all its open sessions."""
        symbols = self.sim.market.symbols
        return {
            f"{kind}.{symbols[place]}"
            for session in self.sim.sessions
            if not session.closing
            for kind, places in session.interest.places.items()
            for place in places
        }

    async def whole(self) -> None:
        """Wait until the confirmed set is the wanted one, on both sides, and bars flow."""
        await until(lambda: self.report["settled"], "all topics confirmed")
        refused = self.supervisor.topics.refused.keys()
        assert self.confirmed == self.supervisor.topics.wanted - refused
        assert self.server_side() == self.confirmed
        seen = len(self.bars)
        await until(lambda: len(self.bars) > seen, "bars")

    async def repaired(self, entries: int = 1) -> dict[str, Any]:
        """Wait for the end of a disturbance; its ledger entry."""
        await until(lambda: len(self.ledger) >= entries and self.ledger[-1]["to"], f"ledger entry {entries}")
        await self.whole()
        return self.ledger[-1]
