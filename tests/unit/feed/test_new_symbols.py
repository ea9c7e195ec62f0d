"""Who is asked about, when, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gapscan.feed.new_symbols import NewSymbolOptions, NewSymbols

OPTIONS = NewSymbolOptions(most=3, pause=20, rest=100)
sets = st.frozensets(st.sampled_from("ABCDEFGHIJ"))


@given(st.lists(st.tuples(st.floats(0, 30), sets, sets), max_size=30))
def test_requests_are_bounded_and_nobody_is_asked_about_in_vain(scans: list[tuple[float, set[str], set[str]]]) -> None:
    new, now, rounds, unknown = NewSymbols(OPTIONS), 1000.0, list[float](), dict[str, float]()
    for seconds, unlisted, never in scans:
        now += seconds
        new.observe(unlisted, now)
        asked = new.due(now)
        assert len(asked) <= OPTIONS.most
        assert set(asked) <= unlisted
        assert not any(unknown.get(symbol, 0) > now for symbol in asked)
        if asked:
            assert not rounds or now - rounds[-1] >= OPTIONS.pause
            rounds.append(now)
        for symbol in never.intersection(asked):
            new.rest(symbol, now)
            unknown[symbol] = now + OPTIONS.rest
        unknown = {symbol: until for symbol, until in unknown.items() if symbol in unlisted}


def test_the_newest_comes_first() -> None:
    """Hundreds that are in no listing do not hold it up."""
    new = NewSymbols(OPTIONS)
    old = {f"OLD{number}" for number in range(300)}
    new.observe(old, 1000)
    assert len(new.due(1000)) == 3
    new.observe(old | {"NEW"}, 1030)
    assert new.due(1030)[0] == "NEW"


def test_who_is_unknown_rests() -> None:
    new = NewSymbols(OPTIONS)
    new.observe({"A"}, 1000)
    assert new.due(1000) == ["A"]
    new.rest("A", 1000)
    for now, asked in ((1050, []), (1101, ["A"])):
        new.observe({"A"}, now)
        assert new.due(now) == asked


def test_who_is_listed_is_not_asked_about() -> None:
    new = NewSymbols(OPTIONS)
    new.observe({"A"}, 1000)
    new.observe(set(), 1030)
    assert (new.due(1030), new.waiting) == ([], 0)
