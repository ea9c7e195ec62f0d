"""What is recorded of a list, played back: at every moment what a follower held, whatever comes when, and who dies."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from gapscan.lists.playback import Playback, Told, known_at
from gapscan.lists.recording import Record, Recording
from gapscan.lists.state import Copy, Fit
from gapscan.lists.verification import Verification
from gapscan.protocol import names
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.messages import Change, Delta, Message, Remove, Row, Snapshot
from gapscan.protocol.tape import MINUTE_MS, NO_HASH, Gap, Moves, Shelf, Unchanged, linked_hash, minute_in, second_of
from tests.support.strategies import delta_between, row_lists, snapshot_of

START = 1_795_789_830_000
STEPS = st.sampled_from([-700, 0, 1, 40, 300, 999, 1000, 1001, 4000, 59_000, 61_000, 200_000])
SHELF = Shelf("winners")


@dataclass
class Tape:
    """What a recorder has stored, as NATS would hold it."""

    number: int = 0
    hash: str = NO_HASH
    stored: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    _by_subject: dict[str, list[Message]] = field(default_factory=dict)

    def append(self, records: list[Record]) -> None:
        for record in records:
            filed = SHELF.moves if record.daily else SHELF.minute
            subject, payload = filed(record.minute), encode(record.message)
            self.number += 1
            before, self.hash = self.hash, linked_hash(self.hash, self.number, subject, payload)
            headers = {
                names.HEADER_NUMBER: str(self.number),
                names.HEADER_PREVIOUS_HASH: before,
                names.HEADER_HASH: self.hash,
            }
            self.stored.append((subject, payload, headers))
            self._by_subject.setdefault(subject, []).append(decode(payload))

    def minute(self, minute: int) -> list[Told]:
        found = self._by_subject.get(SHELF.minute(minute), [])
        told = [each for each in found if isinstance(each, Snapshot | Delta | Unchanged | Gap)]
        assert len(told) == len(found)
        return [*told]

    def _end_of(self, minute: int) -> Copy | None:
        playback = Playback()
        for message in self.minute(minute):
            playback.take(message)
        return playback.copy

    def before(self, messages: list[Told]) -> Copy | None:
        first = messages[0] if messages else None
        return self._end_of(first.since // MINUTE_MS) if isinstance(first, Unchanged) else None

    def at(self, when: int) -> list[Row] | Gap | None:
        """The list, the gap that it is in, or None where nothing is said."""
        messages = self.minute(when // MINUTE_MS)
        playback = Playback(self.before(messages))
        known = [*known_at(messages, when)]
        for message in known:
            playback.take(message)
        return playback.gap or (playback.copy.rows if playback.copy and known else None)


@dataclass
class Past:
    """A list that is recorded, and the truth about it: its rows from each time on."""

    tape: Tape = field(default_factory=Tape)
    recording: Recording = field(default_factory=lambda: Recording("winners"))
    truth: list[tuple[int, list[Row]]] = field(default_factory=list)
    lost: list[tuple[int, int]] = field(default_factory=list)  # times whose deltas were not read
    reasons: dict[tuple[str, int], set[object]] = field(default_factory=dict)  # of who left in a second

    def rows_at(self, when: int) -> list[Row] | None:
        known = [rows for time, rows in self.truth if time <= when // 1000 * 1000]
        return known[-1] if known else None


def play(states: list[list[Row]], steps: list[int], events: list[str]) -> Past:
    """Publish the states one after the other; between them, what `events` say may befall the recorder."""
    past, time, latest = Past(), START, START
    past.tape.append(past.recording.begin(replace(snapshot_of(states[0], 0), as_of=START), "not_kept"))
    past.truth.append((START, states[0]))
    for at, (old, new) in enumerate(pairwise(states)):
        time += steps[at % len(steps)]
        latest = max(latest, time)
        event = events[at % len(events)]
        if event == "lost":
            known = past.recording.time
            past.tape.append(past.recording.begin(replace(snapshot_of(new, at + 1), as_of=time), "not_kept"))
            past.lost.append((known, latest))
        else:
            delta = replace(delta_between(old, new, at), as_of=time)
            fit, records = past.recording.offer(explained(past, delta, second_of(latest)), at + 1)
            assert fit is Fit.APPLIED
            past.tape.append(records)
        past.truth.append((latest, new))
        if event == "settled":
            past.tape.append(past.recording.advance(latest, latest - 5_000))
        if event == "killed":
            past.tape.append(past.recording.flush())
            revive(past)
    past.tape.append(past.recording.advance(latest + 1000, latest + MINUTE_MS + 1000))  # its minute is over
    return past


def explained(past: Past, delta: Delta, second: int) -> Delta:
    """The same with a reason for each who leaves but some."""
    changes: list[Change] = []
    for change in delta.changes:
        if isinstance(change, Remove):
            reason = UNSET if delta.prev % 4 == 0 else f"reason {delta.prev}"
            past.reasons.setdefault((change.symbol, second), set()).add(reason)
            change = Remove(change.symbol, reason)
        changes.append(change)
    return replace(delta, changes=changes)


def revive(past: Past) -> None:
    """Another recorder reads what is stored, and goes on."""
    minute = minute_in([subject for subject, _, _ in past.tape.stored if subject.startswith(names.DEFAULT.tape)][-1])
    told = past.tape.stored[-1][0].startswith(names.DEFAULT.tape_moves)
    recording, messages = Recording("winners"), past.tape.minute(minute)
    assert recording.resume(minute, past.tape.before(messages), messages, moves_are_told=told)
    assert recording.copy.rows == past.recording.copy.rows
    assert second_of(recording.time) == second_of(past.recording.time)
    past.recording = recording


histories = st.lists(row_lists(), min_size=2, max_size=12)
befalls = st.lists(st.sampled_from(["", "", "settled", "killed"]), min_size=1, max_size=6)
losses = st.lists(st.sampled_from(["", "settled", "killed", "lost"]), min_size=1, max_size=6)


@given(histories, st.lists(STEPS, min_size=1, max_size=6), befalls)
def test_at_every_moment_it_is_what_a_follower_held(
    states: list[list[Row]], steps: list[int], events: list[str]
) -> None:
    past = play(states, steps, events)
    for time, _ in past.truth:
        for when in (time - 1000, time - 1, time, time + 1, time + 999, time + 30_000):
            if when // 1000 * 1000 >= START and when <= past.truth[-1][0]:
                assert past.tape.at(when) == past.rows_at(when)


@given(histories, st.lists(STEPS, min_size=1, max_size=6), losses)
def test_what_is_not_known_is_a_stated_gap(states: list[list[Row]], steps: list[int], events: list[str]) -> None:
    """Every moment is right or in a gap, and only moments between what was lost and the next beginning are."""
    past = play(states, steps, events)
    for time, _ in past.truth:
        for when in (time - 1000, time - 1, time, time + 1, time + 999):
            if when // 1000 * 1000 < START or when > past.truth[-1][0]:
                continue
            found, second = past.tape.at(when), when // 1000 * 1000
            if isinstance(found, Gap):
                assert found.begin < second < found.end
            elif found is None:
                assert any(begin < second < end for begin, end in past.lost)
            else:
                assert found == past.rows_at(when)


@given(histories, st.lists(STEPS, min_size=1, max_size=6), losses)
def test_moves_tell_who_is_in(states: list[list[Row]], steps: list[int], events: list[str]) -> None:
    past = play(states, steps, events)
    held = {row["symbol"] for row in states[0]}
    moves = [
        decode(payload) for subject, payload, _ in past.tape.stored if subject.startswith(names.DEFAULT.tape_moves)
    ]
    for message in moves:
        for move in message.moves if isinstance(message, Moves) else ():
            assert (move.symbol in held) is (move.action == "leave")
            held ^= {move.symbol}
    assert held == {row["symbol"] for row in states[-1]}


@given(histories, st.lists(STEPS, min_size=1, max_size=6), befalls)
def test_moves_say_why_who_left_did(states: list[list[Row]], steps: list[int], events: list[str]) -> None:
    past = play(states, steps, events)
    for subject, payload, _ in past.tape.stored:
        message = decode(payload)
        if isinstance(message, Moves):
            for move in message.moves:
                said = past.reasons[move.symbol, second_of(move.time)] if move.action == "leave" else {UNSET}
                assert move.reason in said
        elif subject.startswith(names.DEFAULT.tape) and isinstance(message, Delta):
            for change in message.changes:
                if isinstance(change, Remove):
                    assert change.reason in past.reasons[change.symbol, second_of(message.as_of)]


def verify(stored: list[tuple[str, bytes, dict[str, str]]]) -> list[str]:
    verification = Verification()
    return [
        fault
        for subject, payload, headers in stored
        for fault in verification.check("winners", subject, payload, headers)
    ]


@given(histories, st.lists(STEPS, min_size=1, max_size=4), losses, st.data())
def test_what_was_tampered_with_is_found(
    states: list[list[Row]], steps: list[int], events: list[str], data: st.DataObject
) -> None:
    stored = play(states, steps, events).tape.stored
    assert verify(stored) == []
    assert verify(stored[data.draw(st.integers(0, len(stored) - 1)) :]) == [], "the oldest may be gone"
    if len(stored) < 3:
        return
    at = data.draw(st.integers(1, len(stored) - 2))
    subject, payload, headers = stored[at]
    place = data.draw(st.integers(0, len(payload) - 1))
    changed = payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :]
    assert verify([*stored[:at], (subject, changed, headers), *stored[at + 1 :]]), "changed"
    assert verify([*stored[:at], *stored[at + 1 :]]), "left out"
    assert verify([*stored[: at + 1], *stored[at:]]), "added: one came twice"
    assert verify([*stored[:at], (subject, payload, {}), *stored[at:]]), "added: it has no place"
    own = linked_hash(headers[names.HEADER_PREVIOUS_HASH], int(headers[names.HEADER_NUMBER]), subject, changed)
    assert verify([*stored[:at], (subject, changed, {**headers, names.HEADER_HASH: own}), *stored[at + 1 :]]), "forged"
