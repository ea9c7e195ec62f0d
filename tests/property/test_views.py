"""Parts of lists: whatever happens, what a client holds is the part of the list at the position that it has."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.bridge.encodings import WEBSOCKET, Message
from gapscan.bridge.history import ListHistory, ListStatus, Position
from gapscan.bridge.views import View
from gapscan.lists.delta import checksum
from gapscan.lists.state import Copy, Fit
from gapscan.lists.wish import Wish
from gapscan.protocol import codec
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.protocol.websocket import Beat
from tests.property.test_versions import AnyTransport, Model, check_all, row_pools, seeds
from tests.support.strategies import row_lists
from tests.support.wire import BridgeHarness, FakeTransport, SocketTransport, answers

wishes = st.builds(
    Wish.of,
    st.one_of(st.none(), st.integers(1, 8)),
    st.one_of(st.none(), st.lists(st.sampled_from([*FIELDS, "none"]), max_size=6)),
)


@given(row_lists(), wishes)
def test_a_wish_is_the_first_rows_with_some_fields(rows: list[Row], wish: Wish) -> None:
    wanted = wish.rows(rows)
    assert [row["symbol"] for row in wanted] == [row["symbol"] for row in rows][: wish.limit]
    for mine, row in zip(wanted, rows, strict=False):
        kept = row.keys() if wish.fields is None else row.keys() & {"symbol", *wish.fields}
        assert mine == {name: value for name, value in row.items() if name in kept}


@pytest.mark.parametrize("transport", [FakeTransport, SocketTransport])
@given(pool=row_pools, seed=seeds, wanted=st.tuples(wishes, wishes))
def test_every_client_ends_with_the_current_rows_of_what_it_wants(
    transport: Callable[[], AnyTransport], pool: list[list[Row]], seed: int, wanted: tuple[Wish, Wish]
) -> None:
    model = Model(pool, random.Random(seed), transport, (wanted[0], wanted[0], wanted[1], Wish()))
    try:
        for _ in range(60):
            model.step()
        model.settle()
        check_all(model)
    finally:
        for client in model.clients:
            model.leave(client)


@dataclass
class Elsewhere:
    """Two bridges, each with some of a list's versions, and a client that goes from one to the other."""

    wish: Wish
    truth: dict[Position, list[Row]] = field(default_factory=dict)
    at: Position = field(default_factory=lambda: Position("e", 0))
    now: float = 0.0
    copy: Copy = field(default_factory=Copy)

    def __post_init__(self) -> None:
        self.bases = [ListHistory("a"), ListHistory("a")]
        self.views = [View(base, self.wish) for base in self.bases]

    def change(self, rows: list[Row], dice: random.Random) -> None:
        self.at = Position(self.at.epoch, self.at.sequence + dice.randint(1, 3))
        self.truth[self.at] = rows
        self.now += dice.choice([0.1, 1.0, 50.0, 200.0])
        for base in self.bases:
            if dice.random() < 0.7:
                base.put(self.at, 0, rows, self.now)
            base.expire(self.now)

    def ask(self, dice: random.Random) -> None:
        """From a bridge, with what is there: as an answer, or because the list has changed."""
        view = dice.choice(self.views)
        have = Position(self.copy.epoch, self.copy.sequence) if self.copy.epoch else None
        owed = dice.random() < 0.5
        self.take(view.answer_for(have) if owed else view.message_for(have))
        newest = view.current.position if view.current else None
        if newest is not None and newest.sequence >= self.copy.sequence:
            assert self.copy.rows == self.wish.rows(self.truth[newest])

    def take(self, sent: Message | None) -> None:
        if sent is None:
            return
        message = codec.decode(sent.payload)
        if isinstance(message, Snapshot):
            self.copy.load(message)
        else:
            assert isinstance(message, Delta)
            assert isinstance(message.sequence, int)
            assert message.prev == self.copy.sequence
            fit = self.copy.apply(message, message.sequence)
            assert fit is Fit.APPLIED or (message.sequence, message.changes) == (self.copy.sequence, [])
        assert self.copy.rows == self.wish.rows(self.truth[Position(self.copy.epoch, self.copy.sequence)])


@given(row_pools, seeds, wishes)
def test_a_position_of_one_bridge_leads_on_at_another(pool: list[list[Row]], seed: int, wish: Wish) -> None:
    dice, model = random.Random(seed), Elsewhere(wish)
    for _ in range(60):
        if dice.random() < 0.5:
            model.change(list(dice.choice(pool)), dice)
        else:
            model.ask(dice)


def _rows(price: float, last: float) -> list[Row]:
    prices = (price, 2.0, last)
    return [Row(symbol=f"S{at}", price=value, volume=round(value)) for at, value in enumerate(prices)]


