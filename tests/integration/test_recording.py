"""A recording of the simulated market's own day gives what the day gave."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from nats.aio.msg import Msg

from gapscan.bus.publisher import ListPublisher
from gapscan.market.sessions import session_times
from gapscan.obs import Tally, logger
from gapscan.polygon.provider import PolygonProvider
from gapscan.polygon.recording import SNAPSHOT, STATUS, Recorder, recorded_files
from gapscan.polygon.stream import StreamSettings
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta
from gapscan.provider import StreamBatch, Topic
from gapscan.runtime import end
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.recorded import Pace, RecordedServer, Recording
from gapscan.sim.server import SimServer
from gapscan.sim.synthetic import SyntheticSource
from tests.support.nats import NatsServer
from tests.support.rig import DAY, KEY, market
from tests.support.stack import Stack, running
from tests.support.until import until

OPEN = session_times(DAY).regular
SCANS = [OPEN + 30_000 * number for number in range(1, 13)]
LISTS = ("gappers_up", "gappers_down", "winners", "losers", "most_active", "high_volume", "new_highs")


def provider_of(url: str, host: str, tally: Tally, recorder: Recorder | None = None) -> PolygonProvider:
    stream = StreamSettings(host=host, key=KEY, secure=False, record=recorder.frame if recorder else None)
    return PolygonProvider("polygon", url, stream, 5.0, tally, recorder=recorder)


async def played(stack: Stack, provider: PolygonProvider) -> dict[str, list[Any]]:
    """Scans at all moments by `provider`: the deltas of each list, without what says where they were stored.

    They count from where all of the reference data is ranked: when it comes is a matter of milliseconds.
    """
    stack.feed._provider = stack.feed.reference._provider = provider
    stack.feed._clock._provider = provider
    deltas: dict[str, list[Any]] = {name: [] for name in LISTS}

    async def hear(message: Msg) -> None:
        delta = decode_as(Delta, message.data)
        deltas[delta.list].append((delta.as_of, delta.checksum, delta.size, delta.changes))

    stack.sim.clock.set(SCANS[0])
    await stack.load_reference()
    await stack.scan_at(SCANS[1])
    publishers = stack.term.publishers
    before = {name: publishers[name].sequence for name in LISTS}
    for name in LISTS:
        await stack.bus.nc.subscribe(names.DEFAULT.live_subject(name), cb=hear)
    await stack.bus.nc.request(
        f"$JS.API.STREAM.INFO.{names.DEFAULT.list_stream(LISTS[0])}"
    )  # the subscriptions are there
    for moment in SCANS[2:]:
        await stack.scan_at(moment)
    for name in LISTS:
        await until(partial(_all_heard, publishers[name], before[name], deltas[name]), f"the deltas of {name}")
    return deltas


def _all_heard(publisher: ListPublisher, before: int, heard: list[Any]) -> bool:
    return len(heard) == publisher.sequence - before


@pytest.mark.parametrize("pace", ["clock", "requests"])
async def test_the_same_deltas(
    nats_server: NatsServer, second_nats_server: NatsServer, tmp_path: Path, pace: Pace
) -> None:
    directory = tmp_path / "recording"
    tally, clock = Tally(logger("feed")), ManualClock(SCANS[0])
    recorder = Recorder(directory, KEY, tally, now=lambda: clock.now() / 1000)
    source = SyntheticSource(DAY, 7, 300)
    async with SimServer(Market(source), clock) as sim, running(sim, nats_server.url, baseline_sessions=2) as stack:
        first = await played(stack, provider_of(sim.url, sim.ws_feed, tally, recorder))
    await asyncio.to_thread(recorder.close)
    assert sum(map(len, first.values())) > 20
    again = ManualClock(SCANS[0])
    server = RecordedServer(Recording(directory), again, pace)
    async with server, running(server, second_nats_server.url, baseline_sessions=2) as stack:  # type: ignore[arg-type]
        second = await played(stack, provider_of(server.url, server.ws_feed, tally))
    assert second == first
    assert tally.counts["unrecorded"] == 0


async def test_the_same_bars(tmp_path: Path) -> None:
    """Whatever is subscribed to, what came then comes."""
    tally = Tally(logger("feed"))
    recorder = Recorder(tmp_path, KEY, tally)
    topics = frozenset({Topic("bars", "*"), Topic("trades", "*")})

    async def heard(provider: PolygonProvider, enough: int) -> list[Any]:
        found: list[Any] = []

        async def take(batch: StreamBatch) -> None:
            found.extend((bar.symbol, bar.start, bar.close, bar.volume) for bar in batch.bars)

        stream = provider.stream(take, lambda: True)
        stream.want(topics)
        task = asyncio.create_task(stream.run())
        await until(lambda: len(found) >= enough, "bars")
        await end(task)
        return found

    async with market() as sim:
        provider = provider_of(sim.url, sim.ws_feed, tally, recorder)
        await provider.snapshot()
        first = await heard(provider, 200)
    await asyncio.to_thread(recorder.close)
    clock = ManualClock(0)
    async with RecordedServer(Recording(tmp_path), clock) as server:
        task = asyncio.create_task(heard(provider_of(server.url, server.ws_feed, tally), len(first)))
        await until(lambda: server.listeners, "the session")
        clock.set(1 << 50)
        assert await task == first
    assert len(recorded_files(tmp_path, "live")) == 1


# What is asked for in a scan, with the time in ms since its begin: S the snapshot, a status by its own letter.
RECORDED = {
    "status first": [("m", 0), ("S", 3)],
    "snapshot first": [("S", 0), ("m", 3)],
    "before and after, as of a market that goes from minute to minute": [("m", 0), ("S", 3), ("m", 5)],
    "and by who looks whether there is an answer": [("m", 0), ("S", 3), ("x", 9_000), ("y", 18_000), ("z", 27_000)],
}


@pytest.mark.parametrize("played", ["mS", "Sm", "mmS", "Sm mS", "mS mS Sm", "Sm mmS"])
@pytest.mark.parametrize("recorded", RECORDED.values(), ids=RECORDED)
async def test_a_scan_gets_the_status_that_went_with_its_snapshot(
    tmp_path: Path, recorded: list[tuple[str, int]], played: str
) -> None:
    """Whichever of the two is asked for first, which may be another in each scan; a leading status, however often."""
    clock = ManualClock(SCANS[0])
    recorder = Recorder(tmp_path, KEY, Tally(logger("feed")), now=lambda: clock.now() / 1000)
    for moment in SCANS:
        for letter, after in recorded:
            clock.set(moment + after)
            recorder.rest(SNAPSHOT if letter == "S" else STATUS, f'{{"{letter}":{moment}}}'.encode())
    await asyncio.to_thread(recorder.close)
    async with RecordedServer(Recording(tmp_path), clock, "requests") as server, ClientSession(server.url) as http:
        for moment, scan in zip([*SCANS, SCANS[-1]], cycle(played.split()), strict=False):
            found = {letter: await (await http.get(SNAPSHOT if letter == "S" else STATUS)).json() for letter in scan}
            assert found == {"S": {"S": moment}, "m": {"m": moment}}
