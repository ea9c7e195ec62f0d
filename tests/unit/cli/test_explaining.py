"""`gapscan why` in words."""

from __future__ import annotations

from typing import Any

import pytest

from gapscan.protocol.messages import Condition, Headline, ListWhy, Why
from gapscan_cli.explaining import lines_of, operand

AS_OF = 1_795_357_800_000  # 2026-11-22 09:30:00 in New York


def standing(**more: Any) -> ListWhy:
    values: dict[str, Any] = {
        "list": "up", "open": True, "passes": False, "rank": None, "size": 3, "limit": 10, "since": None,
        "at_least": False, "key": "-change_percent", "value": 4.5, "last_value": 5.25, "conditions": [],
    }  # fmt: skip
    return ListWhy(**{**values, **more})


def said(*lists: ListWhy, gate: list[Condition] | None = None, **more: Any) -> str:
    why = Why(**{
        "symbol": "A", "known": True, "as_of": AS_OF, "session": "regular", "simulated": True, "gate": gate or [],
        "lists": list(lists), "nearest": [], **more,
    })  # fmt: skip
    return "\n".join("".join(part for part, _ in line).rstrip() for line in lines_of(why))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "up   not in it\n  sorted by change_percent, high to low: 4.5; the last of 3 rows has 5.25"),
        ({"key": "gap_percent", "value": None}, "up   not in it"),
        ({"passes": True}, "up   passes, but is not listed"),
        ({"passes": True, "size": 10}, "up   passes, but the list is full at 10"),
        ({"passes": True, "rank": 2, "since": AS_OF}, "up   rank 2 of 3   in it since 09:30:00"),
        ({"rank": 2, "since": AS_OF, "at_least": True}, "in it since at least 09:30:00"),
        ({"open": False}, "up   not in it   closed in this session"),
    ],
)
def test_where_a_symbol_stands(more: dict[str, Any], words: str) -> None:
    assert words in said(standing(**more))


def test_conditions() -> None:
    found = [
        Condition("price >= 5", "test", 0, True, True, 7.5, 5.0, AS_OF, True),
        Condition("a or b", "any", 0, False, True),
        Condition("volume >= 50_000", "test", 1, False, True, 48_000.0, 50_000.0, AS_OF),
        Condition('type == "\x1b[2J"', "test", 1, False, False, None, "\x1b[2J"),
    ]
    text = said(standing(conditions=found), gate=found[:1])
    first, second, third = (line.split() for line in text.splitlines()[6:9])
    assert first == ["✓", "price", ">=", "5", "7.5", "5", "since", "at", "least", "09:30:00"]
    assert second == ["~", "any", "of:"]
    assert third == ["~", "volume", ">=", "50_000", "48,000", "50,000", "since", "09:30:00"]
    assert "every list   passes" in text
    assert "SIMULATED" in text.splitlines()[0]


def test_a_value_that_nobody_observed() -> None:
    found = Condition("change_1m_percent > 1", "test", 0, False, False, None, 1.0, AS_OF, unknown_since=AS_OF)
    assert "unknown since 09:30:00, because the feed was away" in said(standing(conditions=[found]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        ("CS, ADRC", "CS, ADRC"),
        (0.0, "0"),
        (-1.25, "-1.25"),
        (1234.5, "1,234"),
        (1.5e10, "15,000,000,000"),
        (200_000_000_000, "200,000,000,000"),
        (float(AS_OF), "1,795,357,800,000"),
        (3.4e15, "3,400,000,000,000,000"),
    ],
)
def test_operands(value: float | str | bool | None, text: str) -> None:
    assert operand(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(AS_OF, "09:30:00"), (float(AS_OF), "09:30:00"), (None, "-"), (0, "0"), (1e18, f"{10**18:,}")]
)
def test_times(value: float | None, text: str) -> None:
    assert operand(value, time=True) == text


@pytest.mark.parametrize(
    ("condition", "value", "threshold", "shown"),
    [
        ("market_cap >= 200_000_000_000", 3.4e12, 2e11, ["3,400,000,000,000", "200,000,000,000"]),
        ("dollar_volume >= 1e11", 1.5e11, 1e11, ["150,000,000,000", "100,000,000,000"]),
        ("high_time >= price_time", AS_OF, AS_OF + 1000, ["09:30:00", "09:30:01"]),
        (f"{AS_OF} <= as_of", AS_OF + 1000, AS_OF, ["09:30:01", "09:30:00"]),
        ("now - high_time <= 300_000", 120_000, 300_000, ["120,000", "300,000"]),
    ],
)
def test_numbers_by_the_unit_of_what_is_compared(
    condition: str, value: float, threshold: float, shown: list[str]
) -> None:
    text = said(standing(conditions=[Condition(condition, "test", 0, True, True, value, threshold)]))
    assert next(line for line in text.splitlines() if condition in line).split()[-2:] == shown


@pytest.mark.parametrize(("key", "shown"), [("-spike_time", "09:30:00"), ("-market_cap", "1,795,357,800,000")])
def test_sort_keys_by_their_unit(key: str, shown: str) -> None:
    assert f": {shown}; the last of 3 rows has {shown}" in said(standing(key=key, value=AS_OF, last_value=AS_OF))


def test_the_newest_headline_has_its_time_and_its_page() -> None:
    news = [
        Headline(AS_OF, "A raises \x1b[2Jits outlook", "https://example.com/1", "Wire"),
        Headline(AS_OF - 1, "Older"),
    ]
    text = said(standing(), news=news)
    assert ", Wire" in text
    assert "its outlook\n       https://example.com/1" in text
    assert "Older" not in text
    assert "news" not in said(standing())
