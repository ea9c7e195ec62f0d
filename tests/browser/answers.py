"""Answers as a ranker gives them, for the lists of the stage."""

from __future__ import annotations

from gapscan.protocol.messages import Condition, ListWhy, Why, WhyRequest
from tests.browser.stage import LIST, OPENED, OTHER

IN, OUT, UNKNOWN = "AAA", "ZZZ", "NOPE"


def looked_at(text: str, value: float, threshold: float, *, passes: bool, depth: int = 0) -> Condition:
    """A condition that is looked at since the open."""
    return Condition(text, "test", depth, passes, passes, value, threshold, OPENED, at_least=not passes)


def answer(request: WhyRequest) -> Why:
    """IN is in the first list, OUT in none."""
    if request.symbol == UNKNOWN:
        return Why(UNKNOWN, False, OPENED, "regular", True, [], [], [IN])
    lists = [_first(request.symbol == IN), _second()]
    gate = [looked_at("price >= 1", 263.1, 1, passes=True)]
    return Why(
        request.symbol, True, OPENED, "regular", True, gate, [x for x in lists if request.list in (None, x.list)], []
    )


def _first(inside: bool) -> ListWhy:
    gap = 9.0 if inside else 1.996
    conditions = [
        looked_at("gap_percent >= 2", gap, 2, passes=inside),
        Condition("a or b", "any", 0, True, True),
        looked_at("now - high_time <= 300_000", 48_000, 300_000, passes=True, depth=1),
        looked_at('volume >= (50_000 if session == "pre" else 100_000)', 245_696, 100_000, passes=True, depth=1),
    ]
    rank, since = (1, OPENED) if inside else (None, None)
    return ListWhy(LIST, True, inside, rank, 57, 200, since, False, "-gap_percent", gap, 2.03, conditions)


def _second() -> ListWhy:
    conditions = [looked_at("change_percent >= 5", -1.5, 5, passes=False)]
    return ListWhy(OTHER, False, False, None, 0, 200, None, False, "-change_percent", None, None, conditions)
