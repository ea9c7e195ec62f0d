"""The live half of the feed: the hot set becomes topics of the provider's stream, and its bars go to NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from typing import Any, Final, Protocol

from gapscan.bus.client import Bus
from gapscan.config import Config
from gapscan.feed.bars import BarPublisher
from gapscan.feed.halts import HaltKeeper
from gapscan.feed.hot_set import HotFollower
from gapscan.obs import Tally
from gapscan.polygon.events import Bar, Trade
from gapscan.polygon.stream import StreamSettings
from gapscan.polygon.supervisor import LinkOptions, Supervisor
from gapscan.protocol.messages import SessionName

ALL_BARS: Final = "A.*"
ALL_HALTS: Final = "LULD.*"


class MarketView(Protocol):
    """What the live half has to know of the market: discovery knows it."""

    @property
    def session(self) -> SessionName | None:
        """The present session; None while unknown."""

    @property
    def market_time(self) -> int:
        """Market time now, epoch ms, as well as it is known."""


def stream_settings(config: Config, key: str) -> StreamSettings:
    """Where the provider's stream is."""
    section = config.polygon
    return StreamSettings(
        library=section.library, host=section.websocket_host, key=key, secure=section.secure_websocket
    )


class LiveFeed:
    """Keeps the provider's stream at what the settings and the hot set ask for. `on_hot` hears of the hot set too."""

    def __init__(
        self,
        bus: Bus,
        config: Config,
        market: MarketView,
        settings: StreamSettings,
        tally: Tally,
        options: LinkOptions | None = None,
        on_hot: Callable[[Set[str]], None] = lambda _: None,
    ) -> None:
        self._section = config.feed
        self._market = market
        self._on_hot = on_hot
        self._hot: frozenset[str] = frozenset()
        self.bars = BarPublisher(bus, tally, simulated=config.polygon.simulated)
        self.hot = HotFollower(bus, tally, self._hot_changed)
        self.halts = HaltKeeper(bus, tally, simulated=config.polygon.simulated, wanted=self._wants_halts)
        patience = options or LinkOptions()
        self.link = Supervisor(settings, patience, self._pass_on, self._is_open, tally, self.halts.observe_events)
        self._hot_changed(frozenset())

    async def run(self) -> None:
        """Run for ever; in mode `off` the hot set is followed for others only."""
        jobs = {"hot set": self.hot.run(), "halts": self.halts.run()}
        if self._section.mode != "off":
            jobs["provider stream"] = self.link.run()
        async with asyncio.TaskGroup() as group:
            for name, job in jobs.items():
                group.create_task(job, name=name)

    def _hot_changed(self, symbols: Set[str]) -> None:
        self._on_hot(symbols)
        if self._section.mode != "off":
            self._hot = frozenset(symbols)
            self.link.want(self._topics(), {ALL_HALTS} if self._wants_halts else ())

    @property
    def _wants_halts(self) -> bool:
        return self._section.halts and self._section.mode != "off"

    async def _pass_on(self, bars: list[Bar], trades: list[Trade]) -> None:
        self.halts.take_trades(bars, trades)
        await self.bars.publish(bars, trades)

    def _topics(self) -> set[str]:
        bars = {ALL_BARS} if self._section.mode == "all" else {f"A.{symbol}" for symbol in self._hot}
        return bars | {f"T.{symbol}" for symbol in self._hot} if self._section.trades else bars

    def _is_open(self) -> bool:
        return self._market.session in ("pre", "regular", "post")

    def _confirmed(self) -> int:
        """The hot symbols whose bars the provider sends."""
        confirmed = self.link.topics.confirmed
        if ALL_BARS in confirmed:
            return len(self._hot)
        return sum(f"A.{symbol}" in confirmed for symbol in self._hot)

    def _halts_state(self) -> str:
        if not self._wants_halts:
            return "off"
        if ALL_HALTS in self.link.topics.refused:
            return "not in the plan"
        return "live" if ALL_HALTS in self.link.topics.confirmed else "waiting"

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it. Age in seconds of market time, which runs as wall time between scans."""
        newest = self.bars.newest_end
        return {
            "hot": {
                "desired": len(self._hot),
                "confirmed": self._confirmed(),
                "receiving": self.bars.receiving(self._hot),
                "sequence": self.hot.copy.sequence,
            },
            "halts": self._halts_state(),
            "halted": len(self.halts.book.halted),
            "link": {
                "mode": self._section.mode,
                "trades": self._section.trades,
                **(self.link.report() if self._section.mode != "off" else {"state": "off"}),
                "bars_per_second": round(self.bars.per_second(), 1),
                "newest_bar": newest or None,
                "newest_bar_age": max(0.0, round((self._market.market_time - newest) / 1000, 1)) if newest else None,
            },
        }
