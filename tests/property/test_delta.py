"""Rules of differences between lists, for any two lists."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gapscan.lists.delta import RowList, apply, checksum, symbols_of
from gapscan.lists.difference import diff
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.messages import Add, Change, Delta, Remove, Rerank, Row, Update
from tests.support.cases import fewer
from tests.support.strategies import delta_between, list_pairs, long_list, row_lists, snapshot_of

Rows = list[Row]


def longest_increasing(values: list[int]) -> int:
    """The length of a longest increasing subsequence, the plain way."""
    best: list[int] = []
    for at, value in enumerate(values):
        best.append(1 + max((best[i] for i in range(at) if values[i] < value), default=0))
    return max(best, default=0)


def check_minimal(old: Rows, new: Rows, changes: list[Change]) -> None:
    before, after = symbols_of(old), symbols_of(new)
    was = {row["symbol"]: row for row in old}
    staying = [symbol for symbol in after if symbol in was]
    removes = [change for change in changes if isinstance(change, Remove)]
    reranks = [change for change in changes if isinstance(change, Rerank)]
    adds = [change for change in changes if isinstance(change, Add)]
    updates = [change for change in changes if isinstance(change, Update)]

    assert [change.symbol for change in removes] == [symbol for symbol in before if symbol not in after]
    assert [change.symbol for change in adds] == [symbol for symbol in after if symbol not in was]
    assert len(reranks) == len(staying) - longest_increasing([before.index(symbol) for symbol in staying])
    for rerank in reranks:
        assert before[rerank.old_rank - 1] == after[rerank.new_rank - 1] == rerank.symbol
    differing = {
        row["symbol"]: {name: value for name, value in row.items() if was[row["symbol"]][name] != value}  # type: ignore[literal-required]
        for row in new
        if row["symbol"] in was and was[row["symbol"]] != row
    }
    assert {update.symbol: update.data for update in updates} == differing
    assert all(after[update.rank - 1] == update.symbol for update in updates)


def check_order(changes: list[Change]) -> None:
    """Removes, then adds and reranks by ascending rank, then updates."""
    phases = [{Remove: 0, Add: 1, Rerank: 1, Update: 2}[type(change)] for change in changes]
    assert phases == sorted(phases)
    ranks = [
        change.rank if isinstance(change, Add) else change.new_rank
        for change in changes
        if isinstance(change, Add | Rerank)
    ]
    assert ranks == sorted(set(ranks))


def present(rows: Rows) -> list[dict[str, Any]]:
    """Rows without the fields that have no value: null and absent mean the same."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@given(list_pairs())
def test_applying_the_difference_gives_the_new_list(pair: tuple[Rows, Rows]) -> None:
    old, new = pair
    before = [dict(row) for row in old]
    assert apply(old, diff(old, new)) == new
    assert old == before
    delta = decode(encode(delta_between(old, new, 3)))
    assert isinstance(delta, Delta)
    assert apply(old, delta.changes) == new
    assert (delta.size, delta.checksum) == (len(new), checksum(new))
    assert (checksum(old) == checksum(new)) == (symbols_of(old) == symbols_of(new))


@given(list_pairs())
def test_the_difference_is_minimal_and_in_order(pair: tuple[Rows, Rows]) -> None:
    old, new = pair
    changes = diff(old, new)
    check_minimal(old, new, changes)
    check_order(changes)


@fewer
@given(st.integers(0, 2**32))
def test_long_lists(seed: int) -> None:
    dice = random.Random(seed)
    old = long_list(dice, [])
    new = long_list(dice, old)
    changes = diff(RowList(old, symbols_of(old)), RowList(new, symbols_of(new)))
    assert changes == diff(old, new)
    assert apply(old, changes) == new
    check_minimal(old, new, changes)
    check_order(changes)


@given(list_pairs(), st.integers(0, 2**32))
def test_fields_may_be_absent(pair: tuple[Rows, Rows], seed: int) -> None:
    dice = random.Random(seed)

    def thin(rows: Rows) -> Rows:
        return [
            {name: value for name, value in row.items() if name == "symbol" or dice.random() < 0.7}  # type: ignore[misc]
            for row in rows
        ]

    old, new = thin(pair[0]), thin(pair[1])
    assert present(apply(old, diff(old, new))) == present(new)


@fewer
@given(st.lists(row_lists(), min_size=2, max_size=7), st.data())
def test_any_split_into_windows_gives_the_same_list(states: list[Rows], data: st.DataObject) -> None:
    """A window is the difference between its two ends; a copy takes windows as it takes single deltas."""
    last = len(states) - 1
    cuts = data.draw(st.sets(st.integers(1, last))) | {last}
    copy = Copy()
    copy.load(snapshot_of(states[0], 0))
    begin = 0
    for end in sorted(cuts):
        assert copy.apply(delta_between(states[begin], states[end], begin), end) is Fit.APPLIED
        assert (copy.sequence, copy.rows) == (end, states[end])
        begin = end
