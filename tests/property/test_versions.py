"""The bridge's versions and fan-out: whatever happens in whatever order, every client ends with the current rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.bridge.encodings import WEBSOCKET, Encoding
from gapscan.bridge.history import MAX_VERSIONS, RETENTION_SECONDS, ListHistory, Position
from gapscan.bridge.limits import Limits
from gapscan.bridge.session import BrowserSession
from gapscan.config import BridgeSection
from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.lists.state import Copy, Fit
from gapscan.lists.wish import WHOLE, Wish
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.protocol.websocket import Beat
from tests.support.strategies import row_lists
from tests.support.wire import BridgeHarness, FakeTransport, SocketTransport, answers, split_frames

LISTS = ("a", "b")
PATIENT = Limits.of(BridgeSection(slow_after=1e9))

seeds = st.integers(0, 2**32)
row_pools = st.lists(row_lists(), min_size=2, max_size=6)
Truth = dict[tuple[str, Position], list[Row]]
AnyTransport = FakeTransport | SocketTransport


@dataclass
class Client:
    """Keeps copies, and checks everything it is sent against the truth."""

    truth: Truth
    wish: Wish = WHOLE
    copies: dict[str, Copy] = field(default_factory=lambda: {name: Copy() for name in LISTS})
    transport: AnyTransport = field(default_factory=FakeTransport)
    session: BrowserSession | None = None
    answered: set[str] = field(default_factory=set)

    def read(self) -> None:
        for message in answers(self.transport.take()):
            if isinstance(message, Snapshot | Delta):
                self._take(message, self.copies[message.list])
                self.answered.add(message.list)
            elif isinstance(message, Beat):
                self._check(message)

    def _check(self, beat: Beat) -> None:
        """It comes after all that it speaks of."""
        for name in self.answered & beat.lists.keys():
            copy, said = self.copies[name], beat.lists[name]
            assert (copy.epoch, copy.sequence) == (said.epoch, said.sequence)

    def _take(self, message: Snapshot | Delta, copy: Copy) -> None:
        if isinstance(message, Snapshot):
            copy.load(message)
        elif (message.prev, message.epoch) == (message.sequence, copy.epoch):
            assert (message.prev, message.changes) == (copy.sequence, [])
        else:
            assert isinstance(message.sequence, int)
            assert copy.apply(message, message.sequence) is Fit.APPLIED
        assert copy.rows == self.wish.rows(self.truth[message.list, Position(copy.epoch, copy.sequence)])


class Model:
    """Lists that change, clients that come and go, and a bridge between them."""

    def __init__(
        self,
        pool: list[list[Row]],
        dice: random.Random,
        transport: Callable[[], AnyTransport],
        wishes: Sequence[Wish] = (WHOLE, WHOLE, WHOLE, WHOLE),
    ) -> None:
        self.dice = dice
        self.pool = pool
        self._transport = transport
        self.harness = BridgeHarness(*LISTS, limits=PATIENT)
        self.truth: Truth = {}
        self.at = {name: Position("e0", 0) for name in LISTS}
        self.clients = [Client(self.truth, wish) for wish in wishes]

    def change(self) -> None:
        """A list moves on, by one sequence or more."""
        name = self.dice.choice(LISTS)
        epoch, sequence = self.at[name]
        self._arrive(name, Position(epoch, sequence + self.dice.choice([1, 1, 1, 2, 5])))

    def new_epoch(self) -> None:
        name = self.dice.choice(LISTS)
        self._arrive(name, Position(f"e{self.dice.getrandbits(40)}", self.dice.randint(0, 3)))

    def _arrive(self, name: str, at: Position) -> None:
        rows = list(self.dice.choice(self.pool))
        self.at[name] = at
        self.truth[name, at] = rows
        self.harness.put(name, at.sequence, rows, at.epoch)

    def connect(self) -> None:
        """A client comes, or comes again, with what it has."""
        client = self.dice.choice(self.clients)
        self.leave(client)
        client.transport = self._transport()
        client.session = self.harness.bridge.enter(client.transport, WEBSOCKET, authorized=True)
        for name in LISTS:
            self.subscribe(client, name)

    def subscribe(self, client: Client, name: str) -> None:
        """Or a resync: with what it has, with nothing, or with something that never was."""
        client.read()
        assert client.session is not None
        copy, chance = client.copies[name], self.dice.random()
        have = Position(copy.epoch, copy.sequence) if copy.epoch else None
        if chance < 0.2:
            have = None
        elif chance < 0.3:
            have = Position("never", 7)
        client.answered.discard(name)
        self.harness.bridge.subscribe(client.session, name, have, client.wish)

    def resync(self) -> None:
        client = self.dice.choice(self.clients)
        if client.session is not None:
            self.subscribe(client, self.dice.choice(LISTS))

    def leave(self, client: Client) -> None:
        if client.session is not None:
            if self.dice.random() < 0.5:  # else what was last sent never arrives
                client.read()
            self.harness.bridge.leave(client.session)
            client.transport.close()
            client.session = None

    def block(self) -> None:
        self.dice.choice(self.clients).transport.full = True

    def unblock(self) -> None:
        self.dice.choice(self.clients).transport.full = False

    def read(self) -> None:
        self.dice.choice(self.clients).read()

    def pass_time(self) -> None:
        self.harness.pass_time(self.dice.choice([0.0, 0.03, 0.1, 0.5, 200.0]))
        if self.dice.random() < 0.2:
            for client in self.clients:
                if client.session is not None:
                    client.session.note_activity(self.harness.clock.now)
            self.harness.bridge.beat()

    def step(self) -> None:
        kinds = (self.change, self.pass_time, self.read, self.block, self.unblock, self.connect, self.resync)
        if self.dice.random() < 0.05:
            self.new_epoch()
        else:
            self.dice.choices(kinds, weights=(6, 5, 3, 1, 2, 2, 1))[0]()

    def settle(self) -> None:
        for client in self.clients:
            client.transport.full = False
        self.harness.pass_time(1.0)
        self.harness.turn()
        for client in self.clients:
            client.read()


@pytest.mark.parametrize("transport", [FakeTransport, SocketTransport])
@given(pool=row_pools, seed=seeds)
def test_every_client_ends_with_the_current_rows(
    transport: Callable[[], AnyTransport], pool: list[list[Row]], seed: int
) -> None:
    model = Model(pool, random.Random(seed), transport)
    try:
        for _ in range(60):
            model.step()
        model.settle()
        check_all(model)
    finally:
        for client in model.clients:
            model.leave(client)


def check_all(model: Model) -> None:
    """Every client that is there has the current rows of every list."""
    for client in model.clients:
        for name in LISTS if client.session else ():
            if (name, model.at[name]) in model.truth:
                assert name in client.answered
                copy, at = client.copies[name], model.at[name]
                assert copy.rows == client.wish.rows(model.truth[name, at])
                # What shows a part stays where it is while nothing of that changes.
                assert copy.epoch == at.epoch
                assert copy.sequence == at.sequence or (client.wish is not WHOLE and copy.sequence < at.sequence)


LINES = Encoding(lambda payload, _place: payload + b"\n", lambda code, name: b"", None)


@pytest.mark.parametrize("transport", [FakeTransport, SocketTransport])
@given(pool=row_pools, seed=seeds)
def test_each_encoding_carries_the_same_messages(
    transport: Callable[[], AnyTransport], pool: list[list[Row]], seed: int
) -> None:
    dice, harness = random.Random(seed), BridgeHarness("a")
    transports = [transport() for _ in range(2)]
    sessions = [
        harness.bridge.enter(way_out, encoding, authorized=True)
        for way_out, encoding in zip(transports, (WEBSOCKET, LINES), strict=True)
    ]
    for session in sessions:
        harness.bridge.subscribe(session, "a", None)
    for sequence in range(1, 12):
        harness.put("a", sequence, list(dice.choice(pool)))
        harness.pass_time(dice.choice([0.0, 0.05, 0.1]))
        frames, lines = (b"".join(way_out.drain()) for way_out in transports)
        assert b"".join(payload + b"\n" for _, payload in split_frames(frames)) == lines
        assert lines or sequence > 1
    for session, way_out in zip(sessions, transports, strict=True):
        harness.bridge.leave(session)
        way_out.close()


@given(row_pools, seeds)
def test_clients_that_are_current_are_sent_the_same_object(pool: list[list[Row]], seed: int) -> None:
    dice = random.Random(seed)
    harness = BridgeHarness("a")
    transports = [FakeTransport() for _ in range(3)]
    for transport in transports:
        harness.bridge.subscribe(harness.bridge.enter(transport, WEBSOCKET, authorized=True), "a", None)
    for sequence in range(1, 12):
        harness.put("a", sequence, list(dice.choice(pool)))
        harness.pass_time(dice.choice([0.0, 0.05, 0.1]))
        first, *others = [transport.take() for transport in transports]
        for other in others:
            assert len(other) == len(first)
            assert all(mine is theirs for mine, theirs in zip(first, other, strict=True))


@given(st.lists(st.floats(0, 40), max_size=200), seeds)
def test_versions_are_bounded_by_age_and_number(pauses: list[float], seed: int) -> None:
    dice = random.Random(seed)
    history, now = ListHistory("a"), 0.0
    arrived: dict[Position, float] = {}
    for sequence, pause in enumerate(pauses):
        now += pause
        at = Position("e", sequence)
        arrived[at] = now
        assert history.put(at, 0, [{"symbol": "A"}] if sequence % 2 else [], now)
        history.answer_for(dice.choice([*arrived]))
        kept, replaced = [*history.positions], [*arrived.values()][1:]
        old = sum(since < now - RETENTION_SECONDS for since in replaced)
        assert kept == [*arrived][old:][-MAX_VERSIONS:]
        assert history.messages_held <= len(kept) + 1


@given(row_lists(), row_lists())
def test_the_shorter_of_delta_and_snapshot_is_sent(old: list[Row], new: list[Row]) -> None:
    history = ListHistory("a")
    history.put(Position("e", 1), 1, old, 0.0)
    history.put(Position("e", 2), 2, new, 0.0)
    delta = encode(Delta("a", "e", 1, 2, diff(old, new), len(new), checksum(new), sequence=2))
    sent = history.answer_for(Position("e", 1))
    snapshot = history.answer_for(None)
    assert sent is not None
    assert snapshot is not None
    assert len(sent.payload) == min(len(delta), len(snapshot.payload))
