"""The hot set, case by case."""

from __future__ import annotations

from gapscan.lists.hot_set import QUALIFIES, HotRules, ObservedClock, afresh, changes, commands, decide

RULES = HotRules(top=2, margin=1, dwell_ms=60_000, cap=10)
MINUTE = 60_000


def test_the_top_of_every_list() -> None:
    held = decide([["A", "B", "C"], ["D", "A"], []], {}, 0, RULES)
    assert held == afresh(["A", "B", "D"])


def test_a_held_symbol_stays_in_the_margin_without_dwelling() -> None:
    held = decide([["A", "B", "C"]], afresh(["C"]), 0, RULES)
    assert held["C"] == QUALIFIES


def test_one_below_the_margin_dwells_and_comes_back_from_the_margin() -> None:
    held = decide([["A", "B", "X", "C"]], afresh(["C"]), 5, RULES)
    assert held == {**afresh(["A", "B"]), "C": 5}
    assert decide([["A", "B", "C"]], held, 6, RULES) == afresh(["A", "B", "C"])


def test_dwelling_begins_when_the_symbol_is_first_found_outside() -> None:
    held = decide([["A"]], {}, 0, RULES)
    held = decide([[]], held, 100 * MINUTE, RULES)
    assert held == {"A": 100 * MINUTE}
    assert decide([[]], held, 101 * MINUTE - 1, RULES) == held
    assert decide([[]], held, 101 * MINUTE, RULES) == {}


def test_dwelling_symbols_give_way_first_and_the_longest_outside_before_the_others() -> None:
    rules = HotRules(top=2, margin=0, dwell_ms=60_000, cap=3)
    held = {"OLD": 1, "NEW": 2}
    assert decide([["A", "B"]], held, 3, rules) == {**afresh(["A", "B"]), "NEW": 2}


def test_the_best_over_all_lists_is_kept_and_ties_go_by_symbol() -> None:
    rules = HotRules(top=3, margin=0, dwell_ms=1, cap=3)
    assert decide([["C", "X", "A"], ["B", "A", "Y"]], {}, 0, rules).keys() == {"B", "C", "A"}


def test_a_clock_that_jumps_back_starts_dwelling_anew() -> None:
    held = decide([[]], {"A": 900 * MINUTE}, 10 * MINUTE, RULES)
    assert held == {"A": 10 * MINUTE}
    assert decide([[]], held, 11 * MINUTE, RULES) == {}


def test_commands_are_batched_and_make_room_first() -> None:
    batches = commands(changes({"A", "B", "C"}, {"C", "D"}), 1)
    assert [(command.action, command.symbols) for command in batches] == [
        ("unsubscribe", ["A"]),
        ("unsubscribe", ["B"]),
        ("subscribe", ["D"]),
    ]


def test_the_clock_starts_with_the_first_live_list() -> None:
    clock = ObservedClock(MINUTE)
    clock.observe(50 * MINUTE, live=False)
    clock.observe(20 * MINUTE, live=False)
    assert (clock.now, clock.started) == (50 * MINUTE, False)
    clock.observe(10 * MINUTE, live=True)
    assert (clock.now, clock.started) == (10 * MINUTE, True)


def test_the_clock_follows_live_lists_and_steps_back_only_for_another_replay() -> None:
    clock = ObservedClock(MINUTE)
    clock.observe(10 * MINUTE, live=True)
    clock.observe(10 * MINUTE + 1, live=True)
    clock.observe(9 * MINUTE + 1, live=True)
    assert clock.now == 10 * MINUTE + 1
    clock.observe(9 * MINUTE, live=True)
    assert clock.now == 9 * MINUTE
    clock.observe(0, live=False)
    clock.observe(99 * MINUTE, live=False)
    assert clock.now == 9 * MINUTE
