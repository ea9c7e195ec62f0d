"""Lists that are removed while their deltas and snapshots are on the way leave nothing behind."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from gapscan.bus.definitions import read_entries, remove_list, write_definition
from gapscan.bus.snapshots import read_snapshot, snapshot_names
from gapscan.bus.topology import list_names
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import ListDefinition, Trades
from gapscan.ranker import definitions
from gapscan.ranking.spec import shipped_lists
from gapscan.runtime import end
from tests.support.nats import NatsServer
from tests.support.stack import Stack, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
NOW = session_times(DAY).regular + 3_600_000
SHIPPED = set(shipped_lists().names)
OWN = [ListDefinition(f"own_{number}", "", "price > 1", ["-price"], 50, [], 1000, own=True) for number in range(2)]
MINE = {definition.name for definition in OWN}


@asynccontextmanager
async def moving(stack: Stack) -> AsyncIterator[None]:
    """Every price changes, many times a second: something of every list is always on its way."""
    universe = stack.universe
    symbols = [universe.symbols[at] for at in np.flatnonzero(~np.isnan(universe.number("price")))]

    async def move() -> None:
        dice = random.Random(5)
        for moment in range(NOW, NOW + 600_000, 50):
            prices: list[float | None] = [round(dice.uniform(5, 50), 2) for _ in symbols]
            await stack.bus.nc.publish(
                names.DEFAULT.feed_trades, encode(Trades(True, symbols, prices, [moment] * len(symbols)))
            )
            await asyncio.sleep(0.05)

    task = asyncio.create_task(move())
    try:
        yield
    finally:
        await end(task)


async def left_behind(stack: Stack) -> set[str]:
    """Own lists of which anything is kept."""
    defined = {entry.name for entry in await read_entries(stack.bus) or []}
    return (defined | await list_names(stack.bus) | await snapshot_names(stack.bus)) - SHIPPED


async def test_nothing_is_left_of_lists_that_are_removed_while_the_market_moves(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "REREAD_SECONDS", 0.05)  # a list that is added again at once waits for a look
    dice = random.Random(3)
    async with small_market(nats_server.url, DAY, NOW - 60_000, 200) as stack:
        await stack.load_reference()
        await stack.scan_at(NOW)
        before = stack.report()["lists"]["most_active"]["epoch"]
        async with moving(stack):
            for _ in range(30):
                for definition in OWN:
                    await write_definition(stack.bus, definition)
                await until(lambda: all(published(stack, name) for name in MINE), "the lists")
                await asyncio.sleep(dice.uniform(0, 0.1))
                for name in MINE:
                    await remove_list(stack.bus, name)
                await until(lambda: not MINE & stack.report()["lists"].keys(), "the removal")
                await until(lambda: not retiring(stack), "the clearing away")
                assert await left_behind(stack) == set()
            for _ in range(3):
                await next_snapshot(stack, "most_active")
        assert await left_behind(stack) == set()
        report = stack.report()
        assert report["lists"]["most_active"]["epoch"] == before
        assert not report["counts"].get("terms_lost")
        assert not report["counts"].get("publish_failed")


async def next_snapshot(stack: Stack, name: str) -> None:
    """Wait until a change of a list that comes from here on is in its snapshot."""
    sequence = stack.report()["lists"][name]["sequence"]

    async def stored() -> bool:
        snapshot = await read_snapshot(stack.bus, name)
        return snapshot is not None and snapshot.sequence > sequence

    await until(stored, f"the next snapshot of {name}")


def published(stack: Stack, name: str) -> int:
    return int(stack.report()["lists"].get(name, {}).get("published", 0))


def retiring(stack: Stack) -> bool:
    return bool(stack.term.retired)
