"""The events of a list are what a plain look at its rows before and after each delta gives, wherever it was resumed."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from gapscan.events.history import ListHistory, loaded
from gapscan.lists.state import Fit
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.events import Event, EventGap, EventPosition, Occurrence
from gapscan.protocol.messages import Condition, NearMiss, Row
from tests.support.cases import fewer
from tests.support.strategies import delta_between, full_row, row_lists, snapshot_of

Rows = list[Row]
Said = tuple[int, str, str, int | None, object]  # sequence, kind, symbol, rank, price

KINDS = ("enter", "leave")
LACKS = Condition("volume >= 1000", "test", 0, False, True, 970, 1000)
HALTS = st.sampled_from([None, None, "halted", "resumed"])


@st.composite
def histories(draw: st.DrawFn) -> list[Rows]:
    """A list from empty, in up to eight states, of which no two that follow each other are alike."""
    states: list[Rows] = [[]]
    for _ in range(draw(st.integers(1, 8))):
        rows = [{**row, "halt": draw(HALTS)} for row in draw(row_lists())]
        if rows != states[-1]:
            states.append(rows)  # type: ignore[arg-type]
    return states


def plain(states: list[Rows]) -> list[Said]:
    """Who is there and was not, who was and is not, whose halt is another; in any order within a delta."""
    said: list[Said] = []
    seen: set[str] = set()
    for sequence, (before, after) in enumerate(pairwise(states), 1):
        was, now = places(before), places(after)
        for symbol in was.keys() | now.keys():
            rank, row = now.get(symbol) or was[symbol]
            kinds = ["leave"] if symbol not in now else ["enter"] if symbol not in was else []
            if kinds == ["enter"] and symbol not in seen:
                kinds.append("first")
                seen.add(symbol)
            if symbol in was and symbol in now and row.get("halt") not in (None, was[symbol][1].get("halt")):
                kinds.append(str(row.get("halt")))
            said += [(sequence, kind, symbol, rank, row.get("price")) for kind in kinds]
    return sorted(said)


def places(rows: Rows) -> dict[str, tuple[int, Row]]:
    return {row["symbol"]: (rank, row) for rank, row in enumerate(rows, 1)}


def said(occurrences: list[Occurrence]) -> list[Said]:
    events = [one for one in occurrences if isinstance(one, Event)]
    assert len({one.id for one in occurrences}) == len(occurrences)
    return sorted((one.sequence, one.kind, one.symbol, one.rank, one.data.get("price")) for one in events)


def run(history: ListHistory, states: list[Rows], first: int = 0) -> list[Occurrence]:
    found: list[Occurrence] = []
    for sequence in range(first + 1, len(states)):
        delta = delta_between(states[sequence - 1], states[sequence], sequence - 1)
        fit, occurrences = history.apply(delta, sequence)
        assert fit is Fit.APPLIED
        found += occurrences
    return found


def begun() -> ListHistory:
    history = ListHistory("a")
    history.begin("e1")
    return history


@fewer
@given(histories())
def test_they_are_what_a_plain_look_gives(states: list[Rows]) -> None:
    assert said(run(begun(), states)) == plain(states)


@fewer
@given(histories(), st.data())
def test_resumed_anywhere_they_are_the_same_ones(states: list[Rows], data: st.DataObject) -> None:
    """Who goes on from a kept position says what was said before again, under the same ids, and nothing else."""
    whole = run(begun(), states)
    at = data.draw(st.integers(0, len(states) - 1))
    first = begun()
    run(first, states[: at + 1])
    second = ListHistory("a")
    second.restore(decode_as(EventPosition, encode(first.position())))
    again = run(second, states, at)
    assert [one.id for one in again] == [one.id for one in whole if one.sequence > at]
    assert again == [one for one in whole if one.sequence > at]


@fewer
@given(histories(), st.data())
def test_a_gap_is_said_with_its_sum(states: list[Rows], data: st.DataObject) -> None:
    """What came and went in it is not there; who is there afterwards and was not entered; who was and is not left."""
    known = data.draw(st.integers(0, len(states) - 1))
    history = begun()
    run(history, states[: known + 1])
    last = len(states) - 1
    gap, *missed = history.skip_to(loaded(snapshot_of(states[-1], last)), "expired", simulated=False)
    assert isinstance(gap, EventGap)
    assert (gap.earlier_epoch, gap.earlier_sequence, gap.sequence) == ("e1", known, last)
    assert all(isinstance(one, Event) and one.missed and one.sequence == last for one in missed)
    was, now = places(states[known]), places(states[-1])
    by_kind = {kind: {one.symbol for one in missed if isinstance(one, Event) and one.kind == kind} for kind in KINDS}
    assert by_kind["enter"] == now.keys() - was.keys()
    assert by_kind["leave"] == was.keys() - now.keys()


@given(row_lists())
def test_of_a_list_that_nobody_knew_nothing_happened(rows: Rows) -> None:
    """Its rows are there, since when nobody knows; one of them that comes back later today is no first one."""
    history = ListHistory("a")
    assert [type(one) for one in history.skip_to(loaded(snapshot_of(rows, 7)), "start", simulated=True)] == [EventGap]
    back = run(history, [*([[]] * 7), rows, [], rows], 7) if rows else []
    assert {one.kind for one in back if isinstance(one, Event)} <= {"enter", "leave"}


@given(row_lists())
def test_all_leave_a_list_that_is_removed(rows: Rows) -> None:
    history = begun()
    if rows:
        run(history, [[], rows])
    left = history.remove()
    assert [one.symbol for one in left if isinstance(one, Event)] == [row["symbol"] for row in rows]
    assert all(isinstance(one, Event) and one.kind == "leave" and one.reason == "removed" for one in left)
    assert history.remove() == []


@st.composite
def with_near(draw: st.DrawFn) -> list[tuple[Rows, list[NearMiss]]]:
    """Such a history, and who is said to be near with each delta: as often as a ranker that knows nothing says it."""
    states = draw(histories())
    symbols = st.lists(st.sampled_from(["A", "B", "C", "D"]), max_size=3, unique=True)
    return [(rows, [NearMiss(symbol, LACKS, 3.0, 1.5) for symbol in draw(symbols)]) for rows in states]


def run_near(history: ListHistory, steps: list[tuple[Rows, list[NearMiss]]], first: int = 0) -> list[Occurrence]:
    found: list[Occurrence] = []
    for sequence in range(first + 1, len(steps)):
        delta = delta_between(steps[sequence - 1][0], steps[sequence][0], sequence - 1)
        found += history.apply(structs.replace(delta, near=steps[sequence][1] or UNSET), sequence)[1]
    return found


@fewer
@given(with_near(), st.data())
def test_who_comes_near_is_said_once_until_it_enters(
    steps: list[tuple[Rows, list[NearMiss]]], data: st.DataObject
) -> None:
    """Whoever says it, and wherever it is resumed; and with it nothing else is different."""
    expected: list[tuple[int, str]] = []
    known: set[str] = set()
    for sequence, ((before, _), (after, near)) in enumerate(pairwise(steps), 1):
        known -= places(after).keys() - places(before).keys()
        expected += [(sequence, miss.symbol) for miss in near if miss.symbol not in known]
        known |= {miss.symbol for miss in near}
    whole = run_near(begun(), steps)
    events = [one for one in whole if isinstance(one, Event) and one.kind == "near"]
    assert [(one.sequence, one.symbol) for one in events] == expected
    assert all(
        (one.rank, one.condition, one.distance, one.data) == (None, LACKS, 3.0, {"price": 1.5}) for one in events
    )
    assert [one for one in whole if one not in events] == run(begun(), [rows for rows, _ in steps])
    at = data.draw(st.integers(0, len(steps) - 1))
    first, second = begun(), ListHistory("a")
    run_near(first, steps[: at + 1])
    second.restore(decode_as(EventPosition, encode(first.position())))
    assert run_near(second, steps, at) == [one for one in whole if one.sequence > at]


def test_an_entry_on_another_day_is_a_first_one_again() -> None:
    day = 86_400_000
    history, rows = begun(), [full_row("A", 1)]
    kinds: list[str] = []
    steps: list[tuple[Rows, Rows, int]] = [([], rows, 0), (rows, [], 0), ([], rows, 2 * day)]
    for sequence, (before, after, later) in enumerate(steps, 1):
        delta = delta_between(before, after, sequence - 1)
        _, found = history.apply(structs.replace(delta, as_of=1_795_366_800_000 + later), sequence)
        kinds += [one.kind for one in found if isinstance(one, Event)]
    assert kinds == ["enter", "first", "leave", "enter", "first"]
