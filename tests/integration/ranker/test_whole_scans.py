"""Nothing is ranked of half a scan, and what a scan lacks is read again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec import structs

from gapscan.bus.client import Bus
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Bars, UniverseFrame
from gapscan.ranker import replay
from gapscan.ranker.ingest import Ingest, News
from tests.support.market import TIMES, stock, universe_frame
from tests.support.until import until

MINUTE = 60_000
SYMBOLS = ["A", "B", "C"]


def scan(number: int) -> list[UniverseFrame]:
    """One of each minute, a symbol a part; the price is the number of the scan."""
    at = TIMES.regular + number * MINUTE
    stocks = [stock(symbol, price=float(number), price_time=float(at), updated=float(at)) for symbol in SYMBOLS]
    return [
        structs.replace(universe_frame([one], at, part=part, parts=len(stocks)), frame=number)
        for part, one in enumerate(stocks, 1)
    ]


def prices(universe: Universe) -> list[float]:
    return [float(price) for price in universe.number("price")[universe.positions(SYMBOLS)]]


def bar(symbol: str, end_ms: int) -> Bars:
    price: list[float | None] = [1.5]
    return Bars(True, [symbol], [end_ms - 1000], [end_ms], price, price, price, price, [1e2], [1e3], price, price)


async def publish(bus: Bus, subject: str, messages: Sequence[Bars | UniverseFrame]) -> None:
    for message in messages:
        await bus.nc.publish(subject, encode(message))


async def heard(ingest: Ingest, number: int) -> None:
    await until(lambda: ingest.waiting == number, lambda: f"{number} messages, not {ingest.waiting}")


async def test_a_ranking_between_two_parts_sees_the_scan_before(bus: Bus) -> None:
    """As it comes on a busy machine: the end of one scan, the beginning of the next, and a bar, all at once."""
    ingest = Ingest(bus, Universe(), Tally(logger("test")))
    first, second = scan(1), scan(2)
    async with ingest.listening():
        await publish(bus, bus.names.feed_universe, [*first, *second[:2]])
        await publish(bus, bus.names.feed_bars, [bar("C", first[0].as_of + 1000)])
        await heard(ingest, 6)
        assert ingest.apply() == News.SCAN | News.BARS
        assert prices(ingest.universe) == [1.0, 1.0, 1.5]
        assert ingest.universe.scanned_at == first[0].as_of, "what is told to a simulated market is ranked in whole"
        assert ingest.universe.as_of == first[0].as_of + 1000
        await publish(bus, bus.names.feed_universe, second[2:])
        await heard(ingest, 1)
        assert ingest.apply() == News.SCAN
        assert prices(ingest.universe) == [2.0, 2.0, 2.0]
        assert ingest.universe.scanned_at == second[0].as_of


async def test_a_part_that_was_lost_is_read_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "FIRST", 0.01)
    tally = Tally(logger("test"))
    for part in scan(1):
        await bus.js.publish(bus.names.feed_universe, encode(part))
    ingest = Ingest(bus, Universe(), tally)
    async with ingest.listening():
        assert not ingest.replay.pending
        second = scan(2)
        for part in second:  # stored, and taken for lost
            await bus.js.publish(bus.names.feed_universe, encode(part))
        await heard(ingest, 3)
        taken = [ingest._waiting.get_nowait() for _ in second]
        for place in (0, 2):
            ingest._waiting.put_nowait(taken[place])
        assert not ingest.apply()
        assert prices(ingest.universe) == [1.0, 1.0, 1.0]
        assert tally.counts["parts_lacking"] == 1
        await heard(ingest, 6)
        assert ingest.apply() == News.SCAN
        assert prices(ingest.universe) == [2.0, 2.0, 2.0]
        await until(lambda: not ingest.replay.pending, "the end of the reading")
        assert ingest.is_empty
