"""A client's copy of a list over a link that loses, repeats, reorders and damages what it carries."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gapscan.lists.delta import symbols_of
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.messages import Add, Change, Delta, Remove, Rerank, Row, Snapshot, Update
from tests.support.strategies import SYMBOLS, delta_between, row_lists, snapshot_of

Rows = list[Row]
Sent = tuple[Delta, int]

histories = st.lists(row_lists(), min_size=2, max_size=6)
seeds = st.integers(0, 2**32)


def deltas_of(states: list[Rows], epoch: str = "e1") -> list[Sent]:
    """The deltas from each state to the next, with their sequences."""
    return [(delta_between(old, new, at, epoch), at + 1) for at, (old, new) in enumerate(pairwise(states))]


def folded(states: list[Rows], begin: int, end: int) -> Sent:
    """One delta in place of those between two sequences."""
    return delta_between(states[begin], states[end], begin), end


def copy_of(rows: Rows, sequence: int = 0) -> Copy:
    copy = Copy()
    copy.load(snapshot_of(rows, sequence))
    return copy


@given(histories, seeds)
def test_what_is_lost_repeated_or_reordered_is_never_applied_out_of_place(states: list[Rows], seed: int) -> None:
    dice = random.Random(seed)
    came = [
        folded(states, *sorted(dice.sample(range(len(states)), 2))) if dice.random() < 0.4 else delta
        for delta in deltas_of(states) * 2
    ]
    copy = copy_of(states[0])
    for delta, sequence in came:
        held, at = copy.rows, copy.sequence
        fit = copy.apply(delta, sequence)
        assert fit is (Fit.OLD if sequence <= at else Fit.APPLIED if delta.prev == at else Fit.HOLE)
        assert copy.rows == states[copy.sequence]
        assert fit is Fit.APPLIED or copy.rows is held


def damaged_change(change: Change, dice: random.Random) -> list[Change]:
    """Instead of `change`: nothing, itself twice, or itself with another symbol or rank."""
    other_symbol = dice.choice([symbol for symbol in SYMBOLS if symbol != change.symbol])
    other_rank = dice.choice([0, 1, 2, 5, 99])
    damages: list[list[Change]] = [[change, change], [replace(change, symbol=other_symbol)]]
    match change:
        case Remove():
            damages.append([])
        case Rerank():
            damages += [[], [replace(change, new_rank=other_rank)], [replace(change, old_rank=other_rank)]]
        case Add() | Update():
            damages.append([replace(change, rank=other_rank)])
    return dice.choice(damages)


def damaged(delta: Delta, dice: random.Random) -> Delta:
    """`delta` with one thing wrong that bears on which symbols stand where."""
    kind = dice.randrange(4)
    if kind == 0 or not delta.changes:
        return replace(delta, checksum=delta.checksum ^ 1 << dice.randrange(32))
    if kind == 1:
        return replace(delta, size=delta.size + 1)
    changes = list(delta.changes)
    if kind == 2:
        dice.shuffle(changes)
    at = dice.randrange(len(changes))
    changes[at : at + 1] = damaged_change(changes[at], dice)
    return replace(delta, changes=changes)


@given(histories, seeds)
def test_a_damaged_delta_is_found_or_harmless(states: list[Rows], seed: int) -> None:
    dice = random.Random(seed)
    copy = copy_of(states[0])
    for delta, sequence in deltas_of(states):
        fit = copy.apply(damaged(delta, dice), sequence)
        if fit is Fit.APPLIED:
            assert symbols_of(copy.rows) == symbols_of(states[sequence])
            assert copy.sequence == sequence
        else:
            assert fit is Fit.MISMATCH
            assert copy.sequence == sequence - 1
        copy = copy_of(states[sequence], sequence)


@dataclass
class Server:
    """What a server holds of one list: the deltas that are not trimmed yet, and a snapshot that joins them."""

    epoch: str
    states: list[Rows]
    snapshot_at: int = 0
    trimmed: int = 0
    deltas: list[Sent] = field(init=False)

    def __post_init__(self) -> None:
        self.deltas = deltas_of(self.states, self.epoch)

    @property
    def last(self) -> int:
        return len(self.states) - 1

    def after(self, sequence: int) -> list[Sent] | None:
        """The deltas after `sequence`; None when some of them are gone."""
        return None if sequence < self.trimmed else self.deltas[sequence:]

    def snapshot(self) -> Snapshot:
        return snapshot_of(self.states[self.snapshot_at], self.snapshot_at, self.epoch)


@dataclass
class Client:
    """The rules of following, without a network."""

    server: Server
    copy: Copy = field(default_factory=Copy)

    def hear(self, delta: Delta, sequence: int) -> None:
        match self.copy.apply(delta, sequence):
            case Fit.HOLE:
                self.fill()
            case Fit.MISMATCH | Fit.OTHER_EPOCH:
                self.begin_anew()

    def hear_heartbeat(self, epoch: str, sequence: int) -> None:
        if epoch != self.copy.epoch:
            self.begin_anew()
        elif sequence > self.copy.sequence:
            self.fill()

    def fill(self) -> None:
        missing = self.server.after(self.copy.sequence)
        if missing is None:
            self.begin_anew()
            return
        for delta, sequence in missing:
            if self.copy.apply(delta, sequence) is not Fit.APPLIED:
                self.begin_anew()
                return

    def begin_anew(self) -> None:
        self.copy.load(self.server.snapshot())
        for delta, sequence in self.server.after(self.copy.sequence) or []:
            assert self.copy.apply(delta, sequence) is Fit.APPLIED


def lossy(sent: list[Sent], dice: random.Random) -> list[Sent]:
    """What comes of `sent`: some lost, some twice, some late, some damaged."""
    came = [delta for delta in sent for _ in range(dice.choice([0, 1, 1, 1, 2]))]
    for at in range(1, len(came)):
        if dice.random() < 0.2:
            came[at - 1], came[at] = came[at], came[at - 1]
    return [(damaged(delta, dice), sequence) if dice.random() < 0.1 else (delta, sequence) for delta, sequence in came]


@given(histories, histories, seeds)
def test_a_follower_ends_exact(states: list[Rows], anew: list[Rows], seed: int) -> None:
    """Whatever the link does; halfway the server loses its disk and begins a new epoch."""
    dice = random.Random(seed)
    client = Client(Server("e1", states))
    client.begin_anew()
    for server in (client.server, Server("e2", anew)):
        client.server = server
        server.snapshot_at = dice.randint(0, server.last)
        server.trimmed = dice.randint(0, server.snapshot_at)
        for delta, sequence in lossy(server.deltas, dice):
            client.hear(delta, sequence)
            assert symbols_of(client.copy.rows) == symbols_of(server.states[client.copy.sequence])
        client.hear_heartbeat(server.epoch, server.last)
        assert (client.copy.epoch, client.copy.sequence) == (server.epoch, server.last)
        assert client.copy.rows == server.states[-1]
