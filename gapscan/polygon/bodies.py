"""What the provider's REST endpoints answer, as far as it is used: market status, listings, daily bars."""

from __future__ import annotations

import datetime as dt

from msgspec import Struct

from gapscan.market.sessions import session_at
from gapscan.protocol.messages import SessionName
from gapscan.protocol.values import Symbol


class ServerStatus(Struct):
    """The market status: server time and what is open."""

    serverTime: dt.datetime  # the provider's name
    market: str
    earlyHours: bool | None = False
    afterHours: bool | None = False

    @property
    def at(self) -> int:
        """Server time, epoch ms."""
        return int(self.serverTime.timestamp() * 1000)

    @property
    def session(self) -> SessionName:
        """The session that the provider says it is: it knows holidays and early closes."""
        if self.market == "closed":
            return "closed"
        if self.earlyHours:
            return "pre"
        if self.afterHours:
            return "post"
        return "regular" if self.market == "open" else session_at(self.at).value


class ListedTicker(Struct):
    """One listing."""

    ticker: Symbol
    name: str | None = None
    type: str | None = None
    primary_exchange: str | None = None
    active: bool | None = None
    delisted_utc: str | None = None

    @property
    def weight(self) -> tuple[bool, int]:
        """Of two listings of one ticker, the heavier one counts: active before gone, then by what it tells."""
        gone = self.active is False or bool(self.delisted_utc)
        return not gone, sum(bool(text) for text in (self.type, self.type, self.name, self.primary_exchange))


class DailyAggregate(Struct, gc=False):
    """One symbol's bar of one day: volume, number of trades, close, high, low."""

    T: Symbol
    v: float | None = 0.0
    n: float | None = 0.0
    c: float | None = None
    h: float | None = None
    l: float | None = None  # noqa: E741  # the provider's name
