"""Proving that what is on the tape is what was recorded: nothing changed, left out or added. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gapscan.errors import ProtocolError
from gapscan.lists.playback import Playback
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.tape import Gap, Moves, Unchanged, linked_hash

_STATES = (Snapshot, Delta, Unchanged, Gap)


@dataclass(slots=True)
class ListProof:
    """The chain of one list: how many messages were looked at, how many of them are at fault, and where it ends."""

    messages: int = 0
    faults: int = 0
    number: int = 0
    hash: str = ""


@dataclass
class Verification:
    """Looks at all messages of a tape, in the order in which they are stored."""

    lists: dict[str, ListProof] = field(default_factory=dict)
    _playbacks: dict[str, Playback] = field(default_factory=dict)

    def check(self, name: str, subject: str, payload: bytes, headers: Mapping[str, str]) -> list[str]:
        """The next message: what is wrong with it. The oldest that is kept of a list need not be its first."""
        proof = self.lists.setdefault(name, ListProof())
        faults = [*self._chain(name, proof, subject, payload, headers)]
        if not faults:
            faults += self._content(name, payload)
        proof.messages += 1
        proof.faults += bool(faults)
        return faults

    def _chain(
        self, name: str, proof: ListProof, subject: str, payload: bytes, headers: Mapping[str, str]
    ) -> Iterator[str]:
        number, previous = headers.get(names.HEADER_NUMBER, ""), headers.get(names.HEADER_PREVIOUS_HASH, "")
        own = headers.get(names.HEADER_HASH, "")
        if not number.isdecimal() or not previous or not own:
            yield f"{name}: a message on {subject} was added: it is no part of the chain"
            return
        at = int(number)
        if linked_hash(previous, at, subject, payload) != own:
            yield f"{name}: message {at} was changed: its hash is another one"
        elif proof.number and at <= proof.number:
            yield f"{name}: a message with the number {at} was added after number {proof.number}"
            return
        elif proof.number and at > proof.number + 1:
            yield f"{name}: {at - proof.number - 1} messages were left out before number {at}"
        elif proof.number and previous != proof.hash:
            yield f"{name}: message {proof.number} is not the one that message {at} was recorded after"
        proof.number, proof.hash = at, own

    def _content(self, name: str, payload: bytes) -> Iterator[str]:
        """Whether a message fits the list that those before make; after one that does not, the next whole one does."""
        playback = self._playbacks.setdefault(name, Playback())
        try:
            message = decode(payload)
            if isinstance(message, Moves):
                return
            if not isinstance(message, _STATES):
                yield f"{name}: a {type(message).__name__.lower()} is on the tape"
            elif playback.copy is not None or isinstance(message, Snapshot | Gap):
                playback.take(message)
        except ProtocolError as error:
            self._playbacks[name] = Playback()
            yield f"{name}: {error.message}"
