"""The average day's volume over the clock: which share of it has traded by a minute of the day.

Measured on liquid US stocks, extended hours included; the shares sum to 100 %. The opening half hour is resolved
to five minutes, because a third of it trades in the first five; the closing auction is a step of one minute.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

import numpy as np

from gapscan.market.columns import Floats
from gapscan.market.sessions import MINUTE_MS, epoch_ms, new_york

_PRE: Final = (0.066, 0.0346, 0.0307, 0.0304, 0.0346, 0.0407, 0.0845, 0.0623, 0.2516, 0.204, 0.3022)
_OPENING_HALF_HOUR: Final = 12.7036
_OPENING_SPLIT: Final = (7.2548, 2.4542, 2.1122, 1.976, 1.7861, 1.6448)  # proportions of its 5-minute parts
_REGULAR: Final = (
    8.262, 6.4457, 5.5645, 4.7738, 4.2533, 3.8646, 3.8383, 3.9249, 4.1304, 4.3771, 5.422, 15.9276,
)  # fmt: skip
_CLOSING_AUCTION: Final = 14.7561
_POST: Final = (0.1706, 0.1706, 0.1082, 0.0628, 0.0322, 0.0235, 0.0209, 0.0257)

_PRE_OPEN_MINUTE: Final = 240


def _knots() -> tuple[np.ndarray, np.ndarray]:
    """Minutes of the day, and the share (0 to 1) that has traded when each begins."""
    opening = [_OPENING_HALF_HOUR * part / sum(_OPENING_SPLIT) for part in _OPENING_SPLIT]
    steps = [(30, share) for share in _PRE]
    steps += [(5, share) for share in opening]
    steps += [(30, share) for share in _REGULAR]
    steps += [(1, _CLOSING_AUCTION), (29, _POST[0])]
    steps += [(30, share) for share in _POST[1:]]
    minutes = _PRE_OPEN_MINUTE + np.cumsum([0, *(length for length, _ in steps)])
    shares = np.cumsum([0.0, *(share for _, share in steps)])
    return minutes.astype(float), shares / shares[-1]


_MINUTES, _SHARES = _knots()


def share_traded(day: int, moments: Floats) -> Floats:
    """The share (0 to 1) of an average day's volume that has traded by the moments, all in epoch ms.

    They are of the New York day that the moment `day` lies in; NaN in gives NaN out.
    """
    shares: Floats = np.interp((moments - _midnight(day)) / MINUTE_MS, _MINUTES, _SHARES)
    return shares


@lru_cache(maxsize=16)
def _midnight(day: int) -> int:
    """Midnight in New York of the day that the moment `day` lies in, epoch ms."""
    return epoch_ms(new_york(day).date(), dt.time())
