"""Notices a link that is open and brings nothing. No I/O; times are seconds of any clock that does not go back."""

from __future__ import annotations

from typing import Final

_MOST_DOUBLINGS: Final = 4


class Watchdog:
    """Says when data has been missing for too long.

    A few thin symbols may well be silent for a while. A session that ended silent without having brought anything
    therefore makes the next one wait twice as long, up to 16 times `silence` seconds; data sets that back.
    """

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._since = 0.0  # since when data could have come and did not
        self._fruitless = 0  # sessions one after the other that ended silent and brought nothing
        self._had_data = False

    @property
    def patience(self) -> float:
        """How many seconds of silence are too many."""
        return self._silence * 2.0**self._fruitless

    def begin(self, now: float) -> None:
        """A fresh session."""
        self._since = now
        self._had_data = False

    def data(self, now: float) -> None:
        """Data has come."""
        self._since = now
        self._had_data = True
        self._fruitless = 0

    def is_silent(self, now: float, *, expecting: bool) -> bool:
        """Whether the session is to be ended. `expecting`: the market is open and topics are confirmed."""
        if not expecting:
            self._since = now
        return now - self._since >= self.patience

    def ended_silent(self) -> None:
        """The session was ended for its silence."""
        if not self._had_data:
            self._fruitless = min(self._fruitless + 1, _MOST_DOUBLINGS)
