"""Reference data of a market in several pages: whole or not called complete, and nothing is asked for twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from nats.aio.msg import Msg

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.feed.discovery import Discovery
from gapscan.feed.new_symbols import NewSymbolOptions
from gapscan.market.columns import as_floats
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import ReferenceFrame
from gapscan.runtime import end
from gapscan.service.retrying import retrying
from gapscan.sim import SimServer
from gapscan.sim.source import Listing
from tests.support.nats import NatsServer
from tests.support.rig import DAY, KEY, market
from tests.support.stack import config_for, provider_on
from tests.support.until import until

TWO_PAGES = 1200
PATIENCE = 30.0


class Loading:
    """A feed that loads reference data, and the frames it published."""

    def __init__(self, feed: Discovery, sim: SimServer, tally: Tally) -> None:
        self.feed, self.sim, self.tally = feed, sim, tally
        self.frames: list[ReferenceFrame] = []

    @property
    def report(self) -> dict[str, Any]:
        return self.feed.reference.report()

    @property
    def requests(self) -> Counter[str]:
        return self.sim.stats.requests

    def knows_more_than(self, symbols: int) -> bool:
        return int(self.report["known"]) > symbols

    async def hear(self, message: Msg) -> None:
        self.frames.append(decode_as(ReferenceFrame, message.data))

    async def completed(self) -> None:
        await until(lambda: self.report["complete"], "the whole reference data")
        await until(lambda: self.frames and self.frames[-1].complete, "the frames")


@asynccontextmanager
async def loading(nats_url: str, fault: str = "", symbols: int = 60, **options: Any) -> AsyncIterator[Loading]:
    """Scanned once, and loading, with a fault from the beginning."""
    async with market(manual=True, symbols=symbols) as sim, connect(BusOptions(nats_url), "test") as bus:
        await ensure_shared(bus, Retention())
        config = config_for(nats_url, sim, discovery_interval=0.1)
        tally = Tally(logger("feed"))
        timeout = 1.0 if fault == "rest_stall" else PATIENCE
        provider = provider_on(sim, tally, key=KEY, timeout=timeout, retries=0)  # what fails, fails at once
        loading = Loading(Discovery(bus, provider, config, tally), sim, tally)
        await bus.nc.subscribe(names.DEFAULT.feed_reference, cb=loading.hear)
        if fault:
            sim.faults.set(fault, **options)
        await retrying("feed", "the scan", loading.feed.scan)
        task = asyncio.create_task(loading.feed.reference.run())
        try:
            yield loading
        finally:
            await end(task)


def listed_in(sim: SimServer) -> list[Listing]:
    """What the provider lists, over the counter aside."""
    return [listing for listing in sim.market.source.listings if not listing.otc]


async def test_all_that_is_told(nats_server: NatsServer) -> None:
    async with loading(nats_server.url, symbols=TWO_PAGES) as load:
        assert load.report["complete"] is False
        await load.completed()
        listed = [listing for listing in load.sim.market.source.listings if not listing.otc]
        assert load.report == {
            "known": len(listed),
            "needed": len(listed),
            "new": 0,
            "complete": True,
            "date": str(DAY),
            "baseline_sessions": 20,
            "last_error": "",
        }
        (first, last) = load.frames
        assert (first.complete, set(first.sessions), set(first.average_trades)) == (False, {0}, {None})
        assert last.symbols == [listing.symbol for listing in listed]
        assert max(last.sessions) == 20
        known = [place for place, sessions in enumerate(last.sessions) if sessions > 1]
        assert len(known) > len(listed) * 0.9
        volumes, trades = as_floats(last.average_volume), as_floats(last.average_trades)
        assert (volumes[known] >= trades[known]).all()
        assert (trades[known] > 0).all()
        assert (as_floats(last.trades_deviation)[known] >= 0).all()
        assert sum(last.split) == len([s for s in load.sim.market.source.splits(DAY, DAY) if last.symbols])
        assert load.requests["tickers"] == 2
        assert load.requests["grouped"] == 21, "and the closes before the splits, as they were"


HALF = [
    ("rest_status", {"status": 500}),
    ("rest_status", {"status": 200}),  # an answer without results
    ("rest_html", {"status": 200}),
    ("rest_truncated", {}),
    ("rest_error", {}),
    ("rest_no_array", {}),
    ("rest_drop", {}),
    ("rest_stall", {}),
]


@pytest.mark.parametrize(("fault", "options"), HALF)
async def test_half_of_the_pages_is_not_the_whole(nats_server: NatsServer, fault: str, options: dict[str, Any]) -> None:
    async with loading(nats_server.url, fault, TWO_PAGES, endpoint="tickers", skip=1, **options) as load:
        await until(lambda: load.tally.counts["reference_failed"] >= 2, "failures")
        assert load.requests["tickers"] >= 2
        assert (load.report["complete"], load.report["known"]) == (False, 0)
        assert load.report["needed"] > 1000
        assert load.frames == []
        load.sim.faults.clear()
        await load.completed()
        assert load.report["known"] == load.report["needed"]


async def test_without_any_listing_nothing_is_complete(nats_server: NatsServer) -> None:
    async with loading(nats_server.url, "rest_status", endpoint="tickers", status=200) as load:
        await until(lambda: load.tally.counts["reference_failed"], "a failure")
        assert load.frames == []
        load.sim.faults.clear()
        await load.completed()


async def test_an_unreadable_listing_shows_in_the_coverage(nats_server: NatsServer) -> None:
    async with loading(nats_server.url, "rest_garbage", endpoint="tickers") as load:
        await load.completed()
        assert load.tally.counts["bad_elements"] == 1
        assert load.report["known"] == load.report["needed"]  # the rubbish took nobody's place


@pytest.mark.parametrize("endpoint", ["tickers", "grouped"])
async def test_of_one_symbol_twice_the_more_complete_counts(nats_server: NatsServer, endpoint: str) -> None:
    """A listing without a type, or a bar without volume: alone it would take the stock out of all lists."""
    async with loading(nats_server.url) as load:
        await load.completed()
        alone = load.frames[-1]
    async with loading(nats_server.url, "rest_doubled", endpoint=endpoint) as load:
        await load.completed()
        assert load.frames[-1] == alone
        assert load.tally.counts["doubled_elements"] >= 50


@pytest.mark.parametrize("endpoint", ["splits", "grouped"])
async def test_null_is_an_empty_list(nats_server: NatsServer, endpoint: str) -> None:
    """A day without splits, or without trading: some servers write an empty list so."""
    async with loading(nats_server.url, "rest_null_array", endpoint=endpoint, count=3) as load:
        await load.completed()
        assert load.report["last_error"] == ""
        assert load.tally.counts["reference_failed"] == load.tally.counts["bad_elements"] == 0
        assert load.report["baseline_sessions"] == 20


@pytest.mark.parametrize("endpoint", ["tickers", "splits"])
@pytest.mark.parametrize(("kind", "says"), [("empty", "empty pages one after the other"), ("text", "repeats itself")])
async def test_pages_that_do_not_end_are_given_up(nats_server: NatsServer, endpoint: str, kind: str, says: str) -> None:
    async with loading(nats_server.url, "rest_endless", endpoint=endpoint, kind=kind) as load:
        if (endpoint, kind) == ("splits", "text"):  # of a day without splits: they are empty, too
            says = ""
        await until(lambda: load.tally.counts["reference_failed"] >= 2, "failures")
        assert says in load.report["last_error"]
        assert load.requests[endpoint] <= 4 * (load.tally.counts["reference_failed"] + 1)
        load.sim.faults.clear()
        await load.completed()
        assert load.report["known"] == load.report["needed"]


@pytest.mark.parametrize("status", [403, 429])
async def test_what_has_come_is_not_asked_for_again(nats_server: NatsServer, status: int) -> None:
    async with loading(nats_server.url, "rest_status", endpoint="grouped", skip=5, status=status) as load:
        name = "reference_refused" if status == 403 else "reference_failed"
        await until(lambda: load.tally.counts[name] >= 2, "failures")
        assert load.report["complete"] is False
        assert load.report["baseline_sessions"] == 5
        assert "the daily bars of" in load.report["last_error"]
        assert load.report["known"] == load.report["needed"]
        await until(lambda: load.frames, "names and splits")
        assert not any(frame.complete for frame in load.frames)
        failed = load.requests["grouped"] - 5
        load.sim.faults.clear()
        await load.completed()
        assert load.report["last_error"] == ""
        assert load.report["baseline_sessions"] == 20
        assert load.requests["tickers"] == load.requests["splits"] == 1
        assert load.requests["grouped"] in (21 + failed, 22 + failed)  # one may have been on its way
        assert [frame.complete for frame in load.frames] == [False, True]


async def test_symbols_that_are_in_no_listing_are_asked_about(nats_server: NatsServer) -> None:
    """A few at a time, each by one request; what is found is published with all that is known."""
    async with loading(nats_server.url, "rest_shrunk", endpoint="tickers", count=1) as load:
        load.feed.reference.new.options = NewSymbolOptions(pause=0)
        await load.completed()
        needed = load.report["needed"]
        assert load.report["known"] < needed / 2
        while (known := load.report["known"]) < needed:
            asked = load.requests["tickers"]
            await load.feed.scan()
            await until(partial(load.knows_more_than, known), "a round")
            assert load.requests["tickers"] <= asked + 2 * load.feed.reference.new.options.most
        await until(lambda: load.frames and len(load.frames[-1].symbols) == needed, "the frames")
        assert load.frames[-1].complete
        assert sorted(load.frames[-1].symbols) == sorted({listing.symbol for listing in listed_in(load.sim)})
        assert all(load.frames[-1].kind)
        assert load.requests["tickers"] == 1 + load.tally.counts["new_symbols"]


async def test_a_symbol_that_the_provider_does_not_know_is_not_asked_about_again(nats_server: NatsServer) -> None:
    async with loading(nats_server.url) as load:
        load.feed.reference.new.options = NewSymbolOptions(pause=0)
        await load.completed()
        for _ in range(3):
            load.feed.reference.observe_scan([*(listing.symbol for listing in listed_in(load.sim)), "NOSUCH"])
            await until(lambda: load.requests["tickers"] == 2, "the question")
        load.sim.faults.set("rest_status", endpoint="tickers", status=500)
        load.feed.reference.observe_scan(["NOSUCH", "NORSUCH"])
        await until(lambda: load.tally.counts["new_symbols_failed"], "a failure")
        load.sim.faults.clear()
        load.feed.reference.observe_scan(["NOSUCH", "NORSUCH"])
        await until(lambda: load.requests["tickers"] == 4, "the question again")
        assert load.report["complete"] is True
        assert load.tally.counts["new_symbols"] == 0


async def test_a_tenth_of_the_listings_is_a_failure(nats_server: NatsServer) -> None:
    async with loading(nats_server.url, "rest_shrunk", symbols=300, endpoint="tickers", count=2) as load:
        await load.completed()
        assert load.tally.counts["reference_failed"] == 2
        assert load.report["known"] == load.report["needed"]


async def test_a_day_that_begins_while_the_last_one_fails_takes_its_place(nats_server: NatsServer) -> None:
    async with loading(nats_server.url, "rest_status", endpoint="splits", status=500) as load:
        await until(lambda: load.tally.counts["reference_failed"], "a failure")
        monday = load.sim.clock.now() + 3 * 86_400_000
        load.sim.clock.set(monday)
        await load.feed.scan()
        load.sim.faults.clear()
        await until(lambda: load.report["complete"], "the new day's data")
        assert load.report["date"] == "2026-11-23"
        await until(lambda: load.frames and load.frames[-1].complete, "the frames")
        assert {frame.date for frame in load.frames if frame.complete} == {"2026-11-23"}


async def test_yesterdays_data_is_not_todays(nats_server: NatsServer) -> None:
    async with loading(nats_server.url) as load:
        await load.completed()
        load.sim.faults.set("rest_status", endpoint="tickers", status=500)
        load.sim.clock.set(load.sim.clock.now() + 3 * 86_400_000)
        await load.feed.scan()
        assert load.report["complete"] is False
        assert load.report["date"] == str(DAY)
        load.sim.faults.clear()
        await load.completed()
        assert load.report["date"] == "2026-11-23"


async def test_what_nats_lost_is_published_again(nats_server: NatsServer) -> None:
    async with loading(nats_server.url) as load, connect(BusOptions(nats_server.url), "test") as bus:
        await load.completed()
        await bus.js.purge_stream(names.DEFAULT.stream_reference)
        load.frames.clear()
        await load.feed.scan()
        await until(lambda: load.frames, "the frames")
        assert [frame.complete for frame in load.frames] == [True]
        assert load.requests["tickers"] == 1
