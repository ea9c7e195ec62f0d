"""Each fault of the provider's REST interface, and what a scan makes of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
from nats.aio.msg import Msg

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import FeedError
from gapscan.feed.discovery import Discovery
from gapscan.feed.universe_frames import without_future
from gapscan.market.sessions import epoch_ms, session_times
from gapscan.obs import Tally, logger
from gapscan.polygon.library import Library
from gapscan.polygon.provider import PolygonProvider
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import UniverseFrame
from gapscan.runtime import end
from gapscan.sim import SimServer
from tests.support.market import OBSERVATIONS, plain
from tests.support.nats import NatsServer
from tests.support.rig import KEY, market
from tests.support.simulator import advance
from tests.support.stack import config_for, provider_on
from tests.support.until import until

LIBRARIES = get_args(Library)


class Scanning:
    """A feed that scans when told, and the frames it published."""

    def __init__(self, feed: Discovery, provider: PolygonProvider, sim: SimServer, tally: Tally) -> None:
        self.feed, self.provider, self.sim, self.tally = feed, provider, sim, tally
        self.frames: list[UniverseFrame] = []

    def symbols(self, number: int) -> list[str]:
        """The symbols of scan `number`."""
        return [symbol for frame in self.frames if frame.frame == number for symbol in frame.symbols]

    def scanned_since(self, scans: int) -> bool:
        return self.tally.counts["scans"] > scans

    def says(self, words: str) -> bool:
        return words in str(self.feed.report()["last_error"])

    async def hear(self, message: Msg) -> None:
        self.frames.append(decode_as(UniverseFrame, message.data))


@asynccontextmanager
async def discovering(
    nats_url: str,
    timeout: float = 5.0,
    market_options: dict[str, Any] | None = None,
    library: Library = "polygon",
    **settings: Any,
) -> AsyncIterator[Scanning]:
    async with market(manual=True, **(market_options or {})) as sim, connect(BusOptions(nats_url), "test") as bus:
        await ensure_shared(bus, Retention())
        config = config_for(nats_url, sim, **settings)
        tally = Tally(logger("feed"))
        provider = provider_on(sim, tally, key=KEY, library=library, timeout=timeout, retries=1)
        discovery = Scanning(Discovery(bus, provider, config, tally), provider, sim, tally)
        await bus.nc.subscribe(names.DEFAULT.feed_universe, cb=discovery.hear)
        yield discovery


@pytest.fixture(params=LIBRARIES)
async def discovery(nats_server: NatsServer, request: pytest.FixtureRequest) -> AsyncIterator[Scanning]:
    async with discovering(nats_server.url, library=request.param) as discovery:
        yield discovery


# fault, options, whether trying again can help, what the error says
FAILING = [
    ("rest_status", {"status": 401}, False, "refuses the API key"),
    ("rest_status", {"status": 403}, False, "refuses the API key"),
    ("rest_status", {"status": 429}, True, "429"),
    ("rest_status", {"status": 500}, True, "500"),
    ("rest_html", {}, True, "502"),
    ("rest_html", {"status": 200}, True, "unreadable"),
    ("rest_truncated", {}, True, "unreadable"),
    ("rest_error", {}, True, "the provider answers ERROR: internal server error"),
    ("rest_no_array", {}, True, "has no tickers"),
    ("rest_null_array", {}, True, "has no tickers"),
    ("rest_drop", {}, True, "failed"),
]


@pytest.mark.parametrize(("fault", "options", "retry", "says"), FAILING)
async def test_a_scan_that_fails_publishes_nothing(
    discovery: Scanning,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    options: dict[str, Any],
    retry: bool,
    says: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    discovery.sim.faults.set(fault, endpoint="snapshot", **options)
    with pytest.raises(FeedError, match=says) as raised:
        await discovery.feed.scan()
    assert raised.value.retry is retry
    assert raised.value.message.startswith("the market ")
    assert KEY not in str(raised.value)
    assert KEY not in caplog.text
    assert discovery.frames == []
    assert discovery.tally.counts["scans"] == 0
    discovery.sim.faults.clear()
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(1), "the scan after it")


@pytest.mark.parametrize(
    ("fault", "options", "says"), [each[:2] + each[3:] for each in FAILING if "array" not in each[0]]
)
async def test_without_the_market_status_the_calendar_serves(
    discovery: Scanning, caplog: pytest.LogCaptureFixture, fault: str, options: dict[str, Any], says: str
) -> None:
    """Also at the very first scan, and with the market's own time; it is said, and is over with the fault."""
    caplog.set_level(logging.DEBUG)
    discovery.sim.faults.set(fault, endpoint="status", **options)
    await discovery.feed.scan()
    advance(discovery.sim, 60_000)
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(2), "two scans")
    assert discovery.symbols(1) == discovery.symbols(2) != []
    assert {frame.session for frame in discovery.frames} == {discovery.feed.session} == {"regular"}
    assert abs(discovery.frames[-1].as_of - discovery.sim.clock.now()) < 30_000
    assert says in discovery.feed.report()["clock_fault"]
    assert discovery.tally.counts["status_failed"] == 2
    assert KEY not in caplog.text + str(discovery.feed.report())
    discovery.sim.faults.clear()
    await discovery.feed.scan()
    assert discovery.feed.report()["clock_fault"] == ""


