"""Whatever happens to the live link, the lists end up as if nothing had happened."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from gapscan.bus.details import write_detail
from gapscan.bus.snapshots import read_snapshot
from gapscan.feed.live import LiveFeed
from gapscan.hot.service import Hot
from gapscan.market.sessions import MarketSession, session_times
from gapscan.obs import Tally, logger
from gapscan.polygon.supervisor import LinkOptions
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Detail, Halts
from gapscan.ranking.spec import ListSet, ListSpec, compile_list, shipped_lists
from gapscan.runtime import end
from gapscan.sim import SimOptions, make_server
from tests.support import rules
from tests.support.nats import NatsServer
from tests.support.stack import Stack, provider_on, running
from tests.support.until import until

DAY = dt.date(2026, 11, 20)
START = session_times(DAY).regular + 60_000
SECOND = 1000

# Lists whose members do not depend on when they were looked at: gaps are frozen and volumes only rise.
EXACT = ("most_active", "gappers_up", "gappers_down")
# What is known of a symbol whichever way it came. Its times tell the way, and what is measured by them hangs on it.
FIELDS = ("symbol", "price", "change_percent", "gap_percent", "open", "high", "low", "volume", "from_high_percent")
# The average price is not among it: that of bars is the day's, that of scans the regular session's.
COLUMNS = ("price", "prev_close", "open", "high", "low", "volume", "minute_trades", "change_percent")
# How long it takes until nothing hangs on what was seen before: a new high counts for five minutes, and so do moves.
MEMORY = 390

# In a market of 400 symbols there may be none.
SELDOM = {"low_float", "new_listings", "ssr", "premarket_high_break"}

SHIPPED = ListSet(  # without what they remember of how they came to be: it is the same however they came
    shipped_lists().gate,
    tuple(compile_list(structs.replace(spec.definition, settle=0.0)) for spec in shipped_lists().specs),
)
OPEN = [spec for spec in SHIPPED.specs if spec.is_open(MarketSession.REGULAR)]

QUICK = LinkOptions(
    silence=1.0, healthy_after=0.3, retry_first=0.05, retry_limit=0.3, max_connections_wait=0.6, auth_failed_wait=0.4,
    ask_again=0.4, refused_first=0.5, refused_limit=1.0, look=0.05,
)  # fmt: skip

Table = list[dict[str, Any]]


@dataclass
class Outcome:
    """What a run came to: right after it recovered, and when what it saw meanwhile is of no more account."""

    bars: int = 0
    columns: dict[str, tuple[float | None, ...]] = field(default_factory=dict)  # by symbol, right after
    soon: dict[str, Table] = field(default_factory=dict)
    late: dict[str, Table] = field(default_factory=dict)
    entitled: dict[str, set[str]] = field(default_factory=dict)  # late: who must be in each list
    wrong: list[str] = field(default_factory=list)  # where rows are not what the definition says


@asynccontextmanager
async def live(stack: Stack) -> AsyncIterator[LiveFeed]:
    """The feed's live half and the hot manager beside a stack that scans when told to."""
    tally = Tally(logger("feed"))
    feed = LiveFeed(stack.bus, stack.config, stack.feed, provider_on(stack.sim, tally, link=QUICK), tally)
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


async def outcome_of(url: str, fault: str | None, options: dict[str, Any]) -> Outcome:
    """Two minutes of market with a fault in between, then some minutes of scans alone."""
    market = SimOptions(symbols=400, day=DAY, start="09:31", manual=True, bar_delay=0.0, seed=5)
    async with make_server(market, today=DAY) as sim, running(sim, url, SHIPPED) as stack:
        await stack.load_reference()
        await stack.scan_at(START)
        await tell_what_scans_do_not(stack)
        outcome = Outcome()
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
            outcome.bars = stack.report()["counts"].get("bars", 0)
            outcome.columns = columns_of(stack)
        outcome.soon = await tables(stack, outcome)  # takes a moment, in which a live link would go silent
        for seconds in range(180, 150 + MEMORY + 1, 30):
            await stack.scan_at(START + seconds * SECOND)
        outcome.late = await tables(stack, outcome)
        outcome.entitled = {spec.name: entitled(stack, spec) for spec in OPEN}
        return outcome


