"""Invented headlines: of what gapped, in the evening before or the morning; and of others through the day."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np

from gapscan.market.sessions import MINUTE_MS, previous_trading_day, session_times
from gapscan.sim.source import NewsItem, Source

_COMPANIES: Final = ("CS", "ADRC")
_GAP: Final = 0.04  # from which on there is a reason for it
_QUIET: Final = 0.02  # share of the others that are told of
_GOOD: Final = ("raises its outlook for the year", "reports results above expectations", "wins a large order")
_BAD: Final = ("lowers its outlook for the year", "reports results below expectations", "delays its report")
_PLAIN: Final = ("names a new member of its board", "presents at a conference", "opens a second plant")


def invented_news(source: Source, date: dt.date, seed: int) -> list[NewsItem]:
    """The stories of trading day `date`, by time. Random numbers of their own: prices do not depend on them."""
    before, bars = source.day_before(date), source.bars(date)
    closes = source.bars(before) if before else None
    if bars is None or closes is None:
        return []
    rng = np.random.default_rng((seed, 50, date.toordinal()))
    gaps = np.divide(bars.open, closes.close, out=np.ones_like(bars.open), where=closes.close > 0) - 1
    times, last = session_times(date), session_times(previous_trading_day(date)).post
    found = []
    for place, (gap, dice) in enumerate(zip(gaps.tolist(), rng.random((len(gaps), 3)).tolist(), strict=True)):
        listing = source.listings[place]
        if listing.type not in _COMPANIES or not bars.traded[place]:
            continue
        if abs(gap) >= _GAP:
            begin, end, texts = last, times.regular - 5 * MINUTE_MS, _GOOD if gap > 0 else _BAD
        elif dice[0] < _QUIET:
            begin, end, texts = times.pre, times.closed, _PLAIN
        else:
            continue
        moment = int(begin + dice[1] * (end - begin)) // 1000 * 1000
        title = f"{listing.name} {texts[int(dice[2] * len(texts))]}"
        found.append(NewsItem(moment, f"{date:%Y%m%d}{place:06d}", title, (place,)))
    return sorted(found)
