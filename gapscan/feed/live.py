"""The live half of the feed: the hot set becomes topics of the provider's stream, and its bars go to NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from typing import Any, Final, Protocol

from msgspec import to_builtins

from gapscan.bus.client import Bus
from gapscan.config import Config
from gapscan.feed.bars import BarPublisher
from gapscan.feed.halt_list import HaltListReader
from gapscan.feed.halts import HaltKeeper
from gapscan.feed.hot_set import HotFollower
from gapscan.feed.liveness import Liveness
from gapscan.feed.publisher import FeedPublisher
from gapscan.obs import Tally
from gapscan.protocol.messages import SessionName
from gapscan.provider import ALL, Provider, StreamBatch, Topic

ALL_BARS: Final = Topic("bars", ALL)
ALL_HALTS: Final = Topic("halts", ALL)


class MarketView(Protocol):
    """What the live half has to know of the market: discovery knows it."""

    @property
    def session(self) -> SessionName | None:
        """The present session; None while unknown."""

    @property
    def market_time(self) -> int:
        """Market time now, epoch ms, as well as it is known."""


class LiveFeed:
    """Keeps the provider's stream at what the settings and the hot set ask for. `on_hot` hears of the hot set too."""

    def __init__(
        self,
        bus: Bus,
        config: Config,
        market: MarketView,
        provider: Provider,
        tally: Tally,
        on_hot: Callable[[Set[str]], None] = lambda _: None,
        publisher: FeedPublisher | None = None,
        liveness: Liveness | None = None,
    ) -> None:
        self._liveness = liveness or Liveness(config.feed)
        self._liveness.wants_bars = lambda: bool(self._hot) or config.feed.mode == "all"
        publisher = publisher or FeedPublisher(bus, tally)
        self._section = config.feed
        self._by_scans = config.provider.simulated and config.sim.stepping  # a market that sends no bars
        self._market = market
        self._on_hot = on_hot
        self._hot: frozenset[str] = frozenset()
        self.bars = BarPublisher(publisher, tally, simulated=config.provider.simulated)
        self.hot = HotFollower(bus, tally, self._hot_changed)
        wanted = self._wants_halts or bool(config.feed.halts_url)
        self.halts = HaltKeeper(bus, tally, simulated=config.provider.simulated, wanted=wanted, publisher=publisher)
        self.halt_list = HaltListReader(config, tally, self.halts.observe_list)
        self.link = provider.stream(self._pass_on, self._is_open, publisher.until_certain)
        self._hot_changed(frozenset())

    async def run(self) -> None:
        """Run for ever; in mode `off` the hot set is followed for others only."""
        jobs = {"hot set": self.hot.run(), "halts": self.halts.run(), "halt list": self.halt_list.run()}
        if self._section.mode != "off":
            jobs["provider stream"] = self.link.run()
        async with asyncio.TaskGroup() as group:
            for name, job in jobs.items():
                group.create_task(job, name=name)

    def _hot_changed(self, symbols: Set[str]) -> None:
        self._on_hot(symbols)
        if self._section.mode != "off":
            self._hot = frozenset(symbols)
            self.link.want(self._topics(), {ALL_HALTS} if self._wants_halts else frozenset())

    @property
    def _wants_halts(self) -> bool:
        return self._section.halts and self._section.mode != "off"

    async def _pass_on(self, batch: StreamBatch) -> None:
        self.halts.observe_events(batch.halts)
        self.halts.observe_traded(batch.bars, batch.trades)
        if len(batch.bars) or batch.trades:
            self._liveness.observe_bars(max(batch.bars.end, default=0))
            await self.bars.publish(batch.bars, batch.trades)

    def _topics(self) -> set[Topic]:
        bars = {ALL_BARS} if self._section.mode == "all" else {Topic("bars", symbol) for symbol in self._hot}
        return bars | {Topic("trades", symbol) for symbol in self._hot} if self._section.trades else bars

    def _is_open(self) -> bool:
        """Whether a stream that brings nothing is a sign that something is wrong with it."""
        return self._market.session in ("pre", "regular", "post") and not self._by_scans

    def _confirmed(self) -> int:
        """The hot symbols whose bars the provider sends."""
        confirmed = self.link.confirmed
        if ALL_BARS in confirmed:
            return len(self._hot)
        return sum(Topic("bars", symbol) in confirmed for symbol in self._hot)

    @property
    def halts_state(self) -> str:
        """Whether the stream gives halts."""
        if not self._wants_halts:
            return "off"
        if ALL_HALTS in self.link.refused:
            return "not in the plan"
        return "live" if ALL_HALTS in self.link.confirmed else "waiting"

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it. Age in seconds of market time, which runs as wall time between scans."""
        newest = self.bars.newest_end
        return {
            "hot": {
                "desired": len(self._hot),
                "confirmed": self._confirmed(),
                "receiving": self.bars.receiving(self._hot),
                "sequence": self.hot.sequence,
            },
            "halts": self.halts_state,
            "halted": len(self.halts.book.halted),
            "halt_list": self.halt_list.report(),
            "link": {
                "mode": self._section.mode,
                "trades": self._section.trades,
                **(to_builtins(self.link.report()) if self._section.mode != "off" else {"state": "off"}),
                "bars_per_second": round(self.bars.per_second(), 1),
                "newest_bar": newest or None,
                "newest_bar_age": max(0.0, round((self._market.market_time - newest) / 1000, 1)) if newest else None,
            },
        }
