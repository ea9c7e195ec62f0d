"""What a backtest is asked for wrongly is refused before anything is read."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pytest

from gapscan.backtesting.outcomes import Buying
from gapscan.backtesting.run import Options
from gapscan.errors import ConfigError

DAY = dt.date(2024, 3, 8)


def options(**given: Any) -> Options:
    return Options(Path(), DAY, DAY, (), **given)


@pytest.mark.parametrize("slippage", [math.nan, math.inf, -math.inf, -0.1, 10_000.0])
def test_what_is_no_slippage(slippage: float) -> None:
    with pytest.raises(ConfigError, match=r"a slippage of .* basis points"):
        options(buying=Buying(slippage_bps=slippage))
    assert options(buying=Buying(slippage_bps=9_999.9)).buying.slippage_bps == 9_999.9


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_what_is_no_seed(seed: int) -> None:
    with pytest.raises(ConfigError, match="seed"):
        options(seed=seed)
    assert options(seed=(1 << 64) - 1).seed == (1 << 64) - 1


@pytest.mark.parametrize("step", [0, -1, 61])
def test_what_is_no_step(step: int) -> None:
    with pytest.raises(ConfigError, match=f"a step of {step} minutes"):
        options(step=step)