def test_nothing_is_sent_of_what_is_not_shown() -> None:
    harness, transport = BridgeHarness("a"), FakeTransport()
    session = harness.bridge.enter(transport, WEBSOCKET, authorized=True)
    harness.put("a", 1, _rows(1.0, 1.0))
    harness.bridge.subscribe(session, "a", None, Wish.of(2, ["price"]))
    (snapshot,) = answers(transport.take())
    assert isinstance(snapshot, Snapshot)
    assert snapshot.rows == [{"rank": 1, "symbol": "S0", "price": 1.0}, {"rank": 2, "symbol": "S1", "price": 2.0}]
    for sequence in range(2, 700):  # more versions than are kept
        harness.put("a", sequence, _rows(1.0, float(sequence)))
        harness.pass_time(1.0)
    assert transport.take() == []
    harness.put("a", 700, _rows(1.5, 1.0))
    harness.pass_time(1.0)
    (delta,) = answers(transport.take())
    assert isinstance(delta, Delta)
    assert (delta.prev, delta.sequence, delta.size) == (1, 700, 2)
    assert delta.checksum == checksum([Row(symbol="S0"), Row(symbol="S1")])
    assert [change.symbol for change in delta.changes] == ["S0"]


def test_the_same_wish_shares_its_bytes_and_ends_with_its_last_client() -> None:
    harness = BridgeHarness("a")
    harness.put("a", 1, _rows(1.0, 1.0))
    transports = [FakeTransport() for _ in range(3)]
    sessions = [harness.bridge.enter(transport, WEBSOCKET, authorized=True) for transport in transports]
    for session, named in zip(sessions, (["price", "volume"], ["volume", "price", "volume"], ["price"]), strict=True):
        harness.bridge.subscribe(session, "a", None, Wish.of(2, named))
    harness.put("a", 2, _rows(9.0, 1.0))
    harness.pass_time(1.0)
    first, same, other = (transport.take() for transport in transports)
    assert all(mine is theirs for mine, theirs in zip(first, same, strict=True))
    assert first != other
    assert (harness.bridge.versions.views, harness.bridge.subscriptions()) == (2, {"a": 3})
    for session in sessions:
        harness.bridge.leave(session)
    assert (harness.bridge.versions.views, harness.bridge.subscriptions()) == (0, {})


def test_another_wish_of_the_same_client_begins_with_a_snapshot() -> None:
    harness, transport = BridgeHarness("a"), FakeTransport()
    harness.put("a", 1, _rows(1.0, 1.0))
    session = harness.bridge.enter(transport, WEBSOCKET, authorized=True)
    harness.bridge.subscribe(session, "a", None, Wish.of(2, ["price"]))
    harness.bridge.subscribe(session, "a", Position("e1", 1), Wish.of(2, ["price", "volume"]))
    assert [type(each) for each in answers(transport.take())] == [Snapshot, Snapshot]
    assert harness.bridge.versions.views == 1
    harness.put("a", 2, _rows(2.0, 1.0))
    harness.pass_time(1.0)
    (delta,) = answers(transport.take())
    assert isinstance(delta, Delta)
    assert delta.changes[0].data == {"price": 2.0, "volume": 2}  # type: ignore[union-attr]


def test_a_version_that_cannot_be_sent_is_left_out_of_its_parts_too() -> None:
    harness, transports = BridgeHarness("a"), (FakeTransport(), FakeTransport())
    sessions = [harness.bridge.enter(transport, WEBSOCKET, authorized=True) for transport in transports]
    harness.put("a", 1, _rows(1.0, 1.0))
    harness.bridge.subscribe(sessions[0], "a", None)
    harness.bridge.subscribe(sessions[1], "a", None, Wish.of(2, ["price"]))
    for sequence, place, hears in ((2, 2, ["Snapshot"]), (3, 0, ["Error"])):
        bad = _rows(5.0, 1.0)
        bad[place]["price"] = object()  # type: ignore[typeddict-item]
        harness.put("a", sequence, bad)
        if place == 0:
            harness.bridge.unsubscribe(sessions[0], ["a"])  # nobody finds it but who wants a part
        harness.pass_time(1.0)
        assert [type(each).__name__ for each in answers(transports[1].take())] == hears
        harness.bridge.beat()
        (beat,) = answers(transports[1].take())
        assert isinstance(beat, Beat)
        assert (beat.lists["a"].sequence, beat.lists["a"].state) == (1, "stale")
    harness.put("a", 4, _rows(7.0, 1.0))
    harness.pass_time(1.0)
    harness.bridge.beat()
    delta, beat = answers(transports[1].take())
    assert isinstance(delta, Delta)
    assert isinstance(beat, Beat)
    assert (delta.prev, delta.sequence, beat.lists["a"].state) == (1, 4, "live")


def test_the_status_is_the_lists() -> None:
    history = ListHistory("a")
    view = View(history, Wish.of(1, []))
    history.put(Position("e", 1), 5, _rows(1.0, 1.0), 0.0)
    history.set_status(ListStatus(7, "live", True))
    sent = view.answer_for(None)
    assert sent is not None
    assert b'"simulated":true' in sent.payload
    assert (view.state, view.status.as_of) == ("live", 7)
