"""The whole market at one moment, as a provider has it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from gapscan.market.columns import Bools, Floats


class MarketSnapshot(Struct, frozen=True):
    """All symbols as the provider sees them now, as columns: each has a value for each of `symbols`.

    `columns` are named and measured as those of `UniverseFrame`, some may be left out. `newest` is the time of the
    newest event that an element speaks of (epoch ms), 0 for none. `has_trades`: last trades are among it; None where
    the provider does not say so.
    """

    symbols: list[str]
    columns: Mapping[str, Floats]
    newest: Floats
    has_trades: bool | None = None

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def newest_event(self) -> int:
        """The newest time that any element speaks of, epoch ms; 0 for none."""
        return int(self.newest.max()) if len(self.newest) else 0

    def only(self, kept: Bools) -> MarketSnapshot:
        """The elements at which `kept` is set."""
        symbols = [symbol for symbol, keep in zip(self.symbols, kept.tolist(), strict=True) if keep]
        columns = {name: column[kept] for name, column in self.columns.items()}
        return MarketSnapshot(symbols, columns, self.newest[kept], self.has_trades)

    @classmethod
    def of(cls, symbols: list[str], columns: Mapping[str, Floats]) -> MarketSnapshot:
        """One whose newest events are the later of `updated` and `price_time`."""
        times = [columns[name] for name in ("updated", "price_time") if name in columns]
        newest = np.nan_to_num(np.fmax.reduce(times)) if times else np.zeros(len(symbols))
        return cls(symbols, columns, newest)
