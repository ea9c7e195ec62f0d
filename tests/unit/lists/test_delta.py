from __future__ import annotations

import zlib
from typing import Any

import pytest

from gapscan.errors import DeltaError
from gapscan.lists.delta import RowList, apply, checksum, symbols_of
from gapscan.lists.difference import diff
from gapscan.protocol.messages import Add, Change, Remove, Rerank, Row, Update


def row(symbol: str, **fields: Any) -> Row:
    row: Row = {"symbol": symbol, **fields}  # type: ignore[typeddict-item]
    return row


def rows(symbols: str) -> list[Row]:
    return [row(symbol, price=1.0) for symbol in symbols]


def changes_between(old: str, new: str) -> list[Change]:
    return diff(rows(old), rows(new))


def test_the_four_kinds_in_their_order() -> None:
    old = [row("NVDA", price=1.0), row("MSFT"), row("IBM"), row("AAPL", price=178.0, name="Apple")]
    new = [row("MSFT"), row("AAPL", price=178.5, name=None), row("TSLA", price=9.0, name=None), row("IBM")]
    assert diff(old, new) == [
        Remove("NVDA"),
        Rerank("AAPL", 4, 2),
        Add(3, "TSLA", {"price": 9.0, "name": None}),
        Update(2, "AAPL", {"price": 178.5, "name": None}),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("ABC", "ABC", []),
        ("AB", "", [Remove("A"), Remove("B")]),
        ("", "AB", [Add(1, "A", {"price": 1.0}), Add(2, "B", {"price": 1.0})]),
        ("A", "B", [Remove("A"), Add(1, "B", {"price": 1.0})]),
        ("ABCDE", "EABCD", [Rerank("E", 5, 1)]),
        ("ABCDE", "BCDEA", [Rerank("A", 1, 5)]),
        ("ABCDE", "CDE", [Remove("A"), Remove("B")]),
        ("CDE", "ABCDE", [Add(1, "A", {"price": 1.0}), Add(2, "B", {"price": 1.0})]),
        ("ABCDE", "EBCDA", [Rerank("E", 5, 1), Rerank("A", 1, 5)]),
    ],
)
def test_examples(old: str, new: str, expected: list[Change]) -> None:
    assert changes_between(old, new) == expected


def test_two_neighbours_that_change_places_cost_one_rerank() -> None:
    assert len(changes_between("ABCD", "ACBD")) == 1


def test_a_field_that_is_gone_is_sent_as_null() -> None:
    assert diff([row("A", price=1.0, stale=True)], [row("A", price=1.0)]) == [Update(1, "A", {"stale": None})]
    assert diff([row("A", price=1.0, stale=None)], [row("A", price=1.0)]) == []
    assert diff([row("A", price=1.0)], [row("A", stale=None, price=1.0)]) == []


def test_rows_that_are_shared_are_not_looked_into() -> None:
    shared = row("A", price=float("nan"))  # would differ from itself
    assert diff([shared], [shared]) == []
    assert diff([shared, row("B")], [row("B"), shared]) == [Rerank("B", 2, 1)]


def test_a_list_with_a_symbol_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        changes_between("AB", "ABA")


def test_reranks_are_one_step() -> None:
    """Applied one by one, with ranks of the end, they would give another order."""
    changes: list[Change] = [Rerank("E", 5, 1), Rerank("A", 1, 3), Rerank("B", 2, 5)]
    assert symbols_of(apply(rows("ABCDE"), changes)) == list("ECADB")


def test_what_nobody_touched_is_shared() -> None:
    old = rows("ABC")
    new = apply(old, [Remove("A"), Update(1, "B", {"price": 2.0})])
    assert new[1] is old[2]
    assert (old[1], new[0]) == (row("B", price=1.0), row("B", price=2.0))


@pytest.mark.parametrize(
    "change",
    [
        Remove("X"),
        Rerank("X", 1, 2),
        Rerank("A", 2, 3),
        Rerank("A", 1, 4),
        Rerank("A", 1, 0),
        Add(1, "A", {}),
        Add(5, "X", {}),
        Add(0, "X", {}),
        Update(2, "A", {}),
        Update(4, "X", {}),
        Update(0, "C", {}),
    ],
    ids=repr,
)
def test_a_change_that_does_not_fit(change: Change) -> None:
    held = rows("ABC")
    with pytest.raises(DeltaError) as caught:
        apply(held, [change])
    assert caught.value.retry
    assert held == rows("ABC")


@pytest.mark.parametrize(
    "changes",
    [
        [Remove("A"), Remove("A")],
        [Remove("A"), Rerank("A", 1, 2)],
        [Rerank("A", 1, 2), Rerank("A", 1, 3)],
        [Add(1, "X", {}), Add(2, "X", {})],
        [Add(1, "X", {}), Remove("X")],
        [Remove("A"), Add(1, "A", {})],
        [Add(2, "X", {}), Add(1, "Y", {})],
        [Add(2, "X", {}), Add(2, "Y", {})],
        [Remove("C"), Update(3, "C", {})],
    ],
    ids=repr,
)
def test_changes_that_do_not_fit_each_other(changes: list[Change]) -> None:
    with pytest.raises(DeltaError):
        apply(rows("ABC"), changes)


def test_checksum() -> None:
    assert checksum([]) == 0
    assert checksum(rows("AB")) == zlib.crc32(b"A\nB")
    assert checksum([row("BRK.A"), row("Ω")]) == zlib.crc32("BRK.A\nΩ".encode())
    assert len({checksum(rows(order)) for order in ("AB", "BA", "A", "ABC")}) == 4


def test_a_row_list_is_a_list_that_knows_its_symbols() -> None:
    known = RowList(rows("AB"), ["A", "B"])
    assert known == rows("AB")
    assert symbols_of(known) is known.symbols
    assert checksum(known) == checksum(rows("AB"))
    assert diff(known, rows("BA")) == changes_between("AB", "BA")
