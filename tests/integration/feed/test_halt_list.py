"""The exchanges' list of halts, from the simulated market's feed to NATS, and to the list of halted stocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gapscan.bus.snapshots import read_snapshot
from gapscan.feed.live import LiveFeed
from gapscan.lists.state import Copy
from gapscan.market.sessions import next_trading_day, session_times
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Row
from gapscan.runtime import end
from gapscan.sim import SimServer
from gapscan.sim.clock import ManualClock
from gapscan.sim.halt_list import PATH
from gapscan.sim.market import Market
from gapscan.sim.synthetic import SyntheticSource
from tests.support.nats import NatsServer
from tests.support.rig import DAY
from tests.support.stack import Stack, config_for, running
from tests.support.until import until

TIMES, NEXT = session_times(DAY), session_times(next_trading_day(DAY))
MINUTE = 60_000


class Listing:
    """A feed that reads the list, and the ranker behind it."""

    def __init__(self, stack: Stack, live: LiveFeed, tally: Tally) -> None:
        self.stack, self.live, self.tally = stack, live, tally

    async def read(self) -> None:
        """Wait until the list was read once more."""
        requests = self.stack.sim.stats.requests["halt_list"]
        await until(lambda: self.stack.sim.stats.requests["halt_list"] > requests + 1, "the list")

    async def halted(self) -> dict[str, Row]:
        """The rows of the list of halted stocks."""
        await self.stack.settled()
        snapshot = await read_snapshot(self.stack.bus, "halted")
        assert snapshot is not None
        copy = Copy()
        copy.load(snapshot)
        return {str(row["symbol"]): row for row in copy.rows}

    async def at(self, ms: int) -> dict[str, Row]:
        await self.stack.scan_at(ms)
        await self.read()
        await self.stack.scan_at(ms + 1000)
        universe, halted = self.stack.universe, self.live.halts.book.halted

        def is_ranked() -> bool:
            texts = universe.text("halt").words(universe.positions(sorted(halted)))
            return set(texts) <= {"halted"}

        await until(is_ranked, "the halts at the ranker")
        await self.stack.scan_at(ms + 2000)
        return await self.halted()


@asynccontextmanager
async def listing(nats_url: str, source: SyntheticSource, start: int) -> AsyncIterator[Listing]:
    """Nothing is heard of the provider's stream."""
    settings: dict[str, Any] = {"halts_url": PATH, "halts_interval": 0.05, "halts": False, "mode": "off"}
    async with SimServer(Market(source), ManualClock(start)) as sim, running(sim, nats_url, **settings) as stack:
        tally = Tally(logger("feed"))
        live = LiveFeed(stack.bus, config_for(nats_url, sim, **settings), stack.feed, stack.provider, tally)
        stack.feed.on_scan = live.halts.observe_scan
        task = asyncio.create_task(live.run())
        try:
            await stack.load_reference()
            yield Listing(stack, live, tally)
        finally:
            await end(task)


async def test_halts_of_all_listings_with_reasons(nats_server: NatsServer) -> None:
    source = SyntheticSource(DAY, 7, 400)
    async with listing(nats_server.url, source, TIMES.pre + MINUTE) as one:
        records = one.stack.sim.market.halt_records
        exchanges = {source.listings[record.symbol].exchange for record in records}
        assert {"XNAS", "XNYS"} <= exchanges
        other = next(one for one in records if source.listings[one.symbol].exchange != "XNAS")
        symbol = source.listings[other.symbol].symbol
        assert other.resumes_at is not None
        rows = await one.at(other.at + 2 * MINUTE)
        assert (rows[symbol]["halt"], rows[symbol]["halt_reason"]) == ("halted", "LUDP")
        assert rows[symbol]["halt_time"] == other.at
        rows = await one.at(other.resumes_at + 5000)
        assert (rows[symbol]["halt"], rows[symbol]["resumption_time"]) == ("resumed", other.resumes_at)
        report = one.live.report()
        assert (report["halts"], report["halt_list"]["state"]) == ("off", "live")


async def test_a_halt_that_lasts_over_the_night_is_listed_without_a_trade(nats_server: NatsServer) -> None:
    source = SyntheticSource(DAY, 7, 150, ("overnight_halt",))
    place = source.model.scenes.places["overnight_halt"]
    symbol = source.listings[place].symbol
    async with listing(nats_server.url, source, TIMES.pre + MINUTE) as one:
        rows = await one.at(TIMES.regular + 30 * MINUTE)
        row = rows[symbol]
        assert (row["halt"], row["halt_reason"], row.get("price")) == ("halted", "T1", None)
        assert (row["halt_time"] or 0) < TIMES.clear, "since the evening before"
        assert (row["prev_close"] or 0) > 0
        rows = await one.at(TIMES.closed - 10 * MINUTE)
        assert rows[symbol]["halt"] == "halted"
        rows = await one.at(NEXT.pre + 5 * MINUTE)
        assert (rows[symbol]["halt"], rows[symbol]["resumption_time"]) == ("resumed", NEXT.pre)


@pytest.mark.parametrize(
    ("fault", "options", "says"),
    [
        ("rest_status", {"status": 500}, "refused: status 500"),
        ("rest_html", {"status": 200}, "document type declaration"),
        ("rest_drop", {}, "failed"),
    ],
)
async def test_a_list_that_fails_changes_nothing_and_is_said(
    nats_server: NatsServer, fault: str, options: dict[str, int], says: str
) -> None:
    source = SyntheticSource(DAY, 7, 150, ("overnight_halt",))
    async with listing(nats_server.url, source, TIMES.regular) as one:
        await one.at(TIMES.regular + 30 * MINUTE)
        halted = one.live.halts.book.halted
        assert halted
        one.stack.sim.faults.set(fault, endpoint="halt_list", **options)
        await until(lambda: one.tally.counts["halt_list_failed"] >= 2, "failures")
        report = one.live.report()["halt_list"]
        assert report["state"] == "failed"
        assert says in report["last_error"]
        assert one.live.halts.book.halted == halted
        one.stack.sim.faults.clear()
        await until(lambda: one.live.report()["halt_list"]["state"] == "live", "the list")
