"""What a form of a backtest gives for each minute that it ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gapscan.market.columns import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Seen:
    """Columns of some minutes: as observed by then, and what they were so many ms before.

    They have a row a minute, or one row where nothing changes.
    """

    observed: Mapping[str, Floats]
    past: Mapping[tuple[str, int], Floats]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The lists at the end of a minute, `minute` minutes after the beginning of pre-market.

    `tops` has the places of each list's symbols in order, None for a list that is not open. `price` is every symbol's,
    and `eligible` who passes the gate and has traded lately: whom a list could have had. Of `seen`, if a form gives
    it, the minute is row number `row`.
    """

    minute: int
    tops: list[Ints | None]
    price: Floats
    eligible: Bools
    seen: Seen | None = None
    row: int = 0
