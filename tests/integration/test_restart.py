"""A ranker that starts again in the middle of a day knows what it knew: nothing that it shows is lost by that."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gapscan.market.history import STEP_MS
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Halts
from gapscan.ranker import checkpoint
from tests.support.nats import NatsServer
from tests.support.stack import Stack, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)
SECOND, MINUTE = 1_000, 60_000
KNOWN = (
    "price", "price_time", "volume", "high", "low", "high_time", "low_time", "change_1m_percent", "change_5m_percent",
    "volume_1m", "rvol", "trades_z", "spike_size", "spike_time", "post_change_percent", "post_volume", "halt_time",
    "stale",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _save_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The market of these tests runs faster than any clock."""
    monkeypatch.setattr(checkpoint, "CHECK_SECONDS", 0.005)


@asynccontextmanager
async def market(nats: NatsServer, start: int) -> AsyncIterator[Stack]:
    async with small_market(nats.url, DAY, start, 300) as stack:
        await stack.load_reference()
        yield stack


async def goes_on(stack: Stack, begin: int, end: int) -> None:
    """A scan every fifteen seconds from `begin` on, each of them saved."""
    for moment in range(begin, end, 15 * SECOND):
        await stack.scan_at(moment)
        await saved(stack)


async def saved(stack: Stack) -> None:
    term = stack.term
    await until(lambda: term.checkpointer.step == term.universe.as_of // STEP_MS, "the state is saved")


async def halt(stack: Stack, as_of: int) -> None:
    symbols = stack.universe.symbols[:2]
    halts = Halts(as_of, True, symbols, ["halted", "resumed"], [as_of - MINUTE, as_of])
    await stack.bus.js.publish(names.DEFAULT.feed_halts, encode(halts))


def what_is_known(stack: Stack) -> dict[str, dict[str, object]]:
    """All that a list may ask of each symbol."""
    universe = stack.universe
    halts = universe.text("halt")
    known: dict[str, dict[str, object]] = {}
    for symbol, at in universe.index.items():
        numbers = {name: float(universe.number(name)[at]) for name in KNOWN}
        known[symbol] = {name: None if math.isnan(number) else number for name, number in numbers.items()}
        known[symbol]["halt"] = halts.words(universe.positions([symbol]))[0]
    return known


@pytest.mark.parametrize(
    "begin",
    [TIMES.regular - 4 * MINUTE, TIMES.regular + 30 * MINUTE, TIMES.post - 3 * MINUTE],
    ids=["open", "day", "close"],
)
async def test_what_is_known_is_the_same_without_the_restart(
    nats_server: NatsServer, second_nats_server: NatsServer, begin: int
) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(market(nats_server, begin))
        other = await stack.enter_async_context(market(second_nats_server, begin))
        restart, end = begin + 6 * MINUTE, begin + 8 * MINUTE
        for chain in (one, other):
            await goes_on(chain, begin, restart)
            await halt(chain, restart)
            await chain.scan_at(restart)
            await saved(chain)
        await one.start_ranker()
        for chain in (one, other):
            await goes_on(chain, restart + 15 * SECOND, end)
        expected, found = what_is_known(other), what_is_known(one)
        wrong = {symbol: (found[symbol], known) for symbol, known in expected.items() if found[symbol] != known}
        assert not wrong, f"{len(wrong)} of {len(expected)}: {dict(list(wrong.items())[:2])}"
        assert any(known["change_5m_percent"] for known in expected.values())
        assert sum(known["low_time"] is not None for known in expected.values()) > (0 if begin > TIMES.regular else 10)
        assert {known["halt"] for known in expected.values()} == {None, "halted", "resumed"}
