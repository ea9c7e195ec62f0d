"""A view: a list at one sequence, with the counters of the link over which it came."""

from __future__ import annotations

from dataclasses import dataclass

from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.protocol.messages import Delta, Row, State


@dataclass(frozen=True, slots=True)
class LinkStats:
    """Counters since the iteration began: what was repaired to keep the copy exact."""

    snapshots: int = 0  # snapshots loaded, the first one included
    holes: int = 0  # times that deltas were missing and fetched by sequence
    refetched: int = 0  # deltas fetched so
    mismatches: int = 0  # deltas that did not fit or whose checksum differed
    malformed: int = 0  # messages that could not be decoded
    dropped: int = 0  # messages dropped because the inbox was full
    rewinds: int = 0  # times that the list went back in the same epoch, as its store had lost the newest


@dataclass(frozen=True, slots=True)
class ListView:
    """A list at one sequence. It never changes; rows are shared between views and must not be changed.

    `rows` are in the order of their ranks, the first has rank 1; their symbols have been proved by the checksum.
    `as_of` is market time, UTC epoch milliseconds. `state` is live, closed (outside of the list's sessions) or stale
    (no data, changes that cannot be stored, no heartbeat or no link). `simulated`: of an invented market.
    `epoch` changes when the list's sequences begin anew; where `continues` is false, they did, or went back.
    """

    list: str
    epoch: str
    sequence: int
    as_of: int
    rows: tuple[Row, ...]
    state: State
    simulated: bool
    link: LinkStats

    def continues(self, earlier: ListView | None) -> bool:
        """Whether this view is of the same history as `earlier`, or as none: no sequence was used twice in between."""
        return earlier is None or (self.epoch == earlier.epoch and self.link.rewinds <= earlier.link.rewinds)

    def delta_since(self, earlier: ListView | None) -> Delta:
        """The least changes that lead from `earlier` (None: an empty list) to this view, as one delta.

        `earlier` may be one that this does not continue; `prev` is 0 then.
        """
        before = earlier.rows if earlier else ()
        return Delta(
            list=self.list,
            epoch=self.epoch,
            prev=earlier.sequence if earlier and self.continues(earlier) else 0,
            sequence=self.sequence,
            as_of=self.as_of,
            changes=diff(before, self.rows),
            size=len(self.rows),
            checksum=checksum(self.rows),
        )
