"""A day of flat files through the rules that rank live, scan by scan: what the provider says, and the lists."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from gapscan.backtesting.past_curves import curve_days
from gapscan.bus.client import Bus
from gapscan.config import FeedSection
from gapscan.feed.reference import ReferenceLoader
from gapscan.feed.universe_frames import Observation, universe_frames
from gapscan.flatfiles.curves import MeanVolumes, ratios_since
from gapscan.flatfiles.files import FlatFiles
from gapscan.flatfiles.minutes import KIND, read_day
from gapscan.flatfiles.splits import read_splits
from gapscan.lists.delta import Rows
from gapscan.market.scans import merge_detail, merge_halts, merge_reference, merge_scan
from gapscan.market.sessions import session_at, session_times
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.polygon.snapshot import SnapshotReader
from gapscan.protocol.messages import Detail, Halts, ReferenceFrame
from gapscan.protocol.names import DEFAULT
from gapscan.provider import Split
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import shipped_lists
from gapscan.runtime import end
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from gapscan.sim.snapshot import SnapshotEncoder
from tests.support.stack import provider_on

SCAN_MS = 60_000
SESSIONS = 20


class Moment(NamedTuple):
    """A scan: the provider's JSON, and the lists' rows when it is ranked. Lists that are closed stand as they were."""

    at: int
    tickers: bytes
    lists: Mapping[str, Rows]


def symbols_of_day(data: Path, date: dt.date) -> list[str]:
    """All that the simulated market lists on that day."""
    return ReplaySource(data, date).symbols


def walked(
    data: Path, date: dt.date, moments: Iterable[int], halts: Sequence[Halts] = (), details: Sequence[Detail] = ()
) -> Iterator[Moment]:
    """The day at these moments (epoch ms, ascending); each of `halts` is said before the first scan from its time."""
    market, universe = Market(ReplaySource(data, date)), Universe(scan_ms=float(SCAN_MS))
    for frame in asyncio.run(_reference(data, date)):
        merge_reference(universe, frame)
    for part in _curves(data, date):
        universe.curves.merge(part)
    scanner, published, waiting = Scanner(universe, shipped_lists()), dict[str, Rows](), list(halts)
    encoder, reader = SnapshotEncoder(market), SnapshotReader()
    for number, moment in enumerate(moments, 1):
        market.advance(moment)
        for _ in encoder.refresh():
            pass
        tickers = encoder.full()
        snapshot = reader.read(b'{"status":"OK","tickers":' + tickers + b"}").snapshot
        seen = Observation(number, moment, session_at(moment).value, True)
        assert merge_scan(universe, *universe_frames(snapshot, seen))
        if number == 1:
            for detail in details:
                merge_detail(universe, detail)
        while waiting and waiting[0].as_of <= moment:
            assert merge_halts(universe, waiting.pop(0))
        published.update(scanner.scan(published))
        yield Moment(moment, tickers, dict(published))


async def _reference(data: Path, date: dt.date) -> list[ReferenceFrame]:
    """What the feed publishes of the day's reference data, asked for over the simulated provider's own door."""
    found: list[ReferenceFrame] = []

    async def publish(_subject: str, frame: ReferenceFrame) -> None:
        found.append(frame)

    tally, bus = Tally(logger("feed")), cast(Bus, SimpleNamespace(max_payload=8 << 20, names=DEFAULT))
    clock = ManualClock(session_times(date).pre)
    async with SimServer(Market(ReplaySource(data, date)), clock) as sim:
        loader = ReferenceLoader(bus, provider_on(sim, tally), FeedSection(), tally, publish)
        loader.announce(date)
        loading = asyncio.create_task(loader.run())
        try:
            async with asyncio.timeout(60):
                while not (loader.complete or loading.done()):
                    await asyncio.sleep(0.02)
        finally:
            await end(loading)
    return [frame for frame in found if frame.complete]


def _curves(data: Path, date: dt.date) -> Iterable[Any]:
    """The usual volumes, from the minute files of the sessions before."""
    files = FlatFiles(data)
    splits = [Split(each.symbol, each.date, each.split_to / each.split_from) for each in read_splits(files.root) or ()]
    mean = MeanVolumes()
    for day in curve_days(date, SESSIONS, set(files.days(KIND))):
        mean.add(read_day(files, day), ratios_since([one for one in splits if one.date <= date], day))
    return mean.parts(date)