async def test_a_scan_of_a_tenth_of_the_market_is_none(discovery: Scanning) -> None:
    await discovery.feed.scan()
    discovery.sim.faults.set("rest_shrunk", endpoint="snapshot", count=2)
    for _ in range(2):
        with pytest.raises(FeedError, match=r"has 6 tickers, the last one had 5\d|has 6 tickers, the last one had 6\d"):
            await discovery.feed.scan()
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(2), "the scan after it")
    assert discovery.symbols(1) == discovery.symbols(2)


async def test_a_scan_that_stands_still_while_bars_move_is_none(discovery: Scanning) -> None:
    await discovery.feed.scan()
    discovery.sim.faults.set("rest_frozen", endpoint="snapshot")
    await discovery.feed.scan()  # nothing tells yet
    advance(discovery.sim, 180_000)
    discovery.feed.newest_bar = lambda: discovery.sim.clock.now() - 2_000
    for _ in range(2):
        with pytest.raises(
            FeedError, match=r"does not move: its newest event is of 09:3\d:\d\d, live bars are of 09:3"
        ):
            await discovery.feed.scan()
    discovery.sim.faults.clear()
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(3), "the scan after it")


async def test_a_scan_of_another_day_is_none(discovery: Scanning) -> None:
    """What a cache had the day before: all of it would be left out without a word."""
    discovery.sim.faults.set("rest_frozen", endpoint="snapshot")
    await discovery.feed.scan()
    discovery.sim.clock.set(discovery.sim.clock.now() + 3 * 86_400_000 + 600_000)
    with pytest.raises(FeedError, match="is of another day: its newest event is of 2026-11-20 "):
        await discovery.feed.scan()


async def test_a_garbage_element_costs_itself_only(discovery: Scanning, caplog: pytest.LogCaptureFixture) -> None:
    await discovery.feed.scan()
    discovery.sim.faults.set("rest_garbage", endpoint="snapshot")
    with caplog.at_level(logging.WARNING, "gapscan"):
        await discovery.feed.scan()
        await discovery.feed.scan()
    await until(lambda: discovery.symbols(3), "three scans")
    assert discovery.symbols(1) == discovery.symbols(2) == discovery.symbols(3)
    assert len(discovery.symbols(1)) >= 50
    assert discovery.tally.counts["bad_elements"] == 2
    assert len([r for r in caplog.records if "cannot be read" in r.getMessage()]) == 1


