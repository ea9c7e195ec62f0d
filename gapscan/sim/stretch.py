"""A part of a day in which prints can come: the day from pre-market to the end of post-market, or a night."""

from __future__ import annotations

from collections.abc import Iterator

from gapscan.market.sessions import MINUTE_MS
from gapscan.sim.source import DayTape, NightTape
from gapscan.sim.tape import Prints, no_prints


class Stretch:
    """[begin, end), epoch ms; minutes of the tape are counted from `begin`, and read in order, each once.

    `next_day`: what prints is of the day after the one that the market shows.
    """

    def __init__(self, begin: int, end: int, tape: DayTape | NightTape, *, next_day: bool = False) -> None:
        self.begin, self.end, self.next_day = begin, end, next_day
        self.prints = no_prints()  # of the minute that was read last
        self._tape = tape
        self._minute = -1

    @property
    def minute_end(self) -> int:
        """The end of the minute that was read last."""
        return self.begin + (self._minute + 1) * MINUTE_MS

    def read(self, moment: int) -> Iterator[tuple[int, Prints]]:
        """Read up to the minute of `moment`: the start of each one, and its prints."""
        while self.minute_end <= moment:
            self._minute += 1
            self.prints = self._tape.minute(self._minute)
            yield self.minute_end - MINUTE_MS, self.prints
