"""Views of made-up lists."""

from __future__ import annotations

from collections.abc import Mapping

from gapscan.client.api import LinkStats, ListView
from gapscan.protocol.messages import Row, State


def view_of(
    prices: Mapping[str, float | None],
    *,
    sequence: int = 1,
    epoch: str = "abc123",
    state: State = "live",
    as_of: int = 1_795_357_800_000,
    simulated: bool = False,
    link: LinkStats | None = None,
) -> ListView:
    """A view whose rows are the symbols of `prices`, in that order."""
    rows: list[Row] = [{"symbol": symbol, "price": price} for symbol, price in prices.items()]
    return ListView("gappers_up", epoch, sequence, as_of, tuple(rows), state, simulated, link or LinkStats(snapshots=1))
