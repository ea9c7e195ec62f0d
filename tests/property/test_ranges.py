"""High and low of the day, and when they were passed, against all that was seen, kept in a list."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.scans import merge_scan
from gapscan.market.sessions import session_times
from gapscan.market.universe import Universe
from tests.support.market import stock, universe_frame

DAY = dt.date(2024, 3, 8)
TIMES = session_times(DAY)
OPENED = TIMES.regular
SYMBOLS = ["A", "B", "C"]
RANGES = [("high", 1), ("low", -1)]

seeds = st.integers(0, 2**32)
names = st.sampled_from(RANGES)


class Seen(NamedTuple):
    symbol: str
    time: int
    value: float


def begun() -> Universe:
    universe = Universe()
    merge_scan(universe, universe_frame([], TIMES.pre, "pre"))
    universe.positions(SYMBOLS)
    return universe


def some(dice: random.Random, count: int) -> list[Seen]:
    """Values around the open, in the order of their times, at most one of each symbol at a time."""
    seen = {
        (dice.choice(SYMBOLS), OPENED + 1000 * dice.randrange(-20, 20)): dice.randint(1, 30) / 2 for _ in range(count)
    }
    return sorted((Seen(symbol, time, value) for (symbol, time), value in seen.items()), key=lambda one: one.time)


def widen(universe: Universe, name: str, seen: list[Seen]) -> None:
    at = universe.positions([one.symbol for one in seen])
    values, times = np.array([one.value for one in seen]), np.array([float(one.time) for one in seen])
    universe.widen(name, at, values, times, OPENED)


def held(universe: Universe, field: str, symbol: str) -> float:
    return float(universe.number(field)[universe.index[symbol]])


def in_session(seen: list[Seen], symbol: str) -> list[Seen]:
    """What was seen in the regular session, or if nothing was, before it."""
    ours = [one for one in seen if one.symbol == symbol]
    return [one for one in ours if one.time >= OPENED] or ours


@given(seeds, names, st.integers(0, 12))
def test_the_range_is_that_of_the_session_in_any_order_and_any_batches(
    seed: int, of: tuple[str, int], count: int
) -> None:
    (name, sign), dice = of, random.Random(seed)
    seen = some(dice, count)
    for order in (seen, dice.sample(seen, len(seen)), seen + seen):
        universe, rest = begun(), list(order)
        while rest:
            size = dice.randint(1, len(rest))
            widen(universe, name, rest[:size])
            rest = rest[size:]
        for symbol in SYMBOLS:
            counts = [sign * one.value for one in in_session(seen, symbol)]
            np.testing.assert_equal(held(universe, name, symbol), sign * max(counts) if counts else math.nan)


@given(seeds, names, st.integers(0, 20))
def test_it_was_passed_when_it_was_last_exceeded(seed: int, of: tuple[str, int], count: int) -> None:
    """What comes in its time; neither the first value of a session nor an equal one passes anything."""
    (name, sign), dice = of, random.Random(seed)
    seen = some(dice, count)
    universe = begun()
    for moment in sorted({one.time for one in seen}):
        widen(universe, name, [one for one in seen if one.time == moment])
    for symbol in SYMBOLS:
        best, passed = -math.inf, math.nan
        for number, one in enumerate(in_session(seen, symbol)):
            if sign * one.value > best:
                best, passed = sign * one.value, float(one.time) if number else math.nan
        np.testing.assert_equal(held(universe, f"{name}_time", symbol), passed)


@given(seeds, names, st.integers(1, 12))
def test_the_newest_scan_corrects_the_range(seed: int, of: tuple[str, int], count: int) -> None:
    """Also where it takes back what a bar had told; an older scan takes nothing back."""
    (name, sign), dice = of, random.Random(seed)
    universe = begun()
    newest, best = -1, math.nan
    for _ in range(count):
        time, value = OPENED + 1000 * dice.randrange(1, 30), dice.randint(1, 30) / 2
        if dice.random() < 0.5:
            widen(universe, name, [Seen("A", time, value)])
            best = value if math.isnan(best) or sign * value > sign * best else best
            newest = max(newest, time)
        else:
            merge_scan(universe, universe_frame([stock("A", **{name: value}, updated=float(time))], time))
            if time >= newest:
                newest, best = time, value
            elif not time < scans_until(universe):
                best = max(best, value, key=lambda one: sign * one)
        assert held(universe, name, "A") == best


def scans_until(universe: Universe) -> float:
    """The time of the newest scan, 0 before the first."""
    return float(np.nan_to_num(universe.number("scanned")[universe.index["A"]]))