def values(discovery: Scanning, number: int, name: str) -> dict[str, float | None]:
    """A column of scan `number`, by symbol; None where there is no value."""
    frames = [frame for frame in discovery.frames if frame.frame == number]
    cells = [value for frame in frames for value in plain(getattr(frame, name))]
    return dict(zip(discovery.symbols(number), cells, strict=True))


@pytest.mark.parametrize("fault", ["rest_nulls", "rest_nan"])
async def test_a_field_that_is_no_number_costs_itself_only(discovery: Scanning, fault: str) -> None:
    await discovery.feed.scan()
    discovery.sim.faults.set(fault, endpoint="snapshot")
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(2), "both scans")
    assert discovery.symbols(1) == discovery.symbols(2)
    for name in set(OBSERVATIONS) - {"vwap", "minute_start"}:
        assert values(discovery, 1, name) == values(discovery, 2, name), name
    lost = [symbol for symbol, vwap in values(discovery, 2, "vwap").items() if vwap is None]
    assert len(lost) >= (50 if fault == "rest_nulls" else 1)
    assert discovery.tally.counts["bad_elements"] == 0
    assert discovery.tally.counts["bad_fields"] == (fault == "rest_nan")


async def test_times_in_other_units_are_recognised(discovery: Scanning) -> None:
    await discovery.feed.scan()
    discovery.sim.faults.set("rest_units", endpoint="snapshot")
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(2), "both scans")
    for name in OBSERVATIONS:
        assert values(discovery, 1, name) == values(discovery, 2, name), name


async def test_of_one_symbol_twice_the_newer_element_counts(discovery: Scanning) -> None:
    """A scan that names a symbol twice would merge both, the later one in the body last."""
    await discovery.feed.scan()
    discovery.sim.faults.set("rest_doubled", endpoint="snapshot")
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(2), "both scans")
    for name in OBSERVATIONS:
        assert values(discovery, 1, name) == values(discovery, 2, name), name
    assert discovery.tally.counts["doubled_elements"] == len(discovery.symbols(1))


async def test_an_element_of_the_future_costs_itself_only(
    discovery: Scanning, caplog: pytest.LogCaptureFixture
) -> None:
    """Taken in, it would stand until its time has come: nothing newer could take its place."""
    await discovery.feed.scan()
    discovery.sim.faults.set("rest_future", endpoint="snapshot", minutes=10, count=2)
    with caplog.at_level(logging.WARNING, "gapscan"):
        await discovery.feed.scan()
        await discovery.feed.scan()
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(4), "four scans")
    assert len(set(discovery.symbols(1)) - set(discovery.symbols(2))) == 1
    assert discovery.symbols(3) == discovery.symbols(2)
    assert discovery.symbols(4) == discovery.symbols(1)
    assert all(frame.as_of <= discovery.sim.clock.now() for frame in discovery.frames)
    assert discovery.tally.counts["future_elements"] == 2
    assert len([r for r in caplog.records if "of the future" in r.getMessage()]) == 1


async def test_a_provider_whose_clock_is_behind_is_believed_about_the_rest(
    discovery: Scanning, caplog: pytest.LogCaptureFixture
) -> None:
    """Most of a market cannot be of the future."""
    await discovery.feed.scan()
    snapshot = await discovery.provider.snapshot()
    with caplog.at_level(logging.WARNING, "gapscan"):
        kept = without_future(snapshot, discovery.sim.clock.now() - 3_600_000, discovery.tally)
    assert kept is snapshot
    assert discovery.tally.counts["clock_behind"] == 1


async def test_a_slow_body_is_waited_for(discovery: Scanning) -> None:
    discovery.sim.faults.set("rest_slow", seconds=0.4, endpoint="snapshot", count=1)
    await discovery.feed.scan()
    await until(lambda: discovery.symbols(1), "the scan")


async def test_a_status_that_passes_is_not_even_noticed(discovery: Scanning) -> None:
    discovery.sim.faults.set("rest_status", status=500, endpoint="snapshot", count=1)
    await discovery.feed.scan()
    assert discovery.sim.stats.requests["snapshot"] == 2


