"""What a form of a backtest gives for each minute that it ranks."""

from __future__ import annotations

from dataclasses import dataclass

from gapscan.market.columns import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Ranked:
    """The lists at the end of a minute, `minute` minutes after the beginning of pre-market.

    `tops` has the places of each list's symbols in order, None for a list that is not open. `price` is every symbol's,
    and `eligible` who passes the gate and has traded lately: whom a list could have had.
    """

    minute: int
    tops: list[Ints | None]
    price: Floats
    eligible: Bools
