"""The headlines that the feed wrote, by symbol: those of the universe's trading day are in its columns."""

from __future__ import annotations

from gapscan.market.scans import merge_news
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Headline, News


class HeadlineBook:
    """Holds one message a symbol. One that comes before its day's first scan, or before its symbol, waits for that."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._of: dict[str, News] = {}
        self._waiting: set[str] = set()

    def observe(self, news: News) -> bool:
        """Hold what is said; whether that changed a row."""
        held = self._of.get(news.symbol)
        if news.date < self._today or (held is not None and (news.date, news.count) < (held.date, held.count)):
            return False
        self._of[news.symbol] = news
        self._waiting.add(news.symbol)
        return self.merge_waiting()

    @property
    def _today(self) -> str:
        return self._universe.date.isoformat() if self._universe.date else ""

    def merge_waiting(self) -> bool:
        """Bring into the universe what was not: after a scan, there may be a new day, and symbols that are new."""
        if not self._waiting:
            return False
        merged = {symbol for symbol in self._waiting if merge_news(self._universe, self._of[symbol])}
        self._waiting -= merged
        return bool(merged)

    def forget_past(self) -> None:
        """Drop what is of days before the universe's."""
        today = self._today
        self._of = {symbol: news for symbol, news in self._of.items() if news.date >= today}
        self._waiting &= self._of.keys()

    def of(self, symbol: str) -> list[Headline]:
        """The newest headlines of a symbol, the newest first."""
        news = self._of.get(symbol)
        return list(news.headlines) if news is not None and news.date == self._today else []