@pytest.mark.parametrize("fault", ["rest_stall", "rest_slow"])
async def test_a_stalled_request_is_given_up_and_does_not_hold_up_the_next(nats_server: NatsServer, fault: str) -> None:
    """The feed's own limit ends these: the client's is longer, and the body needs forty times as long."""
    async with discovering(nats_server.url, timeout=0.5) as discovery:
        discovery.sim.faults.set(fault, endpoint="snapshot", **({"seconds": 20} if "slow" in fault else {}))
        for _ in range(3):
            with pytest.raises(FeedError, match=r"did not come within 0.5 s") as raised:
                await discovery.feed.scan()
            assert raised.value.retry
        discovery.sim.faults.clear()
        await discovery.feed.scan()
        await until(lambda: discovery.symbols(1), "the scan after it")
        assert discovery.sim.stats.requests["snapshot"] == 4, "none waited for those before it, none was asked twice"


async def test_discovery_goes_on_after_every_kind_of_failure(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with discovering(nats_server.url, timeout=0.5, discovery_interval=0.1) as discovery:
        task = asyncio.create_task(discovery.feed.discover())
        try:
            for fault, options, _, says in [*FAILING, ("rest_stall", {}, True, "did not come")]:
                scans = discovery.tally.counts["scans"]
                await until(partial(discovery.scanned_since, scans), "a scan")
                discovery.sim.faults.set(fault, endpoint="snapshot", **options)
                await until(partial(discovery.says, says), f"failing for {fault}")
                discovery.sim.faults.clear()
            await until(lambda: discovery.feed.report()["last_error"] == "", "the last recovery")
        finally:
            await end(task)
        numbers = sorted({frame.frame for frame in discovery.frames})
        assert numbers == list(range(1, len(numbers) + 1))
        assert KEY not in caplog.text
        assert KEY not in str(discovery.feed.report())


async def test_a_closure_that_the_calendar_does_not_know_is_followed_and_said(
    nats_server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A replay that goes on to a trading day it has no data of: its market is closed all day."""
    header = "ticker,volume,open,close,high,low,window_start,transactions"
    for date in (dt.date(2024, 7, 1), dt.date(2024, 7, 2)):
        file = tmp_path / "us_stocks_sip" / "day_aggs_v1" / f"{date:%Y/%m}" / f"{date}.csv.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        start = session_times(date).pre * 1_000_000
        file.write_bytes(gzip.compress(f"{header}\nAAA,10000,10,11,12,9,{start},100\n".encode()))
    replay = {"replay": tmp_path, "day": dt.date(2024, 7, 2), "start": "10:00"}
    async with discovering(nats_server.url, market_options=replay) as discovery:
        await discovery.feed.scan()
        assert discovery.feed.session == "regular"
        discovery.sim.clock.set(epoch_ms(dt.date(2024, 7, 5), dt.time(10)))
        for _ in range(3):
            await discovery.feed.scan()
        assert discovery.feed.session == "closed"
        assert discovery.feed.report()["calendar_disagreement"] == (
            "the provider says closed, the calendar says regular"
        )
        assert discovery.tally.counts["calendar_disagrees"] == 2
        assert caplog.text.count("the provider is followed") == 1


async def test_a_stream_that_is_deleted_is_made_anew(nats_server: NatsServer) -> None:
    async with discovering(nats_server.url, discovery_interval=1) as discovery:
        task = asyncio.create_task(discovery.feed.discover())
        await until(lambda: discovery.symbols(1), "the first scan")
        async with connect(BusOptions(nats_server.url), "test") as bus:
            await bus.js.delete_stream(names.DEFAULT.stream_universe)
            scans = discovery.tally.counts["scans"]
            await until(lambda: discovery.tally.counts["scans"] > scans + 1, "scans after it")
            assert (await bus.js.stream_info(names.DEFAULT.stream_universe)).state.messages > 0
        await end(task)
