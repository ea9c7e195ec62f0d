"""Random histories of lists as messages, and what Python's copy makes of each of them."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from gapscan.errors import DeltaError
from gapscan.lists.delta import checksum
from gapscan.lists.state import Copy
from gapscan.protocol.messages import Add, Change, Delta, Remove, Rerank, Row, Snapshot, Update
from tests.support.strategies import SYMBOLS, delta_between, full_row, snapshot_of

Step = dict[str, Any]


def trace(seed: int) -> list[Step]:
    """A list's messages from its first snapshot on, right and wrong ones, each with what must become of it."""
    dice = random.Random(seed)
    server = _Server(dice)
    copy = Copy()
    steps = [_offered(copy, snapshot_of(server.rows, 1))]
    return steps + [_offered(copy, server.message(copy)) for _ in range(dice.randint(3, 12))]


class _Server:
    """A list that changes at random, and what might be sent about it."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.sequence = 1
        self.rows = some_rows(dice)
        self._past: dict[int, list[Row]] = {1: self.rows}

    def message(self, copy: Copy) -> Delta | Snapshot:
        kind = self.dice.random()
        if kind < 0.6:
            return self._next(copy)
        if kind < 0.7:
            self._step()  # lost: what comes next has a hole before it
        if kind < 0.8:
            return _spoiled(self._next(copy), self.dice)
        if kind < 0.85:
            return msgspec.structs.replace(self._next(copy), epoch="e2")
        if kind < 0.9:
            return self._between(max(1, self.sequence - 1), self.sequence)
        return self._snapshot()

    def _next(self, copy: Copy) -> Delta:
        """From where the copy is, or from the last sequence, to one or several steps on."""
        prev = copy.sequence if self.dice.random() < 0.7 else self.sequence
        for _ in range(self.dice.randint(1, 3)):
            self._step()
        return self._between(prev, self.sequence)

    def _between(self, prev: int, sequence: int) -> Delta:
        delta = delta_between(self._past[prev], self._past[sequence], prev)
        return msgspec.structs.replace(delta, sequence=sequence)

    def _snapshot(self) -> Snapshot:
        snapshot = snapshot_of(self.rows, self.sequence)
        if self.dice.random() < 0.3:
            return msgspec.structs.replace(snapshot, checksum=snapshot.checksum ^ 1)
        if self.dice.random() < 0.2 and snapshot.rows:
            snapshot.rows[-1]["rank"] += 1
        return snapshot

    def _step(self) -> None:
        self.rows = _changed(self.rows, self.dice) if self.dice.random() < 0.8 else some_rows(self.dice)
        self.sequence += 1
        self._past[self.sequence] = self.rows


def some_rows(dice: random.Random) -> list[Row]:
    chosen = dice.sample(SYMBOLS, dice.randint(0, len(SYMBOLS)))
    return [full_row(symbol, dice.randrange(36)) for symbol in chosen]


def _changed(rows: list[Row], dice: random.Random) -> list[Row]:
    rows = list(rows)
    for _ in range(dice.randint(1, 4)):
        if rows:
            row = rows.pop(dice.randrange(len(rows)))
            rows.insert(dice.randint(0, len(rows)), full_row(row["symbol"], dice.randrange(36)))
    return rows


def _spoiled(delta: Delta, dice: random.Random) -> Delta:
    """A delta that does not fit, or that proves wrong."""
    changes = list(delta.changes)
    kind = dice.randrange(5)
    if kind == 0:
        return msgspec.structs.replace(delta, checksum=delta.checksum ^ 1)
    if kind == 1:
        return msgspec.structs.replace(delta, size=delta.size + 1)
    if kind == 2 and changes:
        del changes[dice.randrange(len(changes))]
    elif kind == 3 and changes:
        dice.shuffle(changes)
    else:
        changes.insert(dice.randint(0, len(changes)), _odd_change(dice))
    return msgspec.structs.replace(delta, changes=changes)


def _odd_change(dice: random.Random) -> Change:
    symbol, rank = dice.choice(SYMBOLS), dice.randint(1, 14)
    odd: list[Change] = [
        Remove(symbol),
        Rerank(symbol, rank, dice.randint(1, 14)),
        Add(rank, symbol, {"price": 1.0}),
        Update(rank, symbol, {"price": None}),
    ]
    return dice.choice(odd)


def _offered(copy: Copy, message: Delta | Snapshot) -> Step:
    """What Python's copy makes of a message, and what it holds after it."""
    if isinstance(message, Snapshot):
        fit = _loaded(copy, message)
    else:
        assert isinstance(message.sequence, int)
        fit = copy.apply(message, message.sequence).value
    assert copy.checksum == checksum(copy.rows)
    return {
        "message": msgspec.to_builtins(message),
        "fit": fit,
        "epoch": copy.epoch,
        "sequence": copy.sequence,
        "as_of": copy.as_of,
        "checksum": copy.checksum,
        "rows": [dict(row) for row in copy.rows],
    }


def _loaded(copy: Copy, snapshot: Snapshot) -> str:
    try:
        copy.load(snapshot)
    except DeltaError:
        return "refused"
    return "loaded"
