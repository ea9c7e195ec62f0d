"""What is computed from the universe's columns, for all symbols at once. Formulas are in the docstrings.

Percent are true percent (5.0 = 5 %). NaN in gives NaN out: a missing value never becomes a number.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.curve import share_traded
from gapscan.market.sessions import Session, new_york, session_times
from gapscan.market.universe import Floats, Universe

# Below this many shares expected by now, relative volume says nothing.
RVOL_FLOOR: Final = 1_000.0

# Seconds without a trade after which a row is marked stale, and after which it leaves its lists.
STALE_AFTER: Final = {Session.PRE: 600.0, Session.REGULAR: 120.0, Session.POST: 600.0}
GONE_AFTER: Final = {Session.PRE: 3600.0, Session.REGULAR: 900.0, Session.POST: 3600.0}


def compute(universe: Universe) -> None:
    """Bring all computed columns up to the universe's market time."""
    with np.errstate(divide="ignore", invalid="ignore"):
        _moves(universe)
        _volumes(universe)
    _ages(universe)


def _percent(now: Floats, before: Floats, out: Floats) -> None:
    """(now - before) / before * 100, written to `out`."""
    np.subtract(now, before, out=out)
    out /= before
    out *= 100.0


def _positive(values: Floats) -> Floats:
    """The values above zero; the others are missing, since nothing can be a percentage of them."""
    return np.where(values > 0, values, np.nan)


def _moves(universe: Universe) -> None:
    """Change, gap, change from open, distance from the high.

    The gap is taken from the official open once that has printed, and is indicative (from the last price)
    before. On the day of a split, prev_close is of another share: gap and change are withheld.
    """
    number = universe.number
    price, opened, indicative = number("price"), number("open"), number("gap_indicative")
    prev_close = np.where(number("split_today") == 1.0, np.nan, _positive(number("prev_close")))
    indicative[:] = np.isnan(opened)
    _percent(price, prev_close, number("change_percent"))
    _percent(np.where(indicative, price, opened), prev_close, number("gap_percent"))
    _percent(price, _positive(opened), number("change_from_open_percent"))
    _percent(price, _positive(number("high")), number("from_high_percent"))


def _volumes(universe: Universe) -> None:
    """Dollar volume (volume times vwap, or times the price before there is a vwap) and relative volume.

    Relative volume is volume now / (mean daily volume * the share of a day that has traded by now), missing
    where the expected volume is under RVOL_FLOOR shares.
    """
    number = universe.number
    volume, vwap = number("volume"), number("vwap")
    np.multiply(volume, np.where(np.isnan(vwap), number("price"), vwap), out=number("dollar_volume"))
    expected = number("average_volume") * share_traded(universe.as_of)
    np.divide(volume, np.where(expected >= RVOL_FLOOR, expected, np.nan), out=number("rvol"))


def _ages(universe: Universe) -> None:
    """Mark symbols that have not traded for long, counted from the session's start at the earliest."""
    limit = STALE_AFTER.get(universe.session)
    if limit is None:
        universe.number("stale")[:] = 0.0
        universe.number("gone")[:] = 0.0
        return
    start = session_start(universe.as_of, universe.session)
    age = (universe.as_of - np.fmax(universe.number("price_time"), start)) / 1000.0
    universe.number("stale")[:] = age > limit
    universe.number("gone")[:] = age > GONE_AFTER[universe.session]


def session_start(ms: int, session: Session) -> int:
    """When `session` of the day of `ms` began, epoch ms."""
    return int(getattr(session_times(new_york(ms).date()), session.value))


def coverage(universe: Universe) -> tuple[int, int]:
    """How many of the symbols in the reference data have a price today, and how many there are."""
    expected = universe.text("type").known() & (universe.number("test_symbol") == 0.0)
    fresh = expected & ~np.isnan(universe.number("price"))
    return int(fresh.sum()), int(expected.sum())
