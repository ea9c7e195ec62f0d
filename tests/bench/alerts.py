"""Alerts: what they add to a ranking, how long a bar takes to a web hook, and a storm of entries."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from gapscan.bus.alert_definitions import write_alert
from gapscan.bus.client import Bus
from gapscan.bus.definitions import write_definition
from gapscan.bus.direct_get import get_from
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention
from gapscan.protocol.alerts import MAX_ALERTS, AlertDefinition
from gapscan.protocol.messages import ListDefinition, Row
from gapscan.ranking.alerts import hidden_list
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import MAX_OWN, ListSet, compile_list
from gapscan.service.retrying import retrying
from gapscan.service.status import collect
from tests.bench.bus import with_server
from tests.bench.hot import LIST, LONE_BARS, BarSource, arrivals, publish_market, ranker, service
from tests.bench.registry import Benchmark, Figure, Timing, median
from tests.bench.workload import MOMENT, RandomWalk, twelve_lists
from tests.support.receiver import Receiver, receiver

ROUNDS, WARM_UP, CHANGED = 60, 5, 1000
HOT_INTERVAL = 0.1
STORM_LISTS, STORM_ROWS = 10, 200
PER_MINUTE = 120
PATIENCE = 60.0


def over_any_symbol(number: int) -> AlertDefinition:
    """One of as many alerts over any symbol as there may be, each a list of its own to the ranker."""
    where = f"price < {5 + number} and change_5m_percent > {3 + number / 50} and volume > {number + 1}00_000"
    return AlertDefinition(f"any{number}", f"alert_any{number}", where=where)


def ranking() -> Sequence[Figure]:
    """The others of the 500 look at lists that there are, by what is published of them: the ranker has none of it."""
    lists, more = twelve_lists(), [compile_list(hidden_list(over_any_symbol(number))) for number in range(MAX_OWN)]
    walk = RandomWalk()
    without = Scanner(walk.universe, lists)
    other = RandomWalk()  # the same changes: what a scanner has taken in, no other does
    beside = Scanner(other.universe, ListSet(lists.gate, (*lists.specs, *more)))
    states: list[dict[str, Sequence[Row]]] = [{}, {}]
    timings = [Timing(), Timing()]
    for number in range(WARM_UP + ROUNDS):
        for at, (market, scanner) in enumerate(((walk, without), (other, beside))):
            market.change(CHANGED)

            def scan(scanner: Scanner = scanner, at: int = at) -> None:
                states[at] = {**scanner.scan(states[at])}

            timing = timings[at] if number >= WARM_UP else Timing()
            timing.measure(scan)
    plain, loaded = (median(timing.cpu) for timing in timings)
    what = f"{MAX_ALERTS} alerts, {MAX_OWN} of them over any of 11,000 symbols, {CHANGED:,} changed"
    return [Figure(f"{what}: added to a ranking, CPU", loaded - plain, "ms", 2.0, f"without any {plain:.2f} ms")]


@asynccontextmanager
async def delivering(url: str, hook: Receiver, per_minute: int) -> AsyncIterator[None]:
    """The makers of events and the deliverer, as they are deployed, with a web hook."""
    with tempfile.TemporaryDirectory() as directory:
        channels = Path(directory) / "channels.toml"
        channels.write_text(f'[channels.hook]\nwebhook = "{hook.url}"\nper_minute = {per_minute}\n')
        async with (
            service("events", url),
            service("notify", url, GAPSCAN_NOTIFY_CHANNELS_FILE=str(channels)),
        ):
            yield


async def ready(bus: Bus, alerts: int) -> None:
    """Wait until the alerts are watched for, in all lists that there are, and the channel is taken up."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = (await collect(bus)).services
            events = found["events"].instances[0] if "events" in found else {}
            channels = found["notify"].instances[0].get("channels", {}) if "notify" in found else {}
            if events.get("alerts", {}).get("watched") == alerts and channels:
                return
            await asyncio.sleep(0.2)


async def _latency(bus: Bus, url: str) -> Sequence[Figure]:
    await publish_market(bus)
    # A row is told of once: when the first bar of its symbol shows in it.
    await write_alert(bus, AlertDefinition("live", LIST, "when", 'source == "bar"'))
    async with receiver() as hook, delivering(url, hook, 600), ranker(url, HOT_INTERVAL), arrivals(url) as found:
        await ready(bus, 1)
        took: dict[tuple[str, float], float] = {}
        hook.on_alert = lambda alert: took.setdefault((alert["symbol"], alert["data"]["price"]), time.perf_counter())
        source = BarSource(bus, found.rows[:100])
        for _ in range(LONE_BARS):
            await source.send(1)
            await asyncio.sleep(0.25)
        await asyncio.sleep(0.5)
    each = [(took[key] - sent) * 1000 for key, sent in source.sent.items() if key in took]
    return [
        Figure("bar to web hook: lone bar p50", median(each), "ms", 40, f"{len(each)} alerts of {LONE_BARS} bars"),
    ]


def latency() -> Sequence[Figure]:
    """A bar on NATS, through ranker, events and notify, each a process of its own, to a web server."""
    return with_server(_latency)


async def _storm(bus: Bus, url: str) -> Sequence[Figure]:
    dice, published = random.Random(1), []
    for number in range(STORM_LISTS):
        name = f"storm{number}"
        published.append(ListPublisher(bus, name))
        await published[-1].recover(Retention())
        await write_definition(bus, ListDefinition(name, "", "price > 0", ["-price"], 1000, []))
        await write_alert(bus, AlertDefinition(f"in_{name}", name))
    async with receiver() as hook, delivering(url, hook, PER_MINUTE):
        await ready(bus, STORM_LISTS)
        await asyncio.sleep(2)
        began = time.perf_counter()
        for number, publisher in enumerate(published):
            rows = [Row(symbol=f"S{number}-{at}", price=dice.uniform(1, 100)) for at in range(STORM_ROWS)]
            await retrying("bench", "filling a list", partial(publisher.publish, rows, MOMENT))
            await publisher.heartbeat("live", MOMENT, simulated=True)
            await asyncio.sleep(1 / STORM_LISTS)
        total = STORM_LISTS * STORM_ROWS
        async with asyncio.timeout(PATIENCE):
            while len(await get_from(bus, bus.names.stream_alerts, total, 1)) == 0:
                await asyncio.sleep(0.02)
            logged = time.perf_counter() - began
            while len(hook.keys()) < total:
                await asyncio.sleep(0.02)
    seconds = time.perf_counter() - began
    what = f"storm of {total:,} entries in a second"
    return [
        Figure(f"{what}: all in the log of alerts after", logged, "s"),
        Figure(f"{what}: deliveries", len(hook.posts), "", 3 + seconds * PER_MINUTE / 60 + 1, f"{PER_MINUTE} a minute"),
        Figure(f"{what}: all delivered after", seconds, "s"),
    ]


def storm() -> Sequence[Figure]:
    """Ten lists that fill at once, through events and notify to a web server that takes two deliveries a second."""
    return with_server(_storm)


BENCHMARKS: dict[str, Benchmark] = {"alerts": ranking, "webhook": latency, "storm": storm}
