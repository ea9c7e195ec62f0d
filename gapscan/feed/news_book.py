"""The headlines of one trading day by symbol: how many there are, and the newest of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from gapscan.market.sessions import previous_trading_day, session_times
from gapscan.protocol.headlines import KEPT_HEADLINES
from gapscan.protocol.messages import Headline, News
from gapscan.provider import Story

MOST_STORIES: Final = 20_000  # of a day; a busy one has two thousand
MOST_SYMBOLS: Final = 20_000  # that have news; a market has eleven thousand
_LONGEST_SYMBOL: Final = 32  # characters
_MOST_TEXT: Final = 300  # characters of a title, or of a publisher's name
_MOST_URL: Final = 1_000
_SCHEMES: Final = ("https://", "http://")


class _Symbol(Struct):
    count: int = 0
    newest: list[Headline] = field(default_factory=list)


class NewsBook:
    """News of trading day `date` begin with the close of the session before: what came in the evening moves the gap."""

    def __init__(self, date: dt.date) -> None:
        self.date = date
        self.begin = session_times(previous_trading_day(date)).post
        self.newest = self.begin  # the time of the newest story, epoch ms
        self.stories = 0
        self.left_out = 0  # stories, and symbols of stories, that are beyond what a day may have
        self._known: set[str] = set()
        self._of: dict[str, _Symbol] = {}

    def __len__(self) -> int:
        """How many symbols have news."""
        return len(self._of)

    def add(self, stories: Iterable[Story], now: int) -> set[str]:
        """Take in what was published by `now` (epoch ms), each story once; the symbols that have more by it."""
        changed: set[str] = set()
        for story in sorted(stories, key=lambda story: story.time):
            if story.id in self._known or not self.begin <= story.time <= now:
                continue
            if self.stories >= MOST_STORIES:
                self.left_out += 1
                continue
            self._known.add(story.id)
            self.stories, self.newest = self.stories + 1, max(self.newest, story.time)
            headline = headline_of(story)
            changed |= {symbol for symbol in set(story.symbols) if self._add(symbol, headline)}
        return changed

    def _add(self, symbol: str, headline: Headline) -> bool:
        """Whether there was room for it."""
        if symbol not in self._of and (len(self._of) >= MOST_SYMBOLS or len(symbol) > _LONGEST_SYMBOL):
            self.left_out += 1
            return False
        held = self._of.setdefault(symbol, _Symbol())
        held.count += 1
        newest = sorted([headline, *held.newest], key=lambda one: one.time, reverse=True)
        held.newest = newest[:KEPT_HEADLINES]
        return True

    def message(self, symbol: str) -> News:
        """What is known of a symbol that has news."""
        held = self._of[symbol]
        return News(symbol, self.date.isoformat(), held.count, held.newest)


def headline_of(story: Story) -> Headline:
    """What is passed on of a story: texts in one line and of bounded length, a link that is one to a page."""
    url = story.url if story.url and story.url.startswith(_SCHEMES) and len(story.url) <= _MOST_URL else None
    return Headline(story.time, _line(story.title), url, _line(story.publisher or "") or None)


def _line(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_MOST_TEXT]
