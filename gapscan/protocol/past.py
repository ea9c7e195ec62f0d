"""The past of lists, as browsers ask for it: what a list was at a time, a day of it at a glance, and its past played.

A played list has a name of its own, the list's and `@` and a number, which is no list's, and messages of their own
types: whoever knows nothing of the past takes none of it for a list that stands now.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.lists import Delta, RankedRows, Snapshot
from gapscan.protocol.tape import MoveList, Reason
from gapscan.protocol.values import AskedLimit, AskedName, Crc32, EpochMs, ListName, Sequence

Moment = EpochMs | Annotated[str, Meta(max_length=40)]  # epoch ms, or as people write it: "09:31:07"
Speed = Annotated[float, Meta(ge=0, le=600, description="seconds of market time in a second; 0: a pause")]
Tag = Annotated[str, Meta(max_length=40, description="the client's own: it comes back in the answer")]
PlayedName = Annotated[str, Meta(description="the name of a played list: the list's, `@`, and a number")]
SomeFields = tuple[AskedName, ...]


class AskAt(Struct, frozen=True, tag_field="action", tag="at"):
    """Say what a list was at a time; with `limit` and `fields`, the first rows and some fields only."""

    list: AskedName
    time: Moment
    limit: AskedLimit | None = None
    fields: SomeFields | None = None
    id: Tag | None = None


class AskTimeline(Struct, frozen=True, tag_field="action", tag="timeline"):
    """Say what is recorded of a list on the newest day, with its gaps, and who came and went later than `since`."""

    list: AskedName
    since: EpochMs = 0


class Play(Struct, frozen=True, tag_field="action", tag="play"):
    """Play a list from a time on. With the name of a played list: go to another time, or on at another speed."""

    list: AskedName
    time: Moment | None = None
    speed: Speed | None = None
    limit: AskedLimit | None = None
    fields: SomeFields | None = None
    id: Tag | None = None


class Past(Struct, frozen=True, tag_field="type", tag="past"):
    """A list as it was at market time `time`. `complete` is false where the tape ends: more may come of that time.

    `size` is how many rows it had, `checksum` is of the rows that are here.
    """

    list: ListName
    time: EpochMs
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    simulated: bool
    complete: bool
    size: int
    checksum: Crc32
    rows: RankedRows
    id: Tag | UnsetType = UNSET


class PastGap(Struct, frozen=True):
    """After `begin`, and before `end`, it is not known what the list was."""

    begin: EpochMs
    end: EpochMs
    reason: Reason


PastGaps = list[PastGap]


class Timeline(Struct, frozen=True, tag_field="type", tag="timeline"):
    """What is recorded of a list on the newest day: from `begin` to `end`, with who came and went, and the gaps.

    Both are 0 where nothing is recorded. `since` is as it was asked for. Of very many moves the newest come; `left_out`
    is how many do not.
    """

    list: ListName
    since: EpochMs
    begin: EpochMs
    end: EpochMs
    simulated: bool
    moves: MoveList
    gaps: PastGaps
    left_out: int = 0


class PastSnapshot(Snapshot, frozen=True, tag_field="type", tag="past_snapshot"):
    """A whole played list as it stands in its play."""

    list: PlayedName


class PastDelta(Delta, frozen=True, tag_field="type", tag="past_delta"):
    """What takes a played list on in its play, or to where its client went."""

    list: PlayedName


class Playing(Struct, frozen=True, tag_field="type", tag="play"):
    """How a play stands: at its start, after what its client asked of it, and every second.

    At `time` the list is what it is at `epoch` and `sequence` of the play; `tape_epoch` and `tape_sequence` are where
    that is in the list's own history. `waiting`: the tape ends here, and more may come. `gap` was passed over just now.
    """

    list: PlayedName
    of: ListName
    time: EpochMs
    speed: Speed
    state: Literal["playing", "paused", "waiting"]
    epoch: str
    sequence: Sequence
    tape_epoch: str
    tape_sequence: Sequence
    simulated: bool
    gap: PastGap | UnsetType = UNSET
    id: Tag | UnsetType = UNSET
