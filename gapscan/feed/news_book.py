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
        self._known: set[str] = set()
        self._of: dict[str, _Symbol] = {}

    def __len__(self) -> int:
        """How many symbols have news."""
        return len(self._of)

    def add(self, stories: Iterable[Story], now: int) -> set[str]:
        """Take in what was published by `now` (epoch ms), each story once; the symbols that have more by it."""
        changed: set[str] = set()
        for story in sorted(stories, key=lambda story: story.time):
            if story.id in self._known or not self.begin <= story.time <= now or self.stories >= MOST_STORIES:
                continue
            self._known.add(story.id)
            self.stories, self.newest = self.stories + 1, max(self.newest, story.time)
            headline = headline_of(story)
            for symbol in set(story.symbols):
                self._add(symbol, headline)
                changed.add(symbol)
        return changed

    def _add(self, symbol: str, headline: Headline) -> None:
        held = self._of.setdefault(symbol, _Symbol())
        held.count += 1
        newest = sorted([headline, *held.newest], key=lambda one: one.time, reverse=True)
        held.newest = newest[:KEPT_HEADLINES]

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
