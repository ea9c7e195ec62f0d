"""How long a simulated market's reference data take to load is a matter of the machine: no list hangs on it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import UNSET, UnsetType, structs
from nats.aio.msg import Msg

from gapscan.bus.client import Bus
from gapscan.config import Config, ProviderSection, RankerSection
from gapscan.market.sessions import next_trading_day, session_times
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Ranked, ReferenceFrame, UniverseFrame
from gapscan.ranker.service import Ranker
from gapscan.ranking.spec import shipped_lists
from gapscan.runtime import end
from tests.support.market import DAY, TIMES, reference_frame, share_at, stock, universe_frame
from tests.support.until import until

AT = TIMES.regular + 90 * 60_000  # thresholds stand still
SOME_LESS, SOME_MORE = 1.4, 1.6  # times the usual volume: less than 1.5, but more than 90 % of it; and more
MINUTE = 60_000


class Ranking:
    """A ranker of a market of two stocks, fed by hand; and what it says to a market that waits for it."""

    def __init__(self, bus: Bus, *, simulated: bool) -> None:
        provider, section = ProviderSection(simulated=simulated), RankerSection(snapshot_interval=0.05, lease=1.0)
        self.ranker = Ranker(bus, Config(provider=provider, ranker=section), shipped_lists())
        self.told: list[int] = []
        self._bus, self._simulated = bus, simulated

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self._bus.nc.subscribe(self._bus.names.ranked, cb=self._hear)
        task = asyncio.create_task(self.ranker.run())
        try:
            await until(lambda: self.ranker.report().get("waiting_for") == "reference data", "leading")
            yield
        finally:
            await end(task)

    async def _hear(self, message: Msg) -> None:
        self.told.append(decode_as(Ranked, message.data).as_of)

    def _stocks(self, at: int, less: float = SOME_LESS) -> list[dict[str, object]]:
        seen = {"price": 11.0, "prev_close": 10.0, "price_time": float(at), "updated": float(at), "sessions": 20}
        usual = {"average_volume": 1e6 / share_at(AT)}
        return [
            {**stock("MUCH"), **seen, **usual, "volume": 2e6},
            {**stock("LESS"), **seen, **usual, "volume": 1e6 * less},
        ]

    async def scan(self, at: int, less: float = SOME_LESS, clock: int | UnsetType = UNSET) -> None:
        """Both have traded so many times of what is usual, two and `less`."""
        frame = structs.replace(universe_frame(self._stocks(at, less), at), simulated=self._simulated, clock=clock)
        await self._publish(self._bus.names.feed_universe, frame)

    async def reference(self, *, complete: bool, date: dt.date = DAY) -> None:
        names = ["average_volume"] * (not complete)
        stocks = [{name: value for name, value in one.items() if name not in names} for one in self._stocks(AT)]
        frame = structs.replace(reference_frame(stocks, date), complete=complete)
        await self._publish(self._bus.names.feed_reference, frame)

    async def _publish(self, subject: str, message: UniverseFrame | ReferenceFrame) -> None:
        await self._bus.js.publish(subject, encode(message))

    async def shows(self, symbols: set[str]) -> None:
        def rows() -> set[str]:
            return {row["symbol"] for row in self.ranker.term.publishers["winners"].rows} if self.ranker.term else set()

        await until(lambda: rows() == symbols, lambda: f"{symbols}, not {rows()}")


@pytest.mark.parametrize("simulated", [True, False])
async def test_who_came_in_by_what_was_not_known_has_to_qualify(bus: Bus, simulated: bool) -> None:
    ranking = Ranking(bus, simulated=simulated)
    async with ranking.running():
        await ranking.reference(complete=False)
        await ranking.scan(AT)
        await ranking.shows({"MUCH", "LESS"})
        assert not ranking.told, "the market waits"
        await ranking.reference(complete=True)
        await ranking.scan(AT)
        await ranking.shows({"MUCH"} if simulated else {"MUCH", "LESS"})
        if simulated:
            await until(lambda: ranking.told, "that the market may go on")
            await ranking.scan(AT + MINUTE, less=SOME_MORE)
            await ranking.shows({"MUCH", "LESS"})
            await ranking.reference(complete=False)  # of a feed that starts again
            await ranking.scan(AT + 2 * MINUTE)
            await until(lambda: ranking.ranker.report()["as_of"] == AT + 2 * MINUTE, "the ranking")
            await ranking.reference(complete=True)
            await ranking.scan(AT + 2 * MINUTE)
            await until(lambda: ranking.told[-1] == AT + 2 * MINUTE, "that the market may go on")
            await ranking.shows({"MUCH", "LESS"})


async def test_the_day_after_waits_for_its_own_reference_data(bus: Bus) -> None:
    ranking = Ranking(bus, simulated=True)
    async with ranking.running():
        await ranking.reference(complete=True)
        await ranking.scan(AT)
        await until(lambda: ranking.told == [AT], "that the market may go on")
        term, monday = ranking.ranker.term, next_trading_day(DAY)
        assert term
        began = session_times(monday).pre + MINUTE
        await ranking.scan(began)
        await until(lambda: term.universe.as_of == began and term.settled, "the day after")
        assert not term.ingest.reference_complete
        assert ranking.told == [AT]
        await ranking.reference(complete=True, date=monday)
        await ranking.scan(began)
        await until(lambda: ranking.told[-1] == began, "that the day may go on")


async def test_a_delayed_market_hears_what_its_own_clock_showed(bus: Bus) -> None:
    """By the data's time it would stand for ever at the end of a minute that its data never reach."""
    ranking = Ranking(bus, simulated=True)
    async with ranking.running():
        await ranking.reference(complete=True)
        await ranking.scan(AT - 300, clock=AT + 15 * MINUTE)
        await until(lambda: ranking.told == [AT + 15 * MINUTE], lambda: f"its clock, not {ranking.told}")
