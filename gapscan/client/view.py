"""A view: a list at one sequence, with the counters of the link over which it came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import UNSET

from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.protocol import names
from gapscan.protocol.messages import Delta, Heartbeat, Row, State


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
class Lateness:
    """How late the rows are: medians of the last minute, in seconds of wall time; None where it is not known.

    `behind`: from the exchange to the feed. `ours`: from there until a change is stored. `delayed_by`: by how much of
    market time delayed data are late.
    """

    behind: float | None = None
    ours: float | None = None
    delayed_by: float | None = None

    @classmethod
    def of(cls, beat: Heartbeat) -> Lateness:
        """What a heartbeat says of it."""
        return cls(*(None if ms is UNSET else ms / 1000 for ms in (beat.behind, beat.ours, beat.delayed_by)))


UNKNOWN: Final = Lateness()


def stored_at(headers: Mapping[str, str]) -> float | None:
    """When the server stored the message with these headers, POSIX seconds; None where they do not say."""
    text = headers.get(names.HEADER_TIME, "")
    try:
        return dt.datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class ListView:
    """A list at one sequence. It never changes; rows are shared between views and must not be changed.

    `rows` are in the order of their ranks, the first has rank 1; their symbols have been proved by the checksum.
    `as_of` is market time, UTC epoch milliseconds. `state` is live, delayed (all that the provider
    sends is late, as with a delayed plan; `as_of` is the data's own time), closed (outside of the list's sessions) or
    stale (no data, changes that cannot be stored, no heartbeat or no link). `simulated`: of an invented market.
    `epoch` changes when the list's sequences begin anew; where `continues` is false, they did, or went back.
    `stored_at` is when the newest change that came live was stored (POSIX seconds, 0 before one).
    """

    list: str
    epoch: str
    sequence: int
    as_of: int
    rows: tuple[Row, ...]
    state: State
    simulated: bool
    link: LinkStats
    lateness: Lateness = field(default=UNKNOWN, compare=False)
    stored_at: float = field(default=0.0, compare=False)

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
