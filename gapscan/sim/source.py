"""What a market needs from a source of prints, and the records it speaks in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from gapscan.sim.tape import Bools, Floats, Ints, Prints

MINUTES = 960  # 04:00 to 20:00 New York
REGULAR_MINUTE = 330  # 09:30, counted from 04:00
POST_MINUTE = 720  # 16:00


class Listing(NamedTuple):
    """What the reference endpoints tell about a symbol. Shares outstanding and free to trade: 0 where unknown."""

    symbol: str
    name: str
    type: str = "CS"
    exchange: str = "XNAS"
    cik: str = ""
    shares: int = 0
    otc: bool = False
    free_float: int = 0
    sic_code: str = ""
    sic_description: str = ""


class DailyBars(NamedTuple):
    """One day as quoted on it, one place per symbol of the source; all zeros where a symbol did not trade."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    vwap: Floats
    transactions: Ints

    @classmethod
    def from_rows(cls, rows: Floats) -> DailyBars:
        """From an array of shape (7, symbols), the fields in their order."""
        opened, high, low, close, volume, vwap, transactions = rows
        return cls(opened, high, low, close, volume, vwap, transactions.astype(np.int64))

    @property
    def traded(self) -> Bools:
        return self.volume > 0

    def adjusted(self, ratio: Floats) -> DailyBars:
        """Prices divided and volumes multiplied by `ratio`, one per symbol: 2.0 for a two for one split."""
        return DailyBars(
            open=np.round(self.open / ratio, 4),
            high=np.round(self.high / ratio, 4),
            low=np.round(self.low / ratio, 4),
            close=np.round(self.close / ratio, 4),
            volume=self.volume * ratio,
            vwap=np.round(self.vwap / ratio, 4),
            transactions=self.transactions,
        )


class Split(NamedTuple):
    """`split_to` new shares for `split_from` old ones, effective at the start of `date`."""

    symbol: int
    date: dt.date
    split_from: float
    split_to: float

    @property
    def ratio(self) -> float:
        return self.split_to / self.split_from


class Dividend(NamedTuple):
    """`amount` USD a share to those who held it before `date`; `kind` as the provider names it."""

    symbol: int
    date: dt.date
    amount: float
    kind: str = "recurring"


class Halt(NamedTuple):
    """A symbol index, and the minutes since 04:00 between which it does not trade: [start, end)."""

    symbol: int
    start: int
    end: int
    reason: str = "LUDP"
    streamed: bool = True  # whether the provider's stream tells it


class HaltRecord(NamedTuple):
    """A halt as the exchanges' list has it: moments in epoch ms, the code of the reason; no end while there is none."""

    symbol: int
    at: int
    reason: str
    resumes_at: int | None = None


class NewsItem(NamedTuple):
    """A story, published at `time` (epoch ms), and the indices of the symbols that it is of."""

    time: int
    id: str
    title: str
    symbols: tuple[int, ...]


class DayTape(Protocol):
    """The prints of one day, to be taken minute by minute, in order."""

    @property
    def halts(self) -> Sequence[Halt]: ...

    @property
    def closes(self) -> Floats | None:
        """The closes of the regular session where they are not its last prints, NaN for unknown; None: they are."""
        ...

    def minute(self, number: int) -> Prints:
        """The prints of minute `number` (0 is 04:00). Call with 0, 1, 2 ...; each minute once."""
        ...


class NightTape(Protocol):
    """The prints of one night, to be taken minute by minute, in order."""

    def minute(self, number: int) -> Prints:
        """The prints of minute `number`, 0 being the night's first. Each minute once."""
        ...


class Source(Protocol):
    """Where a market's prints come from."""

    @property
    def label(self) -> str: ...

    @property
    def listings(self) -> Sequence[Listing]: ...

    @property
    def start_date(self) -> dt.date:
        """The day a market on this source begins with, unless told otherwise."""
        ...

    def day_at(self, date: dt.date) -> dt.date | None:
        """The latest day with data on or before `date`, None when there is none."""
        ...

    def day_before(self, date: dt.date) -> dt.date | None:
        """The trading day before `date`, whose closes are the previous ones; None when it has no data."""
        ...

    def bars(self, date: dt.date) -> DailyBars | None:
        """The full bars of `date`, None when it has no data."""
        ...

    def splits(self, first: dt.date, last: dt.date) -> list[Split]:
        """Splits with first <= date <= last, by date."""
        ...

    def dividends(self, first: dt.date, last: dt.date) -> list[Dividend]:
        """Dividends with first <= date <= last, by date."""
        ...

    def former(self, date: dt.date) -> Mapping[int, str]:
        """Symbols that had another name on `date`, and that: who asks for the new one does not find what was then."""
        ...

    def long_halts(self, date: dt.date) -> list[HaltRecord]:
        """Halts of `date` that are in no tape: those that began the day before, or before anything traded."""
        ...

    def news(self, date: dt.date) -> list[NewsItem]:
        """The stories of trading day `date`, those of the evening before included, by time."""
        ...

    def open_day(self, date: dt.date) -> DayTape:
        """A fresh tape of `date`. Raises DataError when the day has no data."""
        ...

    def open_night(self, date: dt.date) -> NightTape | None:
        """A fresh tape of the night before `date`; None where nothing trades in it."""
        ...


def split_ratio(source: Source, after: dt.date, until: dt.date) -> Floats:
    """The product of each symbol's split ratios with after < date <= until."""
    ratio = np.ones(len(source.listings))
    for split in source.splits(after + dt.timedelta(days=1), until):
        ratio[split.symbol] *= split.ratio
    return ratio
