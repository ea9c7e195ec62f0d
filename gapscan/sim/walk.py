"""The path of prices through one session: prints, minute by minute, that pass exactly through given knots.

A knot is a minute and a price. Between knots the logarithm of the price is a Brownian bridge with the
session's variance curve, kept within the session's low and high. Sizes follow the volume curve and add up
exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gapscan.market.sessions import MINUTE_MS
from gapscan.sim.tape import Bools, Floats, Ints, Prints, evenly, in_time_order

NEVER = -1
_NOISE = 0.3  # of a minute's deviation: the spread of prints around the path
_HURRY = 0.35  # at least this share of the volume that is due prints in the next minute that has prints


class Burst(NamedTuple):
    """Minutes [start, end) in which a symbol has `factor` times as many trades as its volume suggests."""

    start: Ints  # NEVER for none
    end: Ints
    factor: Floats


class SessionPlan(NamedTuple):
    """What a session must pass through. Arrays hold one place per symbol unless a shape is given.

    `minutes` of the session count from 0. The last knot takes all volume and all trades that are left if it is
    printed.
    A symbol with first > last does not print at all.
    """

    start: Floats  # price at the beginning
    knot_minute: Ints  # (knots, symbols), ascending along the first axis
    knot_price: Floats  # (knots, symbols)
    knot_size: Floats  # (knots, symbols), reserved for the knot's print
    printed: Bools  # (knots, symbols)
    low: Floats
    high: Floats
    deviation: Floats  # of the log price in an average minute
    variance: Floats  # (minutes,), relative, mean 1
    rate: Floats  # prints in an average minute
    activity: Floats  # (minutes,), relative, mean 1
    first: Ints  # first minute with prints
    first_ms: Ints  # nothing prints earlier in it
    last: Ints  # last minute with prints
    last_ms: Ints  # nothing prints later in it
    volume: Floats
    flow: Floats  # (minutes,), shares of the volume outside the knots, sum 1
    trades: Ints  # that the prints stand for: one each for the knots, the others as the volume goes
    whole: Bools  # sizes are whole shares
    halt_from: Ints  # NEVER, or no prints in minutes [halt_from, halt_to)
    halt_to: Ints
    burst: Burst | None = None

    @property
    def minutes(self) -> int:
        return len(self.variance)


class SessionWalk:
    """Draws the prints of a plan. Give it the same seed and it draws the same ones."""

    def __init__(self, plan: SessionPlan, seed: tuple[int, ...]) -> None:
        self.plan = plan
        self.seed = seed
        self.log_price = np.log(plan.start)
        self._knot_log = np.log(plan.knot_price)
        self._low, self._high = np.log(plan.low), np.log(plan.high)
        self._time_left = np.append(np.cumsum(plan.variance[::-1])[::-1], 0.0)
        self._flow = np.cumsum(plan.flow)
        self._floating = np.maximum(plan.volume - np.where(plan.printed, plan.knot_size, 0).sum(axis=0), 0)
        self._flowed = np.zeros(len(plan.start))
        self.done = np.zeros(len(plan.start))
        self.trades_done = np.zeros(len(plan.start), np.int64)
        self._reserved = plan.printed.sum(axis=0)  # trades of the knots to come

    def minute(self, number: int, start_ms: int) -> Prints:
        """The prints of minute `number`, which begins at `start_ms`. Minutes must be asked for in order."""
        rng = np.random.default_rng((*self.seed, number))
        before = self.log_price
        self.log_price = self._next_log_price(number, rng)
        owner, counts, budget = self._owners(number, rng)
        parts = [self._flowing(number, owner, counts, budget, before, rng)]
        parts += [self._knot(number, knot, rng) for knot in range(len(self.plan.knot_minute))]
        time, symbol, price, size, trades = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return in_time_order(start_ms + time, symbol, price, size, trades)

    def _next_log_price(self, number: int, rng: np.random.Generator) -> Floats:
        """One step of the bridge toward the next knot; exactly on the knot at the end of its minute."""
        plan = self.plan
        place = (plan.knot_minute < number).sum(axis=0)
        target = np.minimum(place, len(plan.knot_minute) - 1)
        columns = np.arange(len(plan.start))
        aim, due = self._knot_log[target, columns], plan.knot_minute[target, columns]
        left = self._time_left[number] - self._time_left[np.minimum(due, plan.minutes - 1) + 1]
        step = np.minimum(plan.variance[number], left)
        share = np.divide(step, left, out=np.ones_like(left), where=left > 0)
        scale = plan.deviation * np.exp(0.45 * rng.standard_normal(len(columns)) - 0.1)
        noise = scale * np.sqrt(step * (1 - share)) * rng.standard_normal(len(columns))
        log_price = self._within(self.log_price + (aim - self.log_price) * share + noise)
        reached = (plan.knot_minute <= number).sum(axis=0) - 1
        here = (reached >= 0) & (plan.knot_minute[np.maximum(reached, 0), columns] == number)
        log_price[here] = self._knot_log[reached[here], columns[here]]
        waiting = number < plan.first
        log_price[waiting] = self.log_price[waiting]
        return log_price

    def _within(self, log_price: Floats) -> Floats:
        folded = self._high - np.abs(self._high - log_price)
        folded = self._low + np.abs(folded - self._low)
        return np.asarray(np.clip(folded, self._low, self._high))

    def _owners(self, number: int, rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
        """Which symbols print how often, and the shares that these prints make up together."""
        plan = self.plan
        halted = (plan.halt_from <= number) & (number < plan.halt_to)
        free = (plan.first <= number) & (number <= plan.last) & ~halted
        counts = rng.poisson(plan.rate * plan.activity[number])
        counts = np.where(plan.halt_to == number, np.maximum(counts, 1), counts)
        due = self._floating * self._flow[number] - self._flowed
        budget = np.floor(due * rng.uniform(_HURRY, 1, len(due)))
        counts = np.where(free & (budget >= 1), np.minimum(counts, budget), 0).astype(np.int64)
        return np.repeat(np.arange(len(counts)), counts), counts, budget

    def _flowing(
        self, number: int, owner: Ints, counts: Ints, budget: Floats, before: Floats, rng: np.random.Generator
    ) -> tuple[Ints, Ints, Floats, Floats, Ints]:
        time = self._times(number, owner, counts, rng)
        share = time / MINUTE_MS
        spread = _NOISE * self.plan.deviation[owner] * np.sqrt(self.plan.variance[number])
        path = before[owner] * (1 - share) + self.log_price[owner] * share
        price = self._prices(path + spread * rng.standard_normal(len(owner)), owner)
        size = self._sizes(owner, counts, budget, rng)
        spent: Floats = np.bincount(owner, size, len(counts)).astype(float)
        trades = self._flowing_trades(number, counts, spent)
        self._flowed += spent
        self.done += spent
        self.trades_done += trades
        return time, owner, price, size, evenly(trades, counts)

    def _flowing_trades(self, number: int, counts: Ints, spent: Floats) -> Ints:
        """Of the trades that are left, the share that the volume of this minute is of the volume that is left.

        At least one a print and at most one a share, as long as there are any.
        """
        left = np.maximum(self.plan.trades - self.trades_done - self._reserved, 0)
        volume_left = self._floating - self._flowed
        share = np.divide(spent, volume_left, out=np.zeros_like(spent), where=volume_left > 0)
        wanted = np.rint(left * share * self._haste(number))
        wanted = np.clip(wanted, counts, np.maximum(counts, np.floor(spent)))
        return np.asarray(np.minimum(wanted, left), np.int64)

    def _haste(self, number: int) -> Floats | float:
        burst = self.plan.burst
        if burst is None:
            return 1.0
        return np.where((burst.start <= number) & (number < burst.end), burst.factor, 1.0)

    def _times(self, number: int, owner: Ints, counts: Ints, rng: np.random.Generator) -> Ints:
        """Milliseconds within the minute, after the opening print and before the closing one."""
        plan = self.plan
        earliest = np.where(plan.first == number, plan.first_ms + 1, 0)
        latest = np.where(plan.last == number, plan.last_ms, MINUTE_MS)
        time = earliest[owner] + (rng.random(len(owner)) * (latest - earliest)[owner]).astype(np.int64)
        reopening = np.flatnonzero((plan.halt_to == number) & (counts > 0))
        time[(np.cumsum(counts) - counts)[reopening]] = 0
        return np.asarray(time)

    def _prices(self, log_price: Floats, owner: Ints) -> Floats:
        price = np.exp(log_price)
        price = np.where(price >= 1, np.round(price, 2), np.round(price, 4))
        return np.asarray(np.clip(price, self.plan.low[owner], self.plan.high[owner]))

    def _sizes(self, owner: Ints, counts: Ints, budget: Floats, rng: np.random.Generator) -> Floats:
        """At least one share each; together at most the budget."""
        weight = rng.exponential(size=len(owner)) + 0.05
        total = np.bincount(owner, weight, len(counts))
        extra = weight / total[owner] * (budget - counts)[owner]
        size = np.where(self.plan.whole[owner], np.floor(extra), np.floor(extra * 100) / 100)
        return np.asarray(1 + size)

    def _knot(self, number: int, knot: int, rng: np.random.Generator) -> tuple[Ints, Ints, Floats, Floats, Ints]:
        plan = self.plan
        symbol = np.flatnonzero((plan.knot_minute[knot] == number) & plan.printed[knot])
        size = plan.knot_size[knot, symbol]
        left = np.maximum(plan.trades[symbol] - self.trades_done[symbol], 0)
        trades = np.minimum(left, 1)
        if knot == len(plan.knot_minute) - 1:
            size, trades = plan.volume[symbol] - self.done[symbol], left
        self.done[symbol] += size
        self.trades_done[symbol] += trades
        self._reserved[symbol] -= 1
        time = self._knot_times(number, knot, symbol, rng)
        return time, symbol, plan.knot_price[knot, symbol], size, trades

    def _knot_times(self, number: int, knot: int, symbol: Ints, rng: np.random.Generator) -> Ints:
        plan = self.plan
        earliest = np.where(plan.first[symbol] == number, plan.first_ms[symbol], 0)
        latest = np.where(plan.last[symbol] == number, plan.last_ms[symbol], MINUTE_MS - 1)
        if knot == 0 and len(plan.knot_minute) > 1:
            return np.asarray(earliest)
        if knot == len(plan.knot_minute) - 1:
            return np.asarray(latest)
        span = np.maximum(latest - earliest - 1, 1)
        return np.asarray(earliest + 1 + (rng.random(len(symbol)) * span).astype(np.int64))
