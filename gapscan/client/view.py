"""What a follower shows: a list at one sequence, and what it took to keep it exact."""

from __future__ import annotations

from dataclasses import dataclass

from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.protocol.messages import Delta, Row, State


@dataclass(frozen=True, slots=True)
class LinkStats:
    """What it took to keep a copy exact."""

    snapshots: int = 0  # times the snapshot was taken, the first one included
    holes: int = 0  # times deltas were missing and fetched by sequence
    refetched: int = 0  # deltas fetched that way
    mismatches: int = 0  # deltas that did not fit or whose checksum differed
    malformed: int = 0  # messages that could not be read
    dropped: int = 0  # messages dropped because the inbox was full


@dataclass(frozen=True, slots=True)
class ListView:
    """A list at one sequence. It never changes; rows are shared between views and must not be changed.

    `state` is live, closed (outside of the list's sessions) or stale (no data, changes that cannot be
    stored, no heartbeat or no link).
    The rows have been proved by their checksum.
    """

    list: str
    epoch: str
    sequence: int
    as_of: int
    rows: tuple[Row, ...]
    state: State
    simulated: bool
    link: LinkStats

    def delta_since(self, earlier: ListView | None) -> Delta:
        """What leads from `earlier` (None: an empty list) to this view, as one delta."""
        before = earlier.rows if earlier else ()
        return Delta(
            list=self.list,
            epoch=self.epoch,
            prev=earlier.sequence if earlier and earlier.epoch == self.epoch else 0,
            sequence=self.sequence,
            as_of=self.as_of,
            changes=diff(before, self.rows),
            size=len(self.rows),
            checksum=checksum(self.rows),
        )
