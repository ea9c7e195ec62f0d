"""How far the provider's data are behind its clock, and whether they come at all. Time is an argument.

Three questions, answered by what comes and not by any setting:

- what time it is at the provider, and how fast that runs (`ProviderClock`): a simulated day may run at any speed;
- whether all that comes is old when it comes, as with a plan that is fifteen minutes late (`DelayJudge`);
- whether bars have stopped that should come (`BarSilence`): a silent socket looks like a quiet market.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from gapscan.market.sessions import MarketSession, session_at, session_times, trading_date

LATE_MS: Final = 60_000  # data that are steadily older than this when they come are delayed
_SAMPLES: Final = 8
_LOOK_MS: Final = 1_000  # a look may be of so much earlier than it was taken
_STEADY: Final = 3  # observations in a row that say the same
_MANY: Final = 100  # symbols of which some trade in any minute of the regular session
_REQUEST_SECONDS: Final = 3.0  # of wall time, within which clock and data of one scan are asked for
# A clock that is further off what was expected, and by four times of it, was set: less are the steps of a fast one.
_JUMP_MS: Final = 90_000.0

BIN_SECONDS: Final = 1.0
_BINS: Final = 180
_FEW_BINS: Final = 10
_STEADY_SHARE: Final = 0.5  # of rarer bars a minute teaches too little
_LEAST_SILENCE: Final = 2.5
# That a stream which comes as steadily as before falls silent for as long by itself, in any one second: about once in a
# day of 23,400 seconds.
CHANCE: Final = 5e-5


class ProviderClock:
    """The provider's time between two looks at it. Its looks are whole seconds, rounded down."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)

    def observe(self, at: int, wall: float) -> None:
        """The provider says that it is `at` (epoch ms); `wall` are POSIX seconds."""
        if self._looks and self._was_set(at, wall):
            self._looks.clear()
        self._looks.append((wall, at))

    def _was_set(self, at: int, wall: float) -> bool:
        before, then = self._looks[-1]
        if len(self._looks) == 1:
            return at < then
        expected = (wall - before) * 1000 * self.speed
        return abs(at - then - expected) > _JUMP_MS + 4 * expected

    @property
    def known(self) -> bool:
        """Whether it is known how fast it runs."""
        return len(self._looks) > 1

    @property
    def speed(self) -> float:
        """Its seconds per second of wall time: exactly 1 unless the looks say otherwise."""
        if not self.known:
            return 1.0
        (first, began), (last, at) = self._looks[0], self._looks[-1]
        span = max(last - first, 1e-3)
        speed = (at - began) / 1000 / span
        return 1.0 if abs(speed - 1) <= 1.5 / span else max(0.0, speed)

    @property
    def stands(self) -> bool:
        """Whether it does not move: a simulated clock that is moved by hand."""
        if not self.known:
            return False
        (first, began), (last, at) = self._looks[-2], self._looks[-1]
        return (began == at and last - first > 1.5 * BIN_SECONDS) or self.speed == 0.0

    def now(self, wall: float) -> int:
        """The provider's time, epoch ms, at the POSIX time `wall`: of what all looks say, the latest.

        By the last look it is less than a second later: a simulated clock may have stood between two of them.
        """
        if not self._looks:
            return round(wall * 1000)
        said = [at + (wall - then) * 1000 * self.speed for then, at in self._looks]
        return round(min(max(said), said[-1] + _LOOK_MS))


