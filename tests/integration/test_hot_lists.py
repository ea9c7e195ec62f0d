"""Whatever happens to the live link, the lists end up as if nothing had happened."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gapscan.bus.snapshots import read_snapshot
from gapscan.market.sessions import session_times
from gapscan.obs import Tally, logger
from gapscan.polygon.stream import StreamSettings
from gapscan.polygon.supervisor import LinkOptions
from gapscan.runtime import end
from gapscan.services.feed_live import LiveFeed
from gapscan.services.hot import Hot
from gapscan.sim import SimOptions, make_server
from tests.support.nats import NatsServer
from tests.support.stack import Stack, running, until

DAY = dt.date(2026, 11, 20)
START = session_times(DAY).regular + 60_000
SECOND = 1000

# Lists whose members do not depend on when they were looked at: gaps are frozen and volumes only rise.
LISTS = ("most_active", "gappers_up", "gappers_down")
# Times tell by which way a price came, which is what differs.
FIELDS = ("symbol", "price", "change_percent", "gap_percent", "open", "high", "low", "volume", "from_high_percent")

QUICK = LinkOptions(
    silence=1.0, healthy_after=0.3, retry_first=0.05, retry_limit=0.3, max_connections_wait=0.6, auth_failed_wait=0.4,
    ask_again=0.4, refused_first=0.5, refused_limit=1.0, look=0.05,
)  # fmt: skip

Lists = dict[str, list[tuple[Any, ...]]]


@asynccontextmanager
async def live(stack: Stack) -> AsyncIterator[LiveFeed]:
    """The feed's live half and the hot manager beside a stack that scans when told to."""
    settings = StreamSettings(host=stack.sim.ws_feed, key="key", secure=False, ping=2.0)
    feed = LiveFeed(stack.bus, stack.config, stack.feed, settings, Tally(logger("feed")), QUICK)
    jobs = [asyncio.create_task(job) for job in (feed.run(), Hot(stack.bus, stack.config).run())]
    try:
        yield feed
    finally:
        await end(*jobs)


def is_settled(feed: LiveFeed) -> bool:
    hot = feed.report()["hot"]
    return bool(hot["desired"] > 10 and hot["confirmed"] == hot["desired"])


async def pass_by(stack: Stack, seconds: int) -> None:
    """Let the market run, a second at a time."""
    for _ in range(seconds):
        stack.sim.clock.set(stack.sim.clock.now() + SECOND)
        await asyncio.sleep(0.02)


async def lists_after(url: str, fault: str | None, options: dict[str, Any]) -> tuple[Lists, int]:
    """The lists two minutes later, with a fault in between, and how many bars came into them."""
    market = SimOptions(symbols=300, day=DAY, start="09:31", manual=True, bar_delay=0.0, seed=3)
    async with make_server(market, today=DAY) as sim, running(sim, url) as stack:
        await stack.load_reference()
        await stack.scan_at(START)
        async with live(stack) as feed:
            await until(lambda: is_settled(feed), "the hot set")
            await pass_by(stack, 30)
            if fault:
                sim.faults.set(fault, **options)
            await pass_by(stack, 30)
            await asyncio.sleep(1.2 if fault else 0)  # long enough for a silent link to be noticed
            sim.faults.clear()
            await until(lambda: is_settled(feed), "recovery")
            await pass_by(stack, 60)
            await stack.scan_at(START + 150 * SECOND)
            return {name: await shown(stack, name) for name in LISTS}, stack.report()["counts"].get("bars", 0)


async def shown(stack: Stack, name: str) -> list[tuple[Any, ...]]:
    snapshot = await read_snapshot(stack.bus, name)
    assert snapshot is not None
    return [tuple(dict(row)[field] for field in FIELDS) for row in snapshot.rows]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Lists:
    """The lists of a run without any fault."""
    server = NatsServer(Path(tmp_path_factory.mktemp("undisturbed")))
    server.start()
    try:
        lists, bars = asyncio.run(lists_after(server.url, None, {}))
    finally:
        server.close()
    assert bars > 50
    assert len(lists["most_active"]) > 20
    return lists


@pytest.mark.xdist_group("hot-lists")
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("ws_silent", {}),
        ("ws_close", {"code": 1000, "count": 1}),
        ("ws_abort", {"count": 1}),
        ("ws_max_connections", {"count": 1}),
        ("ws_lost_subscribe", {"count": 5}),
        ("ws_refused", {"count": 5}),
        ("ws_stall", {"count": 1}),
        ("ws_garbage", {"kind": "text", "count": 5}),
        ("ws_garbage", {"kind": "element", "count": 5}),
        ("ws_late", {"minutes": 0.3}),
        ("ws_duplicates", {}),
    ],
)
async def test_lists_end_as_if_nothing_had_happened(
    fault: str, options: dict[str, Any], undisturbed: Lists, nats_server: NatsServer
) -> None:
    lists, bars = await lists_after(nats_server.url, fault, options)
    assert bars > 0
    for name in LISTS:
        assert lists[name] == undisturbed[name], name
