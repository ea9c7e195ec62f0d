"""Merging scans into the universe: what is held does not depend on how, or in which order, they came."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.fields import DAY_FIELDS
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import session_times
from gapscan.market.universe import Universe
from gapscan.protocol.messages import UniverseFrame
from tests.support.market import DAY, plain, reference_frame, universe_frame

SYMBOLS = ["A", "B", "BCpC", "BCPC", "C"]
NEXT_DAY = dt.date(2024, 3, 11)

SEEN = ("price", "price_time", "from_bar", "prev_close", *DAY_FIELDS, "updated")

Stock = dict[str, Any]
seeds = st.integers(0, 2**63)


def observed(symbol: str, field: str, time: float | None) -> float | None:
    """What there was to see of `symbol` at `time`: the same to everybody who looks, and at times nothing."""
    value = random.Random(f"{symbol} {field} {time}").randint(-2, 9)
    return None if value < 0 else value / 2


def some_stock(dice: random.Random, symbol: str, start: int) -> Stock:
    traded, updated = (dice.choice([None, *(float(start + n) for n in range(6))]) for _ in range(2))
    stock = {name: observed(symbol, name, updated) for name in ("prev_close", *DAY_FIELDS)}
    return stock | {
        "symbol": symbol,
        "price": observed(symbol, "price", traded),
        "price_time": traded,
        "updated": updated,
    }


def some_frame(dice: random.Random, date: dt.date = DAY) -> UniverseFrame:
    start = session_times(date).regular
    symbols = dice.sample(SYMBOLS, dice.randint(0, len(SYMBOLS)))
    stocks = [some_stock(dice, symbol, start) for symbol in symbols]
    return universe_frame(stocks, start + dice.randint(0, 1000))


def merged(frames: list[UniverseFrame]) -> Universe:
    universe = Universe()
    for frame in frames:
        merge_scan(universe, frame)
    return universe


def held(universe: Universe, symbol: str) -> list[float]:
    """All that was observed of `symbol`; NaN where nothing was."""
    at = universe.index.get(symbol)
    return [float("nan") if at is None else float(universe.number(name)[at]) for name in SEEN]


def assert_same(one: Universe, other: Universe) -> None:
    assert (one.as_of, one.session, one.date) == (other.as_of, other.session, other.date)
    for symbol in SYMBOLS:
        np.testing.assert_array_equal(held(one, symbol), held(other, symbol), err_msg=symbol)


def newest(frames: list[UniverseFrame], symbol: str, field: str) -> float:
    """The latest value of a field in any of the frames, found by looking at all of them."""
    if field == "from_bar":  # frames are never bars
        return newest(frames, symbol, "price") * 0.0
    clock = "price_time" if field in ("price", "price_time") else "updated"
    seen = [
        (time if time is not None else -1.0, value)
        for frame in frames
        for name, time, value, price in zip(
            frame.symbols, plain(getattr(frame, clock)), plain(getattr(frame, field)), plain(frame.price), strict=True
        )
        if name == symbol and value is not None
        if clock == "updated" or (time is not None and price is not None)
    ]
    return max(seen)[1] if seen else float("nan")


@given(seeds, st.integers(1, 6))
def test_the_newest_value_of_each_field_is_held_in_any_order(seed: int, count: int) -> None:
    dice = random.Random(seed)
    frames = [some_frame(dice) for _ in range(count)]
    universe = merged(frames)
    for symbol in SYMBOLS:
        expected = [newest(frames, symbol, field) for field in SEEN]
        np.testing.assert_array_equal(held(universe, symbol), expected, err_msg=symbol)
    dice.shuffle(frames)
    assert_same(merged(frames), universe)
    assert_same(merged([*frames, *frames]), universe)


@given(seeds)
def test_a_frame_in_parts_is_the_frame(seed: int) -> None:
    dice = random.Random(seed)
    before, start = some_frame(dice), session_times(DAY).regular
    stocks = [some_stock(dice, symbol, start) for symbol in SYMBOLS]
    whole = universe_frame(stocks, start + 5)
    cut = dice.randint(0, len(stocks))
    parts = [
        universe_frame(part, start + 5, part=number, parts=2)
        for number, part in enumerate((stocks[:cut], stocks[cut:]), 1)
    ]
    dice.shuffle(parts)
    assert_same(merged([before, *parts]), merged([before, whole]))


@given(seeds, st.integers(0, 3), st.integers(1, 3))
def test_a_new_day_forgets_the_old_one(seed: int, old: int, new: int) -> None:
    """In whatever order the frames of the two days come."""
    dice = random.Random(seed)
    today = [some_frame(dice, NEXT_DAY) for _ in range(new)]
    yesterday = [some_frame(dice) for _ in range(old)]
    mixed = dice.sample([*today, *yesterday], old + new)
    assert_same(merged(mixed), merged(today))


@given(seeds, st.integers(1, 4))
def test_reference_data_of_a_later_day_wins(seed: int, count: int) -> None:
    dice = random.Random(seed)
    frames = [
        reference_frame(
            [{"symbol": s, "kind": f"{date}", "average_volume": None, "split": dice.random() < 0.5} for s in SYMBOLS],
            date,
        )
        for date in dice.sample([DAY, NEXT_DAY], 2) * count
    ]
    universe = Universe()
    taken = [merge_reference(universe, frame) for frame in frames]
    last = [frame for frame in frames if frame.date == str(NEXT_DAY)][-1]
    assert universe.text("type").words(universe.positions(SYMBOLS)) == [str(NEXT_DAY)] * len(SYMBOLS)
    assert universe.number("split_today").tolist() == [float(split) for split in last.split]
    assert np.isnan(universe.number("average_volume")).all()
    first_late = [frame.date for frame in frames].index(str(NEXT_DAY))
    assert taken == [at < first_late or frame.date == str(NEXT_DAY) for at, frame in enumerate(frames)]
