"""When what is published passed the stages before, and how long they take."""

from __future__ import annotations

from typing import Final, NamedTuple


class StageTimes(NamedTuple):
    """When the newest data of a ranking came to the feed, and when it was ranked: wall time, epoch ms."""

    received: int
    ranked: int


class Lateness(NamedTuple):
    """Medians, ms of wall time: from the exchange to the feed, and from there until it is stored. None: not known.

    `delayed_by` is by how many ms of market time all data are late; None where they are not.
    """

    behind: int | None = None
    ours: int | None = None
    delayed_by: int | None = None


UNKNOWN: Final = Lateness()
