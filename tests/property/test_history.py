"""The history of a field against all observations kept in a list.

A value then is the newest one before then, if something that was observed says that it still was.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.history import REACH_MS, STEP_MS, TRADED_WITHIN_MS, History

BEGIN = 1_709_908_200_000 // STEP_MS * STEP_MS
SYMBOLS = 4

seeds = st.integers(0, 2**32)


class Seen(NamedTuple):
    """An observation: when it was, its place among all that were told, from which step on it counts, and its value."""

    time: float
    number: int
    step: int
    value: float


class Model:
    """What was told of every symbol, in whole."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.seen: list[list[Seen]] = []
        self.until: dict[tuple[int, float], float] = {}  # by symbol and the time of a value
        self._told = 0

    def observe(self, symbol: int, value: float, time: float, until: float) -> None:
        """What claims to be of later than the present step counts from the present one on."""
        self._told += 1
        if not math.isnan(value) and not math.isnan(time) and not math.isinf(time):
            step = min(int(time // STEP_MS), self.now // STEP_MS)
            if (held := self.newest(symbol, step)) and (held.time, held.value) == (time, value):
                return
            self.seen[symbol].append(Seen(time, self._told, step, value))
            self.until[symbol, time] = max(until, self.until.get((symbol, time), until))

    def confirm(self, symbol: int, time: float, until: float) -> None:
        """Of an older value than the newest, it says nothing."""
        held = self.newest(symbol, self.now // STEP_MS)
        if held and held.time - TRADED_WITHIN_MS <= time <= held.time:
            self.until[symbol, held.time] = max(until, self.until[symbol, held.time])

    def newest(self, symbol: int, step: int) -> Seen | None:
        """As it stood at the end of the step."""
        return max((seen for seen in self.seen[symbol] if seen.step <= step), default=None)

    def at(self, symbol: int, moment: int) -> float:
        found = self.newest(symbol, moment // STEP_MS - 1)
        return found.value if found and self.until[symbol, found.time] >= moment else math.nan


def observe(dice: random.Random, history: History, model: Model) -> None:
    """A few symbols at once: of now, late, very late, of the future, with a time of before, or nothing at all."""
    symbols = sorted(dice.sample(range(len(model.seen)), dice.randint(0, len(model.seen))))
    values, times = [], []
    for symbol in symbols:
        ago = dice.choice([0, 0, dice.randint(0, 20_000), dice.randint(0, 900_000), -dice.randint(0, 20_000)])
        known = [seen.time for seen in model.seen[symbol]]
        times.append(dice.choice([*known[-2:], *[float(model.now - ago)] * 4, math.nan, -math.inf]))
        values.append(dice.choice([math.nan, *(float(n) for n in range(1, 9))]))
    until = [time + dice.choice([0, 15_000, 35_000]) for time in times]
    for symbol, *told in zip(symbols, values, times, until, strict=True):
        model.observe(symbol, *told)
    history.observe(np.array(symbols, np.intp), *(np.array(column, np.float64) for column in (values, times, until)))


def confirm(dice: random.Random, history: History, model: Model) -> None:
    """Of now or of late: what is held, something older, or nothing."""
    symbols = sorted(dice.sample(range(len(model.seen)), dice.randint(0, len(model.seen))))
    seen = model.now - dice.choice([0, 0, dice.randint(0, 20_000)])
    times = []
    for symbol in symbols:
        known = [one.time - dice.choice([0, 0, 700, 1_700]) for one in model.seen[symbol]]
        times.append(dice.choice([*known[-2:], float(seen), math.nan]))
        model.confirm(symbol, times[-1], seen + 35_000)
    history.confirm(np.array(symbols, np.intp), np.array(times, np.float64), seen, seen + 35_000)


def roll(dice: random.Random, history: History, model: Model) -> None:
    """Time passes, or what is told was already so; at times more passes than the history reaches back."""
    moment = model.now + dice.choice([-60_000, 0, 999, 1_000, STEP_MS, 7_000, 60_000, REACH_MS, 4_000_000])
    history.roll(moment)
    model.now = max(model.now, moment)


def grow(dice: random.Random, history: History, model: Model) -> None:
    model.seen += [[] for _ in range(dice.randint(1, SYMBOLS))]
    history.grow(len(model.seen))


def clear(dice: random.Random, history: History, model: Model) -> None:
    model.seen = [[] for _ in model.seen]
    model.until.clear()
    history.clear()


def check(history: History, model: Model) -> None:
    """At the end of every step within reach; what is further off is not known, rather than wrong."""
    now, everyone = model.now // STEP_MS, np.arange(len(model.seen))
    for step in (*range(now - REACH_MS // STEP_MS - 3, now + 1), now + 2):
        found = history.at(np.full(len(everyone), float(step * STEP_MS)), everyone).tolist()
        expected = [model.at(symbol, step * STEP_MS) for symbol in range(len(model.seen))]
        if now - REACH_MS // STEP_MS <= step <= now:
            np.testing.assert_array_equal(found, expected)
        else:
            assert all(math.isnan(value) or value == right for value, right in zip(found, expected, strict=True))


@given(seeds, st.integers(1, 25))
def test_the_history_is_that_of_all_observations(seed: int, steps: int) -> None:
    dice = random.Random(seed)
    history, model = History(), Model()
    history.roll(BEGIN)
    grow(dice, history, model)
    actions = [observe] * 8 + [roll] * 6 + [confirm] * 4 + [grow, clear]
    for _ in range(steps):
        dice.choice(actions)(dice, history, model)
    check(history, model)


@given(seeds, st.integers(1, 40))
def test_the_order_in_which_they_come_does_not_matter(seed: int, count: int) -> None:
    dice = random.Random(seed)
    now = BEGIN + REACH_MS
    told = {now - dice.randrange(REACH_MS): dice.randint(1, 99) / 4 for _ in range(count)}
    histories = []
    for _ in range(2):
        history = History()
        history.grow(1)
        history.roll(now)
        for time in dice.sample(sorted(told), len(told)):
            history.observe(np.zeros(1, np.intp), np.array([told[time]]), np.array([float(time)]), np.array([np.inf]))
        histories.append(history)
    moments = np.arange(now - REACH_MS, now + 1, STEP_MS, dtype=np.float64)
    found = [history.at(moments, np.zeros(len(moments), np.intp)) for history in histories]
    np.testing.assert_array_equal(found[0], found[1])
    for moment, value in zip(moments.tolist(), found[0].tolist(), strict=True):
        before = [time for time in told if time < moment]
        assert value == told[max(before)] if before else math.isnan(value)