class DelayJudge:
    """Whether data are steadily old when they come. It hears of the newest event only when that has moved on."""

    def __init__(self) -> None:
        self.behind = 0  # ms of market time; 0 unless delayed
        self._scan: tuple[int, int] | None = None  # clock and newest event of the last one
        self._lags: deque[int] = deque(maxlen=5)  # of what came late
        self._late = 0
        self._fresh = 0

    def observe_scan(self, at: int, newest: int, symbols: int, speed: float) -> None:
        """A scan at the provider's time `at`, whose newest event is of `newest`; `symbols` of it have traded today."""
        before, self._scan = self._scan, (at, newest)
        slack = _REQUEST_SECONDS * 1000 * max(1.0, speed)
        if not newest or at < newest - LATE_MS:
            return
        if before is None:
            if self._must_move(at, symbols):
                self._observe(at - newest, slack, weight=_STEADY)
        elif newest > before[1]:
            # It may have come at any time since the scan before.
            self._observe(at - newest, slack + max(0, at - before[0]))

    @staticmethod
    def _must_move(at: int, symbols: int) -> bool:
        """Whether something trades in every minute: by one scan alone, a quiet market looks like a late one."""
        opened = session_times(trading_date(at)).regular
        return symbols >= _MANY and session_at(at) is MarketSession.REGULAR and at - opened > LATE_MS

    def observe_bars(self, now: int, newest: int, speed: float) -> None:
        """Bars came at the provider's time `now`, and the newest of them ends later than all before: at `newest`."""
        self._observe(now - newest, _REQUEST_SECONDS * 1000 * max(1.0, speed))

    def _observe(self, lag: int, slack: float, weight: int = 1) -> None:
        """What came is between `lag` - `slack` and `lag` old, ms. What lies between says nothing."""
        if lag <= LATE_MS:
            self._fresh, self._late = self._fresh + 1, 0
            if self._fresh >= _STEADY:
                self.behind = 0
                self._lags.clear()
        elif lag - slack > LATE_MS:
            self._fresh, self._late = 0, self._late + weight
            self._lags.append(lag)
            if self._late >= _STEADY:
                self.behind = min(self._lags)


def silence_needed(share: float) -> float:
    """Seconds of silence that a stream falls into hardly ever by itself, if it has bars in that share of the seconds.

    A silence of n seconds is one of n - 1 seconds without bars: they come once a second.
    """
    return max(_LEAST_SILENCE, 1 + math.log(CHANCE) / math.log(1 - share))


class BarSilence:
    """Whether bars have stopped. How often they come is learned, so that a quiet hour is not taken for a dead socket.

    Time is that of a caller who ticks: one that was frozen itself has heard nothing, and may conclude nothing.
    """

    def __init__(self) -> None:
        self.seconds = 0.0  # without a bar
        self._bins: deque[bool] = deque(maxlen=_BINS)
        self._heard = False
        self._bin = 0.0
        self._quiet = 0  # seconds without bars, up to now
        self._context: object = None

    def hear(self) -> None:
        """Bars came."""
        if self.silent:
            self._quiet = 0  # what was taken for a dead socket says nothing of how often bars come
        self._heard, self.seconds = True, 0.0

    def forget(self) -> None:
        """Nothing that was learned holds any more."""
        self._bins.clear()
        self._bin = self.seconds = 0.0
        self._quiet = 0

    def tick(self, seconds: float, context: object) -> None:
        """`seconds` went by. In another `context` (None: nothing is expected) how often bars come is learned anew."""
        if context is None or context != self._context:
            self._context = context
            self.forget()
            self._heard = False
            return
        self.seconds += seconds
        self._bin += seconds
        if self._bin >= BIN_SECONDS:
            self._bin -= BIN_SECONDS
            self._end_bin()

    def _end_bin(self) -> None:
        """A silence is no part of what it is measured by: it counts when it is over."""
        if self._heard:
            self._bins.extend([False] * min(self._quiet, _BINS))
            self._bins.append(True)
            self._heard, self._quiet = False, 0
        else:
            self._quiet += 1

    @property
    def needed(self) -> float:
        """Seconds after which silence is no chance, by how often bars came lately."""
        return silence_needed(self._share)

    @property
    def _share(self) -> float:
        return (sum(self._bins) + 0.5) / (len(self._bins) + 1)

    @property
    def silent(self) -> bool:
        """Whether bars have stopped that should come."""
        steady = len(self._bins) >= _FEW_BINS and self._share >= _STEADY_SHARE
        return steady and self.seconds >= self.needed