async def tell_what_scans_do_not(stack: Stack) -> None:
    """Details and halts, so that no list is empty for want of them."""
    universe = stack.universe
    for symbol in universe.symbols[::3]:
        await write_detail(stack.bus, Detail(symbol, str(DAY), None, None, 1e7, None))
    halted = universe.symbols[:6]
    times = [START - number * SECOND for number in range(6)]
    halts = Halts(START, True, halted, ["halted", "resumed"] * 3, times)
    await stack.bus.js.publish(names.DEFAULT.feed_halts, encode(halts))
    await until(lambda: stack.report()["lists"]["halted"]["rows"], "the halts")


def columns_of(stack: Stack) -> dict[str, tuple[float | None, ...]]:
    universe = stack.universe
    columns = [
        [None if np.isnan(value) else round(float(value), 9) for value in universe.number(name)] for name in COLUMNS
    ]
    return dict(zip(universe.symbols, zip(*columns, strict=True), strict=True))


def entitled(stack: Stack, spec: ListSpec) -> set[str]:
    return rules.passing(stack.universe, (SHIPPED.gate.text, spec.definition.where), idle=spec.definition.idle)


async def tables(stack: Stack, outcome: Outcome) -> dict[str, Table]:
    """What every open list shows; where that is not what its definition says, the outcome notes it."""
    found = {spec.name: await shown(stack, spec.name) for spec in OPEN}
    for spec in OPEN:
        symbols = [row["symbol"] for row in found[spec.name]]
        if fault := rules.follows(stack.universe, spec.definition, SHIPPED.gate.text, symbols):
            outcome.wrong.append(f"{spec.name}: {fault}")
    return found


async def shown(stack: Stack, name: str) -> Table:
    snapshot = await read_snapshot(stack.bus, name)
    assert snapshot is not None
    return [{field: dict(row).get(field) for field in FIELDS} for row in snapshot.rows]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run without any fault."""
    server = NatsServer(Path(tmp_path_factory.mktemp("undisturbed")))
    server.start()
    try:
        outcome = asyncio.run(outcome_of(server.url, None, {}))
    finally:
        server.close()
    assert outcome.bars > 50
    assert len(outcome.late["most_active"]) > 20
    assert {name for name, rows in outcome.soon.items() if not rows and not outcome.late[name]} <= SELDOM
    assert not outcome.wrong
    return outcome


def of(table: Table, symbols: set[str]) -> Table:
    """The rows of `symbols`, in their order."""
    return [row for row in table if row["symbol"] in symbols]


def symbols_of(table: Table) -> set[str]:
    return {row["symbol"] for row in table}


@pytest.mark.xdist_group("hot-lists")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("ws_silent", {}),
        ("ws_close", {"code": 1000, "count": 1}),
        ("ws_abort", {"count": 1}),
        ("ws_max_connections", {"count": 1}),
        ("ws_max_connections", {"after": "auth"}),
        ("ws_max_connections", {"after": "subscribe"}),
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
    fault: str, options: dict[str, Any], undisturbed: Outcome, nats_server: NatsServer
) -> None:
    outcome = await outcome_of(nats_server.url, fault, options)
    assert outcome.bars > 0
    assert outcome.columns.keys() == undisturbed.columns.keys()
    expected = undisturbed.columns
    assert not {
        symbol: (seen, expected[symbol]) for symbol, seen in outcome.columns.items() if seen != expected[symbol]
    }
    for name in EXACT:
        assert outcome.soon[name] == undisturbed.soon[name], name
    assert not outcome.wrong
    assert outcome.entitled == undisturbed.entitled
    for name, rows in outcome.late.items():
        # Who is only kept may have entered in one of the runs alone: then the rule above let it stay.
        others = undisturbed.late[name]
        assert outcome.entitled[name] <= symbols_of(rows) & symbols_of(others), name
        both = symbols_of(rows) & symbols_of(others)
        assert of(rows, both) == of(others, both), name
