"""Symbols that trade and are in no listing of the day: new ones, renamed ones, and those that never will be."""

from __future__ import annotations

from collections.abc import Set

from msgspec import Struct


class NewSymbolOptions(Struct, frozen=True):
    """At most `most` symbols are asked about in a round, and a round begins `pause` seconds after the one before at the
    earliest. Who is unknown to the provider is asked about again after `rest` seconds."""

    most: int = 10
    pause: float = 20.0
    rest: float = 3600.0


class NewSymbols:
    """Says whom to ask about, in rounds: those that were seen last come first, so that one that is new does not wait
    behind hundreds that are in no listing. Times are of one clock, in seconds."""

    def __init__(self, options: NewSymbolOptions | None = None) -> None:
        self.options = options or NewSymbolOptions()
        self._first_seen: dict[str, float] = {}
        self._resting: dict[str, float] = {}  # until when
        self._next_round = 0.0

    @property
    def waiting(self) -> int:
        """How many are to be asked about, now or later."""
        return len(self._first_seen)

    def observe(self, unlisted: Set[str], now: float) -> None:
        """Say who is in the market and in no listing, as of now: all of them."""
        self._first_seen = {symbol: self._first_seen.get(symbol, now) for symbol in unlisted}
        self._resting = {symbol: until for symbol, until in self._resting.items() if symbol in unlisted and until > now}

    def due(self, now: float) -> list[str]:
        """Who is to be asked about now: the next round, or nobody while it is not time for one."""
        if now < self._next_round:
            return []
        awake = [symbol for symbol in self._first_seen if symbol not in self._resting]
        found = sorted(awake, key=lambda symbol: (-self._first_seen[symbol], symbol))[: self.options.most]
        if found:
            self._next_round = now + self.options.pause
        return found

    def rest(self, symbol: str, now: float) -> None:
        """The provider does not know this one."""
        self._resting[symbol] = now + self.options.rest
