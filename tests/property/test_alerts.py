"""Alerts are what a plain look at each state of a list gives, for any list, any alert, resumed anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from gapscan.events.alert_memory import holds_back
from gapscan.events.history import ListHistory
from gapscan.protocol.alerts import Alert, AlertDefinition
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.events import EventPosition
from gapscan.protocol.messages import ListDefinition, Row
from gapscan.ranking.alerts import compile_alert
from tests.support.cases import fewer
from tests.support.strategies import delta_between, row_lists

Rows = list[Row]
Said = tuple[int, int, str]  # sequence, market time, symbol

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

    def lasted(self, until: int) -> dict[str, int]:
        """Of whom it is told that it stayed so, and when it had: the list was the same until then."""
        dwell = round(self.definition.dwell * 1000)
        due = {s: at + dwell for s, at in self.waiting.items() if at + dwell <= until}
        self.waiting = {s: at for s, at in self.waiting.items() if s not in due}
        found = {symbol: at for symbol, at in due.items() if self.may_tell(symbol, at)}
        self.told |= found
        return found

    def step(self, before: Rows, after: Rows, now: int) -> set[str]:
        was, there = {row["symbol"]: row for row in before}, {row["symbol"]: row for row in after}
        new = there.keys() - was.keys()
        for symbol in new:
            self.entered.setdefault(symbol, []).append(now)
        true = {s for s, row in there.items() if self.condition(row, was.get(s), now)}
        turned, holds = self.turned(was, there, new, true, now)
        self.seen |= new
        due = self.begun(turned, holds, now)
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

    def begun(self, turned: set[str], holds: set[str], now: int) -> set[str]:
        if not self.definition.dwell:
            return turned
        self.waiting = {s: at for s, at in self.waiting.items() if s in holds}
        for symbol in turned:
            self.waiting.setdefault(symbol, now)
        return set()

    def may_tell(self, symbol: str, now: int) -> bool:
        last = self.told.get(symbol)
        return last is None or (not self.definition.once_a_day and now - last >= self.definition.cooldown * 1000)


def plain(states: list[Rows], definition: AlertDefinition) -> list[Said]:
    """What is told, of which sequence and market time."""
    watched = Plain(definition)
    found: list[Said] = []
    for sequence, (before, after) in enumerate(pairwise(states), 1):
        now = time_of(sequence)
        found += [(sequence - 1, at, symbol) for symbol, at in watched.lasted(now).items()]
        found += [(sequence, now, symbol) for symbol in watched.step(before, after, now)]
    return sorted(found)


def time_of(sequence: int) -> int:
    return NOON + sequence * STEP * 1000


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
        _, occurrences = history.apply(structs.replace(delta, as_of=time_of(sequence)), sequence)
        found += [one for one in occurrences if isinstance(one, Alert)]
    return found


@fewer
@given(histories(), ALERTS)
def test_they_are_what_a_plain_look_gives(states: list[Rows], definition: AlertDefinition) -> None:
    found = run(begun(definition), states)
    assert sorted((one.sequence, one.as_of, one.symbol) for one in found) == plain(states, definition)


@fewer
@given(histories(), ALERTS, st.data())
def test_resumed_anywhere_they_are_the_same_ones(
    states: list[Rows], definition: AlertDefinition, data: st.DataObject
) -> None:
    whole = run(begun(definition), states)
    at = data.draw(st.integers(0, len(states) - 1))
    first = begun(definition)
    before = run(first, states[: at + 1])
    second = ListHistory("a")
    second.restore(decode_as(EventPosition, encode(first.position())))
    watch(second, definition)
    assert run(second, states, at) == whole[len(before) :]


@fewer
@given(histories(), ALERTS, st.lists(st.integers(0, STEP * 1000), max_size=12))
def test_whoever_looks_in_between_finds_the_same_ones(
    states: list[Rows], definition: AlertDefinition, looks: list[int]
) -> None:
    """As heartbeats make it look: at any time before the next delta, none or many of them."""
    history = begun(definition)
    found: list[Alert] = []
    for sequence in range(1, len(states)):
        for later in looks[sequence - 1 :: len(states)]:
            found += history.lasted(time_of(sequence - 1) + later)
        found += run(history, states[: sequence + 1], sequence - 1)
    assert found == run(begun(definition), states)


@fewer
@given(histories(), ALERTS, ALERTS)
def test_what_an_alert_knew_is_nothing_to_one_that_waits_for_another_thing(
    states: list[Rows], earlier: AlertDefinition, definition: AlertDefinition
) -> None:
    """It begins as if it were new, whether it was edited while somebody looked or while nobody did."""
    assume(compile_alert(earlier).watches != compile_alert(definition).watches)
    last = len(states) - 2
    edited, fresh = begun(earlier), ListHistory("a")
    run(edited, states[:-1])
    position = decode_as(EventPosition, encode(edited.position()))
    restarted = ListHistory("a")
    restarted.restore(position)
    fresh.restore(structs.replace(position, alerts={}))
    for history in (edited, restarted, fresh):
        watch(history, definition)
    expected = run(fresh, states, last)
    assert run(edited, states, last) == expected
    assert run(restarted, states, last) == expected


@fewer
@given(histories(), ALERTS)
def test_nobody_is_kept_whom_nothing_holds_back(states: list[Rows], definition: AlertDefinition) -> None:
    history = begun(definition)
    last: dict[str, int] = {}
    for sequence in range(1, len(states)):
        found = run(history, states[: sequence + 1], sequence - 1)
        last |= {one.symbol: one.as_of for one in found}
        state = history.alerts.states()["told"]
        assert state.told.items() <= last.items()
        if found:
            kept = {s for s, at in last.items() if holds_back(definition, at, found[-1].as_of)}
            assert state.told.keys() >= kept
        if not (definition.cooldown or definition.once_a_day):
            assert not state.told


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
