"""What the market shows of one day so far: columns that prints are added to."""

from __future__ import annotations

import numpy as np

from gapscan.market.sessions import MINUTE_MS
from gapscan.sim.tape import Bars, Floats, Prints, to_bars


class DayState:
    """One place per symbol in every array. All zeros means: nothing printed yet.

    `open`, `high`, `low`, `close` and `regular_*` count regular prints only, the rest counts all prints.
    `changed` marks symbols that printed since somebody last cleared it.
    """

    def __init__(self, count: int) -> None:
        self.open, self.high, self.low, self.close = np.zeros((4, count))
        self.regular_volume, self.regular_turnover = np.zeros((2, count))
        self.volume, self.turnover = np.zeros((2, count))
        self.last_price, self.last_size = np.zeros((2, count))
        self.minute_open, self.minute_high, self.minute_low, self.minute_close = np.zeros((4, count))
        self.minute_volume, self.minute_turnover = np.zeros((2, count))
        self.last_time, self.minute_start, self.minute_trades = np.zeros((3, count), np.int64)
        self.prints, self.trades = np.zeros((2, count), np.int64)
        self.changed = np.ones(count, bool)

    def add(self, prints: Prints, *, regular: bool) -> None:
        """Add prints of one minute (or part of it), none earlier than those added before."""
        if not len(prints.time):
            return
        bars = to_bars(prints)
        who = bars.symbol
        self._add_latest(bars, int(prints.time[0]) // MINUTE_MS * MINUTE_MS)
        self.volume[who] += bars.volume
        self.turnover[who] += bars.turnover
        self.trades[who] += bars.trades
        if regular:
            self._add_to_day(bars)

    def add_of_night(self, prints: Prints) -> None:
        """Add prints of the night after the day: the last trade and minute are theirs, the day stands as it is."""
        if len(prints.time):
            self._add_latest(to_bars(prints), int(prints.time[0]) // MINUTE_MS * MINUTE_MS)

    def _add_latest(self, bars: Bars, minute: int) -> None:
        who = bars.symbol
        self._add_to_minute(bars, minute)
        self.prints[who] += bars.prints
        self.last_price[who], self.last_size[who], self.last_time[who] = bars.close, bars.last_size, bars.last_time
        self.changed[who] = True

    def set_closes(self, closes: Floats) -> None:
        """The closing auction has printed, of those whose close is not NaN: the session has its official closes."""
        who = np.flatnonzero(~np.isnan(closes))
        price = closes[who]
        unopened = self.open[who] == 0
        self.open[who[unopened]] = self.low[who[unopened]] = price[unopened]
        self.high[who], self.low[who] = np.maximum(self.high[who], price), np.minimum(self.low[who], price)
        self.close[who] = price
        self.changed[who] = True

    def _add_to_minute(self, bars: Bars, start: int) -> None:
        fresh = self.minute_start[bars.symbol] != start
        new, old = bars.symbol[fresh], bars.symbol[~fresh]
        self.minute_start[new] = start
        self.minute_open[new] = bars.open[fresh]
        self.minute_high[new], self.minute_low[new] = bars.high[fresh], bars.low[fresh]
        self.minute_volume[new], self.minute_turnover[new] = bars.volume[fresh], bars.turnover[fresh]
        self.minute_trades[new] = bars.trades[fresh]
        self.minute_high[old] = np.maximum(self.minute_high[old], bars.high[~fresh])
        self.minute_low[old] = np.minimum(self.minute_low[old], bars.low[~fresh])
        self.minute_volume[old] += bars.volume[~fresh]
        self.minute_turnover[old] += bars.turnover[~fresh]
        self.minute_trades[old] += bars.trades[~fresh]
        self.minute_close[bars.symbol] = bars.close

    def _add_to_day(self, bars: Bars) -> None:
        who = bars.symbol
        first = self.open[who] == 0
        self.open[who[first]] = bars.open[first]
        self.low[who[first]] = bars.low[first]
        self.high[who] = np.maximum(self.high[who], bars.high)
        self.low[who] = np.minimum(self.low[who], bars.low)
        self.close[who] = bars.close
        self.regular_volume[who] += bars.volume
        self.regular_turnover[who] += bars.turnover
