"""The market's hours are those of a whole process, and a Dask worker computes days on several threads of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from gapscan.market.sessions import Hours, hours_in_use, use_hours


class HoursGate:
    """Lets in at the same time only who goes by the same hours; whoever goes by others waits until all are out."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0

    @contextmanager
    def going_by(self, hours: Hours) -> Iterator[None]:
        """Within, and afterwards until somebody comes with others, this process goes by these hours."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside or hours_in_use() == hours)
            use_hours(hours)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()
