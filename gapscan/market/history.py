"""What a value was a few minutes ago: for every symbol, as it stood at the end of each step of the clock."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Floats, Ints

STEP_MS: Final = 5_000
REACH_MS: Final = 330_000  # five minutes before a moment that may itself be half a minute ago

_STEPS: Final = REACH_MS // STEP_MS + 2  # those that are over, and the present one


class History:
    """One field of all symbols over the last REACH_MS, by event time: late observations find their place.

    A row of the two matrices is a step, in a ring: the newest observation made before its end, and its time.
    """

    def __init__(self) -> None:
        self._values: Floats = np.full((_STEPS, 0), np.nan)
        self._times: Floats = np.full((_STEPS, 0), np.nan)
        self._step = 0  # the present one

    def clear(self) -> None:
        """Forget everything."""
        self._values[:] = np.nan
        self._times[:] = np.nan

    def grow(self, size: int) -> None:
        """Make room for `size` symbols."""
        room = np.full((_STEPS, size - self._values.shape[1]), np.nan)
        self._values, self._times = np.hstack([self._values, room]), np.hstack([self._times, room])

    def roll(self, ms: int) -> None:
        """Begin the step of the moment `ms`, if it is a later one: what was known is still so."""
        step = ms // STEP_MS
        for begun in range(max(self._step + 1, step - _STEPS + 1), step + 1):
            self._values[begun % _STEPS] = self._values[self._step % _STEPS]
            self._times[begun % _STEPS] = self._times[self._step % _STEPS]
        self._step = max(self._step, step)

    def observe(self, at: Ints, values: Floats, times: Floats) -> Ints:
        """Values of the symbols at positions `at`, observed at `times` (epoch ms); no symbol may be there twice.

        The positions at which something is another value by that.
        """
        observed = np.isfinite(values) & np.isfinite(times)
        at, values, times = at[observed], values[observed], times[observed]
        steps = np.minimum(np.maximum(_steps(times), self._step - _STEPS + 1), self._step)
        rows = steps % _STEPS
        news = (self._times[rows, at] != times) | (self._values[rows, at] != values)
        at, values, times, steps = at[news], values[news], times[news], steps[news]
        since = np.arange(steps.min(initial=self._step), self._step + 1)
        rows = since % _STEPS
        newest = (steps <= since[:, None]) & ~(times < self._times[rows[:, None], at])
        places, which = np.nonzero(newest)
        self._values[rows[places], at[which]] = values[which]
        self._times[rows[places], at[which]] = times[which]
        return at[which]

    def at(self, moments: Floats, at: Ints) -> Floats:
        """The values of the symbols at positions `at` at the moments, which are ends of steps; NaN where unknown."""
        steps = _steps(moments) - 1
        known = (steps > self._step - _STEPS) & (steps <= self._step)
        found: Floats = self._values[steps % _STEPS, at]
        return np.where(known, found, np.nan)


def _steps(moments: Floats) -> Ints:
    """In which steps the moments lie. To divide and cut off is exact above zero, and far faster than `//`."""
    steps: Ints = (moments / STEP_MS).astype(np.intp)
    return steps
