"""Reading the tape: which list the messages of a minute make at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gapscan.errors import DeltaError
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.tape import SECOND_MS, Gap, Moves, Unchanged

Told = Snapshot | Delta | Unchanged | Gap | Moves


@dataclass(slots=True)
class Playback:
    """A list as the tape tells it, message after message.

    `copy` is None until a message says what the list was; `gap` is the one that time is in. What only refers to a list,
    or changes one, says nothing before that: the front of the tape was dropped.
    """

    copy: Copy | None = None
    gap: Gap | None = None
    simulated: bool = False
    last: int = 0  # as_of of the newest message that counts

    def take(self, message: Told) -> bool:
        """The next message; whether the list may be another one now.

        Raises DeltaError when it does not fit what came before.
        """
        if self.copy is None and self.gap is None and isinstance(message, Delta | Unchanged):
            self.last = message.as_of
            return False
        match message:
            case Snapshot():
                self._load(message)
            case Delta():
                self._apply(message)
            case Unchanged():
                self._check(message)
            case Gap():
                self.copy, self.gap, self.last = None, message, message.begin
                return True
            case Moves():
                return False
        self.last = message.as_of
        return not isinstance(message, Unchanged)

    def _load(self, snapshot: Snapshot) -> None:
        copy = Copy()
        copy.load(snapshot)
        self.copy, self.gap, self.simulated = copy, None, snapshot.simulated

    def _apply(self, delta: Delta) -> None:
        sequence = delta.sequence if isinstance(delta.sequence, int) else delta.prev + 1
        if self.copy is None or self.copy.apply(delta, sequence) is not Fit.APPLIED:
            raise DeltaError(f"the tape of {delta.list} does not fit together at sequence {sequence}")

    def _check(self, mark: Unchanged) -> None:
        held = self.copy
        if held is None or (held.epoch, held.sequence, held.checksum) != (mark.epoch, mark.sequence, mark.checksum):
            raise DeltaError(f"the tape of {mark.list} does not have what its minute at {mark.as_of} refers to")


def known_at(messages: Iterable[Told], when: int) -> Iterator[Told]:
    """Of the messages of a minute, those that tell of `when`, which counts in whole seconds.

    What is of a later time is passed over, not an end: where market time went back, the later telling counts.
    """
    until = when // SECOND_MS * SECOND_MS
    for message in messages:
        if message.begin < until if isinstance(message, Gap) else message.as_of <= until:
            yield message
