"""The market's hours are those of a whole process, and a Dask worker computes days on several threads of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from gapscan.market.sessions import Hours, hours_in_use, use_hours


class HoursGate:
    """Lets in at the same time only who goes by the same hours; whoever goes by others waits until all are out.

    They go in in the order in which they come, so that nobody waits for all days of another run. Whoever is in does
    not come again.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = self._came = self._went_in = 0

    @contextmanager
    def going_by(self, hours: Hours) -> Iterator[None]:
        """Within, and afterwards until somebody comes with others, this process goes by these hours."""
        with self._changed:
            number, self._came = self._came, self._came + 1
            self._changed.wait_for(lambda: self._is_next(number, hours))
            use_hours(hours)
            self._inside, self._went_in = self._inside + 1, self._went_in + 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def _is_next(self, number: int, hours: Hours) -> bool:
        return number == self._went_in and (not self._inside or hours_in_use() == hours)
