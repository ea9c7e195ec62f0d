from __future__ import annotations

import pytest
from msgspec.structs import replace

from gapscan.errors import DeltaError
from gapscan.lists.state import Copy, Fit, ranked, unranked
from gapscan.protocol.messages import Row, Update
from tests.support.strategies import delta_between, snapshot_of

FIRST = [Row(symbol="A", price=1.0), Row(symbol="B", price=2.0)]
SECOND = [Row(symbol="B", price=2.0), Row(symbol="C", price=None)]
THIRD = [Row(symbol="C", price=3.0)]


@pytest.fixture
def copy() -> Copy:
    copy = Copy()
    copy.load(snapshot_of(FIRST, 7))
    return copy


def test_a_snapshot_then_deltas(copy: Copy) -> None:
    assert (copy.epoch, copy.sequence, copy.rows) == ("e1", 7, FIRST)
    assert copy.apply(delta_between(FIRST, SECOND, 7), 8) is Fit.APPLIED
    assert copy.apply(delta_between(SECOND, THIRD, 8), 9) is Fit.APPLIED
    assert (copy.sequence, copy.rows, copy.as_of) == (9, THIRD, 9)


def test_several_deltas_folded_into_one(copy: Copy) -> None:
    assert copy.apply(delta_between(FIRST, THIRD, 7), 19) is Fit.APPLIED
    assert (copy.sequence, copy.rows) == (19, THIRD)


@pytest.mark.parametrize(
    ("prev", "sequence", "fit"), [(6, 7, Fit.OLD), (0, 1, Fit.OLD), (8, 9, Fit.HOLE), (5, 9, Fit.HOLE)]
)
def test_out_of_sequence(copy: Copy, prev: int, sequence: int, fit: Fit) -> None:
    assert copy.apply(delta_between(FIRST, SECOND, prev), sequence) is fit
    assert (copy.sequence, copy.rows) == (7, FIRST)


def test_another_epoch(copy: Copy) -> None:
    assert copy.apply(delta_between(FIRST, SECOND, 7, epoch="e2"), 8) is Fit.OTHER_EPOCH
    copy.load(snapshot_of(THIRD, 1, epoch="e2"))
    assert (copy.epoch, copy.sequence, copy.rows) == ("e2", 1, THIRD)


def test_what_does_not_fit_changes_nothing(copy: Copy) -> None:
    delta = delta_between(FIRST, SECOND, 7)
    for wrong in (
        replace(delta, checksum=delta.checksum ^ 1),
        replace(delta, size=3),
        replace(delta, changes=delta.changes[:-1]),
        replace(delta, changes=[*delta.changes, Update(2, "B", {})]),
    ):
        assert copy.apply(wrong, 8) is Fit.MISMATCH
        assert (copy.sequence, copy.rows) == (7, FIRST)
    assert copy.apply(delta, 8) is Fit.APPLIED


def test_a_snapshot_that_is_wrong_is_refused(copy: Copy) -> None:
    snapshot = snapshot_of(SECOND, 8)
    with pytest.raises(DeltaError, match="checksum"):
        copy.load(replace(snapshot, checksum=1))
    with pytest.raises(DeltaError, match="rank 2 in place 1"):
        copy.load(replace(snapshot, rows=snapshot.rows[::-1]))
    assert (copy.sequence, copy.rows) == (7, FIRST)


def test_ranks_are_positions() -> None:
    assert ranked(FIRST) == [{"rank": 1, "symbol": "A", "price": 1.0}, {"rank": 2, "symbol": "B", "price": 2.0}]
    assert unranked(snapshot_of(FIRST, 1)) == FIRST
