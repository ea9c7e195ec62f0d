"""Rules of the hot set, for any lists at any times."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gapscan.lists.hot_set import QUALIFIES, Held, HotRules, best_ranks, changes, commands, decide, obey
from gapscan.protocol.messages import FeedCommand

SYMBOLS = [f"S{number}" for number in range(14)]


@dataclass(frozen=True)
class Moment:
    """The lists as they are at one market time."""

    now: int
    lists: list[list[str]]


def rules(cap: st.SearchStrategy[int]) -> st.SearchStrategy[HotRules]:
    return st.builds(HotRules, top=st.integers(1, 4), margin=st.integers(0, 3), dwell_ms=st.integers(1, 30), cap=cap)


ANY_RULES = rules(st.integers(1, 16))
WIDE_RULES = rules(st.just(len(SYMBOLS)))


@st.composite
def histories(draw: st.DrawFn, *, forward: bool = True) -> list[Moment]:
    """Lists that change step by step, while time goes forward (or anywhere)."""
    a_list = st.lists(st.sampled_from(SYMBOLS), unique=True, max_size=9)
    steps = st.integers(0, 20) if forward else st.integers(-60, 20)
    now, history = 1000, []
    for step in draw(st.lists(steps, min_size=1, max_size=8)):
        now += step
        history.append(Moment(now, draw(st.lists(a_list, min_size=0, max_size=3))))
    return history


def play(history: list[Moment], rule: HotRules) -> list[Held]:
    """The held sets after each moment."""
    held: Held = {}
    return [held := decide(moment.lists, held, moment.now, rule) for moment in history]


@given(histories(forward=False), ANY_RULES)
def test_never_above_the_cap(history: list[Moment], rule: HotRules) -> None:
    assert all(len(held) <= rule.cap for held in play(history, rule))


@given(histories(forward=False), ANY_RULES)
def test_every_top_symbol_is_in_as_far_as_the_cap_allows(history: list[Moment], rule: HotRules) -> None:
    for moment, held in zip(history, play(history, rule), strict=True):
        ranks = best_ranks(moment.lists, rule.top)
        best = sorted(ranks, key=lambda symbol: (ranks[symbol], symbol))[: rule.cap]
        assert held.keys() >= set(best)


@given(histories(forward=False), ANY_RULES)
def test_nothing_comes_in_from_the_margin(history: list[Moment], rule: HotRules) -> None:
    before: Held = {}
    for moment, held in zip(history, play(history, rule), strict=True):
        assert held.keys() - before.keys() <= best_ranks(moment.lists, rule.top).keys()
        before = held


@given(histories(), WIDE_RULES)
def test_without_a_cap_a_symbol_leaves_after_the_dwell_time_and_not_before(
    history: list[Moment], rule: HotRules
) -> None:
    """Dwelling begins with the first moment that finds the symbol outside of top and, once it is in, margin."""
    expected: set[str] = set()
    outside_since: dict[str, int] = {}
    for moment, held in zip(history, play(history, rule), strict=True):
        near = best_ranks(moment.lists, rule.top + rule.margin).keys()
        qualifying = best_ranks(moment.lists, rule.top).keys() | (near & expected)
        outside_since = {symbol: outside_since.get(symbol, moment.now) for symbol in expected - qualifying}
        expected = qualifying | {s for s, since in outside_since.items() if moment.now - since < rule.dwell_ms}
        assert held.keys() == expected


@given(histories(), ANY_RULES)
def test_the_cap_takes_only_the_worst(history: list[Moment], rule: HotRules) -> None:
    """Who leaves within the dwell time leaves a full set, in which nobody is worse."""
    before: Held = {}
    for moment, held in zip(history, play(history, rule), strict=True):
        uncapped = decide(moment.lists, before, moment.now, HotRules(rule.top, rule.margin, rule.dwell_ms, 1000))
        ranks = best_ranks(moment.lists, rule.top + rule.margin)

        def worth(symbol: str, held: Held = uncapped, ranks: dict[str, int] = ranks) -> tuple[bool, float, str]:
            rank = ranks[symbol] if held[symbol] == QUALIFIES else -held[symbol]
            return held[symbol] != QUALIFIES, rank, symbol

        dropped = uncapped.keys() - held.keys()
        assert held.items() <= uncapped.items()
        assert not dropped or len(held) == rule.cap
        assert all(worth(kept) < worth(gone) for kept in held for gone in dropped)
        before = held


@given(histories(forward=False), ANY_RULES, st.integers(-5000, 900))
def test_another_replay_that_began_earlier_keeps_nothing_for_ever(
    history: list[Moment], rule: HotRules, earlier: int
) -> None:
    held = play(history, rule)[-1]
    held = decide([], held, earlier, rule)
    assert decide([], held, earlier + rule.dwell_ms, rule) == {}


@given(histories(forward=False), ANY_RULES)
def test_the_same_moments_give_the_same_sets(history: list[Moment], rule: HotRules) -> None:
    turned = [Moment(moment.now, moment.lists[::-1]) for moment in history]
    assert play(history, rule) == play(turned, rule)


@given(st.sets(st.sampled_from(SYMBOLS)), st.sets(st.sampled_from(SYMBOLS)), st.integers(1, 5))
def test_commands_lead_from_any_set_to_any_other(old: set[str], new: set[str], size: int) -> None:
    held = set(old)
    for command in commands(changes(old, new), size):
        assert 1 <= len(command.symbols) <= size
        obey(held, command)
        obey(held, command)
        assert len(held) <= max(len(old), len(new))
    assert held == new


@given(st.sets(st.sampled_from(SYMBOLS)), st.sets(st.sampled_from(SYMBOLS)))
def test_changes_name_what_differs_and_nothing_else(old: set[str], new: set[str]) -> None:
    change = changes(old, new)
    assert set(change.subscribe) == new - old
    assert set(change.unsubscribe) == old - new
    assert all(list(symbols) == sorted(symbols) for symbols in change)


@given(st.sets(st.sampled_from(SYMBOLS)), st.sets(st.sampled_from(SYMBOLS)))
def test_commanding_all_of_a_set_makes_sure_of_it(known: set[str], other: set[str]) -> None:
    """What a writer that does not know its readers' sets does."""
    held = set(other)
    for command in commands(changes(set(), known), 3):
        assert isinstance(command, FeedCommand)
        obey(held, command)
    assert held >= known
