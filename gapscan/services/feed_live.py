"""The live half of the feed: the hot set becomes topics of the provider's stream, and its bars go to NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Set
from typing import Any, Final, Protocol

from gapscan.bus.client import Bus
from gapscan.config import Config
from gapscan.obs import Tally
from gapscan.polygon.stream import StreamSettings
from gapscan.polygon.supervisor import LinkOptions, Supervisor
from gapscan.protocol.messages import SessionName
from gapscan.services.feed_bars import BarPublisher
from gapscan.services.feed_commands import HotFollower

ALL_BARS: Final = "A.*"


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
    """Keeps the provider's stream at what the settings and the hot set ask for."""

    def __init__(
        self,
        bus: Bus,
        config: Config,
        market: MarketView,
        settings: StreamSettings,
        tally: Tally,
        options: LinkOptions | None = None,
    ) -> None:
        self._section = config.feed
        self._market = market
        self._hot: frozenset[str] = frozenset()
        self.bars = BarPublisher(bus, tally, simulated=config.polygon.simulated)
        self.hot = HotFollower(bus, tally, self._hot_changed)
        self.link = Supervisor(settings, options or LinkOptions(), self.bars.take, self._is_open, tally)
        self._hot_changed(frozenset())

    async def run(self) -> None:
        """Run for ever; in mode `off` there is nothing to do."""
        if self._section.mode == "off":
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self.hot.run(), name="hot set")
            group.create_task(self.link.run(), name="provider stream")

    def _hot_changed(self, symbols: Set[str]) -> None:
        self._hot = frozenset(symbols)
        self.link.want(self._topics())

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
            "link": {
                "mode": self._section.mode,
                "trades": self._section.trades,
                **(self.link.report() if self._section.mode != "off" else {"state": "off"}),
                "bars_per_second": round(self.bars.per_second(), 1),
                "newest_bar": newest or None,
                "newest_bar_age": max(0.0, round((self._market.market_time - newest) / 1000, 1)) if newest else None,
            },
        }
