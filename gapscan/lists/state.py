"""A client's copy of a list: takes snapshots and deltas, and knows whether it is exact."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import cast

from gapscan.errors import DeltaError
from gapscan.lists.delta import apply, checksum
from gapscan.protocol.messages import Delta, EventPosition, RankedRow, Row, Snapshot


class Fit(Enum):
    """What became of a delta that was offered to a copy."""

    APPLIED = "applied"
    OLD = "old"  # at or before the copy's sequence: nothing to do
    HOLE = "hole"  # deltas before it are missing
    OTHER_EPOCH = "other epoch"  # of another incarnation of the stream: take the snapshot
    MISMATCH = "mismatch"  # it does not fit, or the checksum differs: take the snapshot


class Copy:
    """The rows of one list at one sequence. Rows are shared and must not be changed."""

    def __init__(self) -> None:
        self.epoch = ""
        self.sequence = 0
        self.as_of = 0
        self.checksum = 0
        self.rows: list[Row] = []

    def load(self, snapshot: Snapshot) -> None:
        """Begin anew from `snapshot`. Raises DeltaError when its ranks or its checksum are wrong."""
        rows = unranked(snapshot)
        if checksum(rows) != snapshot.checksum:
            raise DeltaError(f"the snapshot of {snapshot.list} at {snapshot.sequence} has a wrong checksum")
        self.rows, self.checksum = rows, snapshot.checksum
        self.epoch, self.sequence, self.as_of = snapshot.epoch, snapshot.sequence, snapshot.as_of

    def apply(self, delta: Delta, sequence: int) -> Fit:
        """Apply `delta`, whose last sequence is `sequence`, if it is the next one and proves right.

        The copy changes only when the result is APPLIED.
        """
        if delta.epoch != self.epoch:
            return Fit.OTHER_EPOCH
        if sequence <= self.sequence:
            return Fit.OLD
        if delta.prev != self.sequence:
            return Fit.HOLE
        try:
            rows = apply(self.rows, delta.changes)
        except DeltaError:
            return Fit.MISMATCH
        if len(rows) != delta.size or checksum(rows) != delta.checksum:
            return Fit.MISMATCH
        self.rows, self.checksum = rows, delta.checksum
        self.sequence, self.as_of = sequence, delta.as_of
        return Fit.APPLIED


def unranked(snapshot: Snapshot | EventPosition) -> list[Row]:
    """The rows of a snapshot, in order. Raises DeltaError when the ranks are not 1, 2, 3 ..."""
    rows: list[Row] = []
    for rank, ranked in enumerate(snapshot.rows, 1):
        if ranked["rank"] != rank:
            raise DeltaError(f"the snapshot of {snapshot.list} has rank {ranked['rank']} in place {rank}")
        row = dict(ranked)
        del row["rank"]
        rows.append(cast(Row, row))
    return rows


def ranked(rows: Sequence[Row]) -> list[RankedRow]:
    """Rows with their ranks, as a snapshot carries them."""
    return [cast(RankedRow, {"rank": rank, **row}) for rank, row in enumerate(rows, 1)]
