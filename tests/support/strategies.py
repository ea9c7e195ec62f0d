"""Random input for the property tests."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import strategies as st

from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.lists.state import ranked
from gapscan.protocol.messages import Delta, Row, Snapshot

SYMBOLS = ["A", "B", "BCpC", "BCPC", "BRK.A", "C", "D", "E", "F", "G", "H", "Ω"]
_PRICES = [None, 1.0, 1.5, -2.25]
_VOLUMES = [None, 0, 7]
_NAMES = [None, "", "Alpha"]


def full_row(symbol: str, number: int) -> Row:
    """One of 36 rows of `symbol`, all with the same fields."""
    number, price = divmod(number, len(_PRICES))
    name, volume = divmod(number, len(_VOLUMES))
    return Row(
        symbol=symbol, name=_NAMES[name % len(_NAMES)], price=_PRICES[price], volume=_VOLUMES[volume], stale=None
    )


def _row(number: int) -> Row:
    variant, symbol = divmod(number, len(SYMBOLS))
    return full_row(SYMBOLS[symbol], variant)


def row_lists() -> st.SearchStrategy[list[Row]]:
    """A list of 0 to 12 rows."""
    numbers = st.integers(0, 36 * len(SYMBOLS) - 1)
    return st.lists(numbers, unique_by=lambda number: number % len(SYMBOLS), max_size=len(SYMBOLS)).map(
        lambda drawn: [_row(number) for number in drawn]
    )


@st.composite
def list_pairs(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Two lists: unrelated, the same symbols in another order, or a few rows apart."""
    old = draw(row_lists())
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return old, draw(row_lists())
    new = draw(st.permutations(old)) if kind == 1 else list(old)
    for at in draw(st.lists(st.integers(0, len(SYMBOLS) - 1), max_size=3)):
        if at < len(new):
            row = new.pop(at)
            new.insert(draw(st.integers(0, len(new))), full_row(row["symbol"], draw(st.integers(0, 35))))
    return old, new


def long_list(dice: random.Random, before: Sequence[Row]) -> list[Row]:
    """A list of about 200 rows, some steps away from `before`: rows move, change, leave and come."""
    rows = list(before)
    for _ in range(dice.randint(0, 30)):
        if rows and dice.random() < 0.7:
            row = rows.pop(dice.randrange(len(rows)))
            if dice.random() < 0.8:
                rows.insert(dice.randint(0, len(rows)), full_row(row["symbol"], dice.randrange(36)))
    held = {row["symbol"] for row in rows}
    while len(rows) < 200:
        symbol = f"S{dice.randrange(400)}"
        if symbol not in held:
            held.add(symbol)
            rows.insert(dice.randint(0, len(rows)), full_row(symbol, dice.randrange(36)))
    return rows


def delta_between(old: Sequence[Row], new: Sequence[Row], prev: int, epoch: str = "e1") -> Delta:
    """What a publisher sends to get from `old`, at sequence `prev`, to `new`."""
    return Delta(
        list="a",
        epoch=epoch,
        prev=prev,
        as_of=prev + 1,
        changes=diff(old, new),
        size=len(new),
        checksum=checksum(new),
    )


def snapshot_of(rows: Sequence[Row], sequence: int, epoch: str = "e1") -> Snapshot:
    """What a publisher stores of `rows` at `sequence`."""
    return Snapshot(
        list="a", epoch=epoch, sequence=sequence, as_of=sequence, rows=ranked(rows), checksum=checksum(rows)
    )
