"""Entries by hand: who is new, how long it stays, and whom it is compared with."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gapscan.backtesting import bootstrap, dice
from gapscan.backtesting.controls import CONTROLS
from gapscan.backtesting.entries import Entries, EntryLog
from gapscan.backtesting.ranked import Ranked

PRICES = np.array([1.5, 3.0, 4.0, 4.5, 12.0, 3.5])


def log(minutes: dict[int, list[list[int] | None]], seed: int = 7, eligible: np.ndarray | None = None) -> Entries:
    everyone = np.ones(len(PRICES), np.bool_) if eligible is None else eligible
    return EntryLog(len(next(iter(minutes.values()))), len(PRICES), seed).add_all(
        Ranked(minute, [None if top is None else np.array(top, np.intp) for top in tops], PRICES, everyone)
        for minute, tops in minutes.items()
    )


def test_an_entry_lasts_until_the_symbol_is_out_and_may_come_again() -> None:
    found = log({1: [[2, 0]], 2: [[0, 2]], 3: [[0]], 4: [[0, 2]], 5: [[]]})
    rows = zip(found.place, found.rank, found.minute, found.until, found.still_in, strict=True)
    assert list(rows) == [(2, 1, 1, 3, False), (0, 2, 1, 5, False), (2, 2, 4, 5, False)]


def test_who_is_in_at_the_end_stayed_until_then() -> None:
    found = log({1: [[2]], 2: [[2]], 5: [[2]]})
    assert (found.until.tolist(), found.still_in.tolist()) == ([5], [True])


def test_a_list_that_is_closed_stands_still() -> None:
    found = log({1: [[2], [1]], 2: [None, [1]], 3: [[2, 3], [1]], 4: [None, []]})
    of_first = [row for row in zip(found.of, found.place, found.minute, found.until, strict=True) if row[0] == 0]
    assert of_first == [(0, 2, 1, 3), (0, 3, 3, 3)]


def test_one_that_takes_anothers_place_ends_that_ones_stay() -> None:
    found = log({1: [[0, 1]], 2: [[0, 2]]})
    assert list(zip(found.place, found.until, found.still_in, strict=True)) == [
        (0, 2, True),
        (1, 2, False),
        (2, 2, True),
    ]


def test_controls_are_others_of_the_price_class_and_the_same_every_time() -> None:
    minutes: dict[int, list[list[int] | None]] = {minute: [[1] if minute % 2 else []] for minute in range(1, 400)}
    found = log(minutes)
    assert found.controls.shape == (200, CONTROLS)
    counts = Counter(found.controls.ravel().tolist())
    assert counts.keys() == {2, 3, 5, -1}  # who is chosen for itself is left out
    assert max(counts.values()) < 1.5 * min(counts.values())
    assert log(minutes).controls.tolist() == found.controls.tolist()
    assert log(minutes, seed=8).controls.tolist() != found.controls.tolist()


def test_who_enters_several_lists_at_a_minute_has_the_same_controls_in_each() -> None:
    found = log({minute: [[1], [0, 1]] if minute % 2 else [[], []] for minute in range(1, 50)})
    first, second = (found.controls[(found.of == number) & (found.place == 1)] for number in (0, 1))
    assert len(first) == 25
    assert first.tolist() == second.tolist()


def test_who_could_not_have_been_in_a_list_is_not_chosen() -> None:
    eligible = np.array([True, True, False, False, True, True])
    found = log({minute: [[1] if minute % 2 else []] for minute in range(1, 100)}, eligible=eligible)
    assert set(found.controls.ravel().tolist()) == {5, -1}


def test_random_numbers_are_even_and_fixed() -> None:
    assert dice.chosen(1000, 7, np.arange(5)).tolist() == dice.chosen(1000, 7, np.arange(5)).tolist()
    assert dice.mixed(np.array([0], np.uint64)).tolist() == [0xE220A8397B1DCDAF]  # SplitMix64's first number of seed 0
    found = dice.uniform(3, np.arange(100_000))
    assert 0 <= found.min() <= found.max() < 1
    np.testing.assert_allclose(np.histogram(found, 10)[0], 10_000, rtol=0.05)


def test_an_interval_is_over_days() -> None:
    sums, counts = bootstrap.of_days(np.array([1.0, 3.0, np.nan, 2.0]), np.array([0, 0, 1, 2]), 3)
    assert (sums.tolist(), counts.tolist()) == ([4, 0, 2], [2, 0, 1])
    same = bootstrap.interval(np.full(20, 50.0), np.full(20, 100.0), 7)
    assert same == (0.5, 0.5)  # days that are all alike, however their entries differ
    low, high = bootstrap.interval(np.arange(20.0), np.ones(20), 7) or (0, 0)
    assert 6 < low < 9.5 < high < 13
    assert bootstrap.interval(np.array([5.0]), np.array([3.0]), 7) is None
