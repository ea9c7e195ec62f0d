"""Events that a symbol of the synthetic market has on the day it begins with, on demand: `scenarios` in [sim].

| scenario | what happens on the day |
|---|---|
| reverse_split | one new share for ten old ones |
| forward_split | four new shares for an old one |
| special_dividend | the share is traded without a dividend of a tenth of its price |
| spin_off | a part of the company is spun off; the provider writes it as a split of 1253 for 1000 |
| ipo | the first trade ever, at 10:45 |
| rename | the company has another symbol from today on; the list of all symbols still has the old one |
| overnight_halt | halted since the evening before, for news, the whole day |
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from gapscan.errors import ConfigError
from gapscan.market.sessions import MINUTE_MS, next_trading_day, previous_trading_day, session_times
from gapscan.sim.source import Dividend, HaltRecord, Listing, Split
from gapscan.sim.tape import Floats

IPO_MINUTE: Final = 75  # of the regular session
SPECIAL_DIVIDEND: Final = 0.1  # of the price
_VOLUME: Final = 3e6  # shares a day, at least: so much happens that lists have to show it
# The price (USD) that the symbol should have, more or less; its place in the table decides who chooses first.
_PRICES: Final = {
    "forward_split": 200.0,
    "spin_off": 80.0,
    "special_dividend": 40.0,
    "ipo": 20.0,
    "rename": 15.0,
    "overnight_halt": 10.0,
    "reverse_split": 1.0,
}
_RATIOS: Final = {"reverse_split": (10, 1), "forward_split": (1, 4), "spin_off": (1000, 1253)}  # from, to


class Scenes(NamedTuple):
    """Whose day it is, and what for: places of symbols by scenario."""

    date: dt.date
    places: Mapping[str, int]

    def place(self, scenario: str) -> int | None:
        """The symbol of a scenario; None without it."""
        return self.places.get(scenario)

    def splits(self, date: dt.date) -> list[Split]:
        """The splits of a day."""
        if date != self.date:
            return []
        return [Split(self.places[name], date, *ratio) for name, ratio in _RATIOS.items() if name in self.places]

    def dividends(self, date: dt.date, closes: Floats) -> list[Dividend]:
        """The dividends of a day, by the closes of the day before."""
        place = self.place("special_dividend")
        if date != self.date or place is None:
            return []
        return [Dividend(place, date, round(float(closes[place]) * SPECIAL_DIVIDEND, 2), "special")]

    def silent(self, date: dt.date) -> list[int]:
        """Symbols that do not trade on a day."""
        names = {"ipo"} if date < self.date else {"overnight_halt"} if date == self.date else set()
        return [self.places[name] for name in names if name in self.places]

    def long_halts(self, date: dt.date) -> list[HaltRecord]:
        """Halts that began the evening before, or before the first trade."""
        evening = session_times(previous_trading_day(self.date)).closed - MINUTE_MS
        resumed, today = next_trading_day(self.date), session_times(self.date)
        found = []
        if (place := self.place("overnight_halt")) is not None and date in (self.date, resumed):
            ends = session_times(resumed).pre if date == resumed else None
            found.append(HaltRecord(place, evening, "T1", ends))
        if (place := self.place("ipo")) is not None and date == self.date:
            found.append(HaltRecord(place, today.pre, "IPO1", today.regular + IPO_MINUTE * MINUTE_MS))
        return found

    def former(self, date: dt.date, listings: Sequence[Listing]) -> dict[int, str]:
        """Symbols that had another name on a day, and that."""
        place = self.place("rename")
        return {} if place is None or date >= self.date else {place: f"{listings[place].symbol[:4]}Q"}


def stage(names: Sequence[str], date: dt.date, listings: Sequence[Listing], price: Floats, volume: Floats) -> Scenes:
    """A symbol for each of the scenarios: a stock of about the price that suits. Its `volume` is raised.

    Raises ConfigError where there are too few stocks.
    """
    free = [place for place, listing in enumerate(listings) if _suits(listing)]
    if len(free) < len(names):
        raise ConfigError(f"{len(free)} stocks are too few for {len(names)} scenarios", remedy="give more symbols")
    places: dict[str, int] = {}
    for name in (name for name in _PRICES if name in names):
        offs = np.abs(np.log(price[free] / _PRICES[name]))
        places[name] = free.pop(int(offs.argmin()))
        volume[places[name]] = max(volume[places[name]], _VOLUME)
    return Scenes(date, places)


def _suits(listing: Listing) -> bool:
    return listing.type == "CS" and not listing.otc and "Test Stock" not in listing.name
