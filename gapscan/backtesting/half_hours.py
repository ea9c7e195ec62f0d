"""Entries by half hour, New York time."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Ints

HALF_HOUR: Final = 30


def half_hours(minutes: Ints) -> dict[str, int]:
    """How many are of each half hour, by minutes since midnight: 09:31 is of that from 09:30 on."""
    numbers = np.bincount(minutes // HALF_HOUR).tolist() if len(minutes) else []
    return {_clock(half * HALF_HOUR): int(number) for half, number in enumerate(numbers) if number}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
