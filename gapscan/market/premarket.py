"""High and low of pre-market, which stay after the open, when those of the session are others."""

from __future__ import annotations

import numpy as np

from gapscan.market.columns import Floats, Ints
from gapscan.market.universe import Universe

PRE_RANGE = {"high": "pre_high", "low": "pre_low"}


def observe_early(universe: Universe, name: str, at: Ints, values: Floats, moments: Floats, opened: int) -> None:
    """Widen the pre-market's `high` or `low` by what was observed at moments before `opened` (epoch ms)."""
    early = np.flatnonzero((moments < opened) & ~np.isnan(values))
    if not len(early):
        return
    at, values, column = at[early], values[early], universe.number(PRE_RANGE[name])
    before = column[at]
    (np.fmax if name == "high" else np.fmin).at(column, at, values)
    universe.mark_dirty(at[column[at] != before])
