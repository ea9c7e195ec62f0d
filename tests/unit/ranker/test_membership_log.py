from __future__ import annotations

from gapscan.ranker.membership_log import WATCHED, WATCHED_MS, ConditionLog, MembershipLog, Onset


def test_members() -> None:
    log = MembershipLog()
    assert log.since("winners", "A") is None
    log.note("winners", ["A", "B"], 1000)
    log.note("winners", ["B", "C"], 2000)
    assert log.since("winners", "A") is None
    assert log.since("winners", "B") == Onset(1000, at_least=True)
    assert log.since("winners", "C") == Onset(2000, at_least=False)
    log.note("winners", ["A"], 3000)
    assert log.since("winners", "A") == Onset(3000, at_least=False)
    log.note("losers", ["A"], 3000)
    log.forget({"winners", "others"})
    assert log.since("winners", "A") is None
    assert log.since("losers", "A") == Onset(3000, at_least=True)


def test_conditions() -> None:
    log = ConditionLog()
    log.ask("A", 1000)
    log.note("A", "winners", [True, False], 1000)
    log.note("A", "winners", [True, False], 2000)
    log.note("A", "winners", [True, True], 3000)
    assert log.since("A", "winners") == [Onset(1000, at_least=True), Onset(3000, at_least=False)]
    log.forget({"winners"})
    log.note("A", "winners", [True], 4000)
    assert log.since("A", "winners") == [Onset(4000, at_least=True)]


def test_what_nobody_asks_about_is_forgotten() -> None:
    log = ConditionLog()
    log.ask("A", 1000)
    log.ask("B", 1000)
    log.ask("A", 5000)
    log.expire(1000 + WATCHED_MS + 1)
    assert log.symbols == ["A"]


def test_the_number_of_watched_symbols_is_bounded() -> None:
    log = ConditionLog()
    for number in range(WATCHED + 5):
        log.ask(f"S{number}", number)
    log.ask("S7", 5000)
    log.ask("more", 5000)
    assert len(log.symbols) == WATCHED
    assert {"S7", "more"} <= set(log.symbols)
