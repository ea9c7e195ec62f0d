"""What daily bars tell of symbols before a past day: what the feed makes of the same bars, in shares of the day."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pytest

from gapscan.backtesting.market_day import Reference, reference_of
from gapscan.feed.reference_frames import Baselines, reference_frames
from gapscan.flatfiles.day_bars import DayBars
from gapscan.market.columns import as_floats
from gapscan.provider import DailyBar, Listing

SYMBOLS = ["A", "AA", "B", "BCpC", "NA", "Z"]
SESSIONS = 20
NAMES = ("atr", "ssr_carried", "average_volume", "average_trades", "trades_deviation")


def random_session(dice: random.Random) -> list[DailyBar]:
    """Some symbols do not trade, some have no volume."""
    bars = []
    for symbol in SYMBOLS:
        low, close, high = sorted(round(dice.uniform(8.0, 12.0), 2) for _ in range(3))
        volume = dice.choice([0.0, 900.0, 5_000.0, 5_000.0])
        if dice.random() < 0.9:
            bars.append(DailyBar(symbol, volume, dice.choice([0.0, 40.0, 55.0]), close, high, low))
    return bars


def as_file(bars: list[DailyBar], ratio: float = 1.0) -> DayBars:
    """The bars as a file has them, before each share became `ratio`."""
    columns = {name: np.array([getattr(bar, name) for bar in bars]) for name in ("close", "high", "low")}
    return DayBars(
        [bar.symbol for bar in bars], np.arange(len(bars), dtype=np.int32), np.zeros(len(bars), np.int64),
        np.array([bar.volume for bar in bars]) / ratio,
        open=columns["close"], transactions=np.array([int(bar.trades) for bar in bars]),
        **{name: values * ratio for name, values in columns.items()},  # type: ignore[arg-type]
    )  # fmt: skip


def past(sessions: list[list[DailyBar]], split_before: int = 0) -> Reference:
    """Of the newest session first; each share became four after the first `split_before` of them, counted back."""
    ratios = [4.0 if age >= split_before > 0 else 1.0 for age in range(len(sessions))]
    files = [as_file(bars, ratio) for bars, ratio in zip(sessions, ratios, strict=True)]
    told = [dict.fromkeys(SYMBOLS, ratio) if ratio != 1.0 else {} for ratio in ratios]
    return reference_of(SYMBOLS, files, told, frozenset())


def live(sessions: list[list[DailyBar]]) -> dict[str, np.ndarray]:
    baselines = Baselines()
    for bars in sessions:
        baselines.add(bars)
    listings = [Listing(symbol, symbol, None, "CS", False) for symbol in SYMBOLS]
    (frame,) = reference_frames(listings, {}, baselines, dt.date(2024, 3, 8), complete=True)
    return {name: as_floats(getattr(frame, name)) for name in NAMES}


@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_the_feed_would_have_told(seed: int) -> None:
    dice = random.Random(seed)
    sessions = [random_session(dice) for _ in range(SESSIONS)]
    found, expected = past(sessions), live(sessions)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(found, name), expected[name], err_msg=name)
    assert np.isfinite(found.atr).any()
    assert set(found.ssr_carried.tolist()) <= {0.0, 1.0}


def test_days_before_a_split_are_in_shares_of_the_day() -> None:
    dice = random.Random(5)
    sessions = [random_session(dice) for _ in range(SESSIONS)]
    for name in NAMES:
        found, expected = getattr(past(sessions, split_before=1), name), getattr(past(sessions), name)
        np.testing.assert_allclose(found, expected, err_msg=name)


def test_few_sessions_have_no_range() -> None:
    dice = random.Random(6)
    assert np.isnan(past([random_session(dice) for _ in range(14)]).atr).all()
