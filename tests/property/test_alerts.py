"""Alerts are what a plain look at each state of a list gives, for any list, any alert, resumed anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gapscan.events.history import ListHistory
from gapscan.protocol.alerts import Alert, AlertDefinition
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.events import EventPosition
from gapscan.protocol.messages import ListDefinition, Row
from gapscan.ranking.alerts import compile_alert
from tests.support.cases import fewer
from tests.support.strategies import delta_between, row_lists

Rows = list[Row]
Said = tuple[int, str]  # sequence, symbol

NOON = 1_795_366_800_000  # 2026-11-22 12:00 in New York
STEP = 7  # seconds of market time between two states

ALERTS = st.builds(
    AlertDefinition,
    name=st.just("told"),
    list=st.just("a"),
    on=st.sampled_from(["enter", "leave", "first"]),
    when=st.sampled_from(["", "price > 1", "not price > 1", "volume >= 7 or price > 1.2"]),
    dwell=st.sampled_from([0.0, 1.0, 7.0, 15.0]),
    cooldown=st.sampled_from([0.0, 10.0, 30.0]),
    once_a_day=st.booleans(),
) | st.one_of(
    st.builds(
        AlertDefinition,
        name=st.just("told"),
        list=st.just("a"),
        on=st.just("when"),
        when=st.sampled_from(["price > 1", "price > 1.2 and volume < 7", "crosses_above(price, 1.2)", "count(1) >= 2"]),
        dwell=st.sampled_from([0.0, 7.0, 15.0]),
        cooldown=st.sampled_from([0.0, 30.0]),
    ),
    st.builds(
        AlertDefinition,
        name=st.just("told"),
        list=st.just("a"),
        on=st.just("rank"),
        rank=st.integers(1, 4),
        dwell=st.sampled_from([0.0, 7.0]),
    ),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Rows]:
    states: list[Rows] = [[]]
    for _ in range(draw(st.integers(1, 9))):
        if (rows := draw(row_lists())) != states[-1]:
            states.append(rows)
    return states


def number(row: Row | None, name: str) -> float:
    value = row.get(name) if row else None
    return float(value) if isinstance(value, int | float) else float("nan")


@dataclass
class Plain:
    """One alert, watched for with dictionaries and loops."""

    definition: AlertDefinition
    entered: dict[str, list[int]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    waiting: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)

    def condition(self, row: Row, before: Row | None, now: int) -> bool:
        price, volume = number(row, "price"), number(row, "volume")
        recent = [at for at in self.entered.get(row["symbol"], []) if at > now - 60_000]
        return {
            "": True,
            "price > 1": price > 1,
            "not price > 1": price <= 1,
            "volume >= 7 or price > 1.2": volume >= 7 or price > 1.2,
            "price > 1.2 and volume < 7": price > 1.2 and volume < 7,
            "crosses_above(price, 1.2)": number(before, "price") <= 1.2 < price,
            "count(1) >= 2": len(recent) >= 2,
        }[self.definition.when]

    def step(self, before: Rows, after: Rows, now: int) -> set[str]:
        was, there = {row["symbol"]: row for row in before}, {row["symbol"]: row for row in after}
        new = there.keys() - was.keys()
        for symbol in new:
            self.entered.setdefault(symbol, []).append(now)
        true = {s for s, row in there.items() if self.condition(row, was.get(s), now)}
        turned, holds = self.turned(was, there, new, true, now)
        self.seen |= new
        due = self.lasting(turned, holds, now)
        found = {symbol for symbol in due if self.may_tell(symbol, now)}
        self.told |= dict.fromkeys(found, now)
        return found

    def turned(
        self, was: dict[str, Row], there: dict[str, Row], new: set[str], true: set[str], now: int
    ) -> tuple[set[str], set[str]]:
        on, rank = self.definition.on, self.definition.rank
        if on == "when":
            turned, self.held = true - self.held, true
            return turned, true
        if on == "rank":
            top = set(list(there)[:rank])
            return top - set(list(was)[:rank]), top
        if on == "leave":
            gone = {s for s in was.keys() - there.keys() if self.condition(was[s], was[s], now)}
            return gone, self.waiting.keys() - there.keys()
        return (new - self.seen if on == "first" else new) & true, set(there)

    def lasting(self, turned: set[str], holds: set[str], now: int) -> set[str]:
        if not self.definition.dwell:
            return turned
        self.waiting = {s: at for s, at in self.waiting.items() if s in holds}
        for symbol in turned:
            self.waiting.setdefault(symbol, now)
        due = {s for s, at in self.waiting.items() if now - at >= self.definition.dwell * 1000}
        self.waiting = {s: at for s, at in self.waiting.items() if s not in due}
        return due

    def may_tell(self, symbol: str, now: int) -> bool:
        last = self.told.get(symbol)
        return last is None or (not self.definition.once_a_day and now - last >= self.definition.cooldown * 1000)


def plain(states: list[Rows], definition: AlertDefinition) -> list[Said]:
    watched = Plain(definition)
    steps = enumerate(pairwise(states), 1)
    return sorted((at, s) for at, (a, b) in steps for s in watched.step(a, b, NOON + at * STEP * 1000))


def begun(definition: AlertDefinition) -> ListHistory:
    history = ListHistory("a")
    history.begin("e1")
    watch(history, definition)
    return history


def watch(history: ListHistory, definition: AlertDefinition) -> None:
    a_list = ListDefinition("a", "", "price > 0.5", ["symbol"], 200, [])
    history.alerts.set_specs([compile_alert(definition)], a_list)


def run(history: ListHistory, states: list[Rows], first: int = 0) -> list[Alert]:
    found: list[Alert] = []
    for sequence in range(first + 1, len(states)):
        delta = delta_between(states[sequence - 1], states[sequence], sequence - 1)
        _, occurrences = history.apply(structs.replace(delta, as_of=NOON + sequence * STEP * 1000), sequence)
        found += [one for one in occurrences if isinstance(one, Alert)]
    return found


@fewer
@given(histories(), ALERTS)
def test_they_are_what_a_plain_look_gives(states: list[Rows], definition: AlertDefinition) -> None:
    found = run(begun(definition), states)
    assert sorted((one.sequence, one.symbol) for one in found) == plain(states, definition)


@fewer
@given(histories(), ALERTS, st.data())
def test_resumed_anywhere_they_are_the_same_ones(
    states: list[Rows], definition: AlertDefinition, data: st.DataObject
) -> None:
    whole = run(begun(definition), states)
    at = data.draw(st.integers(0, len(states) - 1))
    first = begun(definition)
    run(first, states[: at + 1])
    second = ListHistory("a")
    second.restore(decode_as(EventPosition, encode(first.position())))
    watch(second, definition)
    assert run(second, states, at) == [one for one in whole if one.sequence > at]


@fewer
@given(histories(), ALERTS)
def test_each_says_why(states: list[Rows], definition: AlertDefinition) -> None:
    """With the list's condition and its own; at the moment itself, its own holds."""
    for alert in run(begun(definition), states):
        assert alert.conditions[0].text == "price > 0.5"
        own = [one for one in alert.conditions[1:] if one.depth == 0]
        if definition.when and not definition.dwell:
            assert own
            assert all(one.passes for one in own)


@fewer
@given(histories())
def test_what_holds_already_when_somebody_begins_to_look_does_not_turn_true(states: list[Rows]) -> None:
    definition = AlertDefinition("told", "a", "when", "price > 1")
    history = ListHistory("a")
    history.begin("e1")
    run(history, states)
    watch(history, definition)
    again = [{**row, "name": "another"} for row in states[-1]]
    assert run(history, [*states, again], len(states) - 1) == []  # type: ignore[list-item]
