"""Differences of many lists, found in one go, are those of each list alone."""

from __future__ import annotations

import random
from typing import cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.lists.comparison import compare
from gapscan.lists.difference import NOWHERE, Difference, diff, moves
from gapscan.protocol.messages import Row, Update
from tests.property.test_delta import longest_increasing

Case = tuple[int, list[int], list[int], list[int]]  # old size, came_from, old versions, new versions


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """An old list of some size, and a new one of rows from it and others; nearly sorted, as lists mostly are."""
    size, dice = draw(st.integers(0, 60)), random.Random(draw(st.integers(0, 2**32)))
    kept = [place for place in range(size) if dice.random() < 0.9]
    for _ in range(draw(st.integers(0, 6))):
        if kept:
            kept.insert(dice.randrange(len(kept)), kept.pop(dice.randrange(len(kept))))
    came_from = list(kept)
    for _ in range(draw(st.integers(0, 4))):
        came_from.insert(dice.randint(0, len(came_from)), NOWHERE)
    old = [dice.randrange(3) for _ in range(size)]
    return size, came_from, old, [dice.randrange(3) for _ in came_from]


def plainly(case: Case) -> tuple[list[int], int, list[tuple[int, int]]]:
    """Who is removed, how many are placed at least, and who is updated from where."""
    size, came_from, old, new = case
    stayed = [was for was in came_from if was != NOWHERE]
    removed = [place for place in range(size) if place not in stayed]
    placed = came_from.count(NOWHERE) + len(stayed) - longest_increasing(stayed)
    updated = [(at, was) for at, was in enumerate(came_from) if was != NOWHERE and old[was] != new[at]]
    return removed, placed, updated


def check(case: Case, difference: Difference) -> None:
    _, came_from, _, _ = case
    removed, placed, updated = plainly(case)
    assert difference.removed == removed
    assert list(zip(difference.updated, difference.updated_from, strict=True)) == updated
    assert difference.placed == sorted(set(difference.placed))
    assert difference.placed_from == [came_from[at] for at in difference.placed]
    assert len(difference.placed) == placed
    rest = [was for at, was in enumerate(came_from) if at not in difference.placed]
    assert NOWHERE not in rest
    assert rest == sorted(rest)


@given(st.lists(cases(), min_size=1, max_size=8))
def test_many_lists_at_once(found: list[Case]) -> None:
    def joined(part: int) -> np.ndarray:
        return np.array([version for case in found for version in cast(list[int], case[part])], np.int64)

    came_from = [np.array(places, np.intp) for _, places, _, _ in found]
    differences = compare(came_from, [size for size, *_ in found], (joined(2), joined(3)))
    assert len(differences) == len(found)
    for case, difference in zip(found, differences, strict=True):
        check(case, difference)


@given(cases())
def test_of_one_list_it_is_what_diff_finds(case: Case) -> None:
    """To the letter, although a difference of the same size might move other rows."""
    size, came_from, _, _ = case
    before = [f"S{place}" for place in range(size)]
    after = [f"N{at}" if was == NOWHERE else before[was] for at, was in enumerate(came_from)]
    old, new = [Row(symbol=symbol, price=1.0) for symbol in before], [Row(symbol=symbol, price=2.0) for symbol in after]
    (difference,) = compare([np.array(came_from, np.intp)], [size])
    updates = [Update(at + 1, after[at], {"price": 2.0}) for at, was in enumerate(came_from) if was != NOWHERE]
    assert diff(old, new) == [*moves(difference, before, new), *updates]
