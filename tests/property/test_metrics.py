"""What is computed of some symbols is what is computed of them among all."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.computed import compute
from gapscan.market.fields import COMPUTED
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MINUTE_MS, MarketSession
from tests.support.market import MOMENT, Stock, stock, universe_frame, universe_of

SYMBOLS = [f"S{n}" for n in range(8)]


def some_stock(dice: random.Random, symbol: str, moment: int) -> Stock:
    def maybe(*values: float) -> float | None:
        return dice.choice([None, *values])

    seen = float(moment - dice.choice([0, 1_000, 59_000, 130_000, 4_000_000]))
    known: dict[str, Any] = {
        name: maybe(5.0, 9.5, 10.0, 11.0) for name in ("prev_close", "open", "high", "low", "close")
    }
    return stock(
        symbol, **known, price=maybe(0.9, 9.0, 10.0, 10.2), price_time=seen, updated=seen, vwap=maybe(10.0),
        volume=maybe(0.0, 1e4, 1e6), minute_start=maybe(seen, seen - MINUTE_MS), minute_trades=maybe(1.0, 500.0),
        average_volume=maybe(1e3, 1e6), average_trades=maybe(1e3, 1e5), trades_deviation=maybe(1e3),
        sessions=dice.choice([0, 5, 20]), split=dice.random() < 0.2, halt=dice.choice([None, "halted", "resumed"]),
    )  # fmt: skip


@given(st.integers(0, 2**32), st.sampled_from(MarketSession))
def test_some_are_computed_like_all(seed: int, session: MarketSession) -> None:
    dice, moment = random.Random(seed), MOMENT[session]
    universe = universe_of([some_stock(dice, symbol, moment) for symbol in SYMBOLS], session)
    compute(universe)
    for _ in range(dice.randint(1, 3)):
        moment += dice.choice([1_000, 30_000, 61_000, 300_000])
        seen = [some_stock(dice, symbol, moment) for symbol in dice.sample(SYMBOLS, dice.randint(0, 8))]
        merge_scan(universe, universe_frame(seen, moment, str(session)))
        before = copy.deepcopy(universe)
        at = np.array(sorted(dice.sample(range(8), dice.randint(0, 8))), np.intp)
        others = np.setdiff1d(np.arange(8), at)
        some = copy.deepcopy(universe)
        compute(some, at)
        compute(universe)
        for name in COMPUTED:
            np.testing.assert_array_equal(some.number(name)[at], universe.number(name)[at], err_msg=name)
            np.testing.assert_array_equal(some.number(name)[others], before.number(name)[others], err_msg=name)
