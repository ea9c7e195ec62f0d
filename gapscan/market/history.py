"""What a value was a few minutes ago: for every symbol, as it stood at the end of each step of the clock.

Unknown is missing, not old: a value counts at a moment only if something was observed near that moment.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints, span

STEP_MS: Final = 5_000
REACH_MS: Final = 330_000  # five minutes before a moment that may itself be half a minute ago
LIVE_MS: Final = 15_000  # for how long a bar or a trade says what a value is; what nothing follows may be an outage
TRADED_WITHIN_MS: Final = 1_000  # a bar's time is its end, and that of the same trade in a scan is up to this earlier

_STEPS: Final = REACH_MS // STEP_MS + 2  # those that are over, and the present one


class History:
    """One field of all symbols over the last REACH_MS, by event time: late observations find their place.

    A row of the matrices is a step, in a ring: the newest observation made before its end, its time, and until when
    that is known to be the value (all in epoch ms).
    """

    def __init__(self) -> None:
        self._values: Floats = np.full((_STEPS, 0), np.nan)
        self._times: Floats = np.full((_STEPS, 0), np.nan)
        self._until: Floats = np.full((_STEPS, 0), np.nan)
        self._begin(0)

    def clear(self) -> None:
        """Forget everything."""
        for matrix in self._matrices():
            matrix[:] = np.nan

    def _matrices(self) -> tuple[Floats, Floats, Floats]:
        return self._values, self._times, self._until

    def _begin(self, step: int) -> None:
        self._step = step  # the present one
        self._row_ago = (step - np.arange(_STEPS)) % _STEPS  # the row of the step so many steps ago

    def grow(self, size: int) -> None:
        """Make room for `size` symbols."""
        room = np.full((_STEPS, size - self._values.shape[1]), np.nan)
        self._values, self._times, self._until = (np.hstack([matrix, room]) for matrix in self._matrices())

    def roll(self, ms: int) -> None:
        """Begin the step of the moment `ms`, if it is a later one: what was known is still so."""
        step = ms // STEP_MS
        for begun in range(max(self._step + 1, step - _STEPS + 1), step + 1):
            for matrix in self._matrices():
                matrix[begun % _STEPS] = matrix[self._step % _STEPS]
        if step > self._step:
            self._begin(step)

    def observe(self, at: Ints, values: Floats, times: Floats, until: Floats) -> Ints:
        """Values of the symbols at positions `at`, observed at `times`, known until `until`; no symbol twice.

        The positions at which something is another value by that.
        """
        observed = np.isfinite(values) & np.isfinite(times)
        at, values, times, until = at[observed], values[observed], times[observed], until[observed]
        steps = np.minimum(np.maximum(_steps(times), self._step - _STEPS + 1), self._step)
        rows = steps % _STEPS
        news = (self._times[rows, at] != times) | (self._values[rows, at] != values)
        at, values, times, until, steps = at[news], values[news], times[news], until[news], steps[news]
        since = np.arange(steps.min(initial=self._step), self._step + 1)
        rows = since % _STEPS
        newest = (steps <= since[:, None]) & ~(times < self._times[rows[:, None], at])
        places, which = np.nonzero(newest)
        rows, symbols = rows[places], at[which]
        corrected = self._times[rows, symbols] == times[which]  # what was known of it by then, still is
        self._until[rows, symbols] = np.fmax(until[which], np.where(corrected, self._until[rows, symbols], np.nan))
        self._values[rows, symbols] = values[which]
        self._times[rows, symbols] = times[which]
        return at[which]

    def fill(self, position: int, values: Floats, times: Floats, until: Floats) -> bool:
        """All that was observed of one symbol in some time, oldest first, where nothing newer is held.

        Whether something is another value by that.
        """
        since = np.arange(self._step - _STEPS + 1, self._step + 1)
        newest = np.searchsorted(times, (since + 1) * STEP_MS) - 1
        rows, which = (since % _STEPS)[newest >= 0], newest[newest >= 0]
        held = self._times[rows, position]
        newer = ~(times[which] < held)
        rows, which, held = rows[newer], which[newer], held[newer]
        same = times[which] - held <= TRADED_WITHIN_MS  # what a scan said of the same trade, until when it was the last
        known = np.fmax(until[which], np.where(same, self._until[rows, position], np.nan))
        column = np.array([values[which], times[which], known])
        before = np.array([matrix[rows, position] for matrix in self._matrices()])
        for matrix, found in zip(self._matrices(), column, strict=True):
            matrix[rows, position] = found
        return not np.array_equal(before, column, equal_nan=True)

    def confirm(self, at: Ints, times: Floats, seen: float, until: float) -> Ints:
        """At the moment `seen`, the newest value of the symbols at positions `at` was one of `times`.

        Where that is the one that is held, it is known until `until`. The positions at which it had been unknown, and
        is known now for all the time since it was observed.
        """
        where, now = span(at), self._step % _STEPS
        held = self._times[now, where]
        same = (times >= held - TRADED_WITHIN_MS) & (times <= held) & ~(self._until[now, where] >= until)
        lapsed = at[same & (self._until[now, where] < seen)]
        steps = range(max(int(seen // STEP_MS), self._step - _STEPS + 1), self._step + 1)
        for row in {step % _STEPS for step in steps} | {now}:
            still = same & (self._times[row, where] == held)
            self._until[row, where] = np.where(still, until, self._until[row, where])
        if len(lapsed):
            whole = self._until[:, lapsed]
            whole[self._times[:, lapsed] == self._times[now, lapsed]] = until
            self._until[:, lapsed] = whole
        return lapsed

    def known_until(self, at: Ints) -> Floats:
        """Until when the newest values of the symbols at positions `at` are known, epoch ms; NaN without one."""
        until: Floats = self._until[self._step % _STEPS, at]
        return until

    def unknown_since(self, moments: Floats, at: Ints) -> Floats:
        """Since when nothing had been observed by the moments, epoch ms; NaN where something was, or nothing ever."""
        places, inside = self._places(moments, at)
        until = self._until.take(places)
        return np.where(inside & (until < moments), until, np.nan)

    def at(self, moments: Floats, at: Ints) -> Floats:
        """The values of the symbols at positions `at` at the moments, which are ends of steps; NaN where unknown."""
        places, inside = self._places(moments, at)
        return np.where(inside & (self._until.take(places) >= moments), self._values.take(places), np.nan)

    def _places(self, moments: Floats, at: Ints) -> tuple[Ints, Bools]:
        """Where the symbols have the steps that the moments end, in flat matrices; and which are within reach."""
        ago = self._step + 1 - _steps(moments)
        return self._row_ago.take(ago, mode="clip") * self._values.shape[1] + at, (ago >= 0) & (ago < _STEPS)


def _steps(moments: Floats) -> Ints:
    """In which steps the moments lie. To divide and cut off is exact above zero, and far faster than `//`."""
    steps: Ints = (moments / STEP_MS).astype(np.intp)
    return steps
