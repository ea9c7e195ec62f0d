"""Following the wanted set without any faults: changes, leftovers, all symbols, trades."""

from __future__ import annotations

import asyncio
import random

from tests.integration.polygon.conftest import Start
from tests.support.until import until


async def test_many_changes_of_mind(rig: Start) -> None:
    live = await rig(silence=30.0)
    everything = [f"A.{symbol}" for symbol in live.sim.market.symbols]
    dice = random.Random(5)
    for _ in range(60):
        live.supervisor.want(dice.sample(everything, dice.randrange(len(everything))))
        await asyncio.sleep(dice.choice((0, 0.001, 0.02)))
    live.supervisor.want(live.topics)
    await live.whole()
    assert live.confirmed == live.topics
    assert live.report["reconnects"] == 0


async def test_nothing_wanted_gives_all_back(rig: Start) -> None:
    live = await rig()
    live.supervisor.want(set())
    await until(lambda: live.report["settled"] and not live.confirmed, "giving all back")
    assert not live.server_side()


async def test_all_symbols_by_one_topic(rig: Start) -> None:
    live = await rig()
    live.supervisor.want({"A.*"})
    await until(lambda: live.report["settled"] and live.confirmed == {"A.*"}, "all symbols")
    others = {topic.removeprefix("A.") for topic in live.topics}
    await until(lambda: any(bar.symbol not in others for bar in live.bars), "bars of other symbols")


async def test_trades_too(rig: Start) -> None:
    live = await rig()
    live.supervisor.want(live.topics | {topic.replace("A.", "T.") for topic in live.topics})
    await live.whole()
    await until(lambda: live.trades, "trades")
    newest = max(trade.time for trade in live.trades)
    assert abs(newest - live.sim.clock.now()) < 60_000  # milliseconds
