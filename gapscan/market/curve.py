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

# Percent of the day's volume per half hour from 04:00 on.
VOLUME_HALF_HOURS: Final = (
    0.066, 0.0346, 0.0307, 0.0304, 0.0346, 0.0407, 0.0845, 0.0623, 0.2516, 0.204, 0.3022, 12.7036,
    8.262, 6.4457, 5.5645, 4.7738, 4.2533, 3.8646, 3.8383, 3.9249, 4.1304, 4.3771, 5.422, 15.9276,
    14.9267, 0.1706, 0.1082, 0.0628, 0.0322, 0.0235, 0.0209, 0.0257,
)  # fmt: skip
# Proportions of the opening half hour's parts of five minutes.
OPENING_FIVE_MINUTES: Final = (7.2548, 2.4542, 2.1122, 1.976, 1.7861, 1.6448)
OPENING: Final = 11  # where among the half hours the open is
CLOSING: Final = 24  # and the close

_PRE_OPEN_MINUTE: Final = 240


def _knots() -> tuple[np.ndarray, np.ndarray]:
    """Minutes of the day, and the share (0 to 1) that has traded when each begins."""
    shares = VOLUME_HALF_HOURS
    after_the_auction = shares[CLOSING + 1]  # taken to be as in the half hour that follows
    steps = [(30, share) for share in shares[:OPENING]]
    steps += [(5, shares[OPENING] * part / sum(OPENING_FIVE_MINUTES)) for part in OPENING_FIVE_MINUTES]
    steps += [(30, share) for share in shares[OPENING + 1 : CLOSING]]
    steps += [(1, shares[CLOSING] - after_the_auction), (29, after_the_auction)]
    steps += [(30, share) for share in shares[CLOSING + 1 :]]
    minutes = _PRE_OPEN_MINUTE + np.cumsum([0, *(length for length, _ in steps)])
    traded = np.cumsum([0.0, *(share for _, share in steps)])
    return minutes.astype(float), traded / traded[-1]


_MINUTES, _SHARES = _knots()
_DAY: Final = 24 * 60  # minutes
_ROUNDING: Final = 1.0 + 1e-9
_BY_MINUTE: Final = np.interp(np.arange(_DAY + 1, dtype=float), _MINUTES, _SHARES)
_OF_MINUTE: Final = np.append(np.diff(_BY_MINUTE), np.nan)  # the last one is of no minute


def share_traded(day: int, moments: Floats) -> Floats:
    """The share (0 to 1) of an average day's volume that has traded by the moments, all in epoch ms.

    They are of the New York day that the moment `day` lies in; NaN in gives NaN out.
    """
    shares: Floats = np.interp((moments - _midnight(day)) / MINUTE_MS, _MINUTES, _SHARES)
    return shares


def share_of_minute(day: int, starts: Floats) -> Floats:
    """The share (0 to 1) of an average day's volume that trades in the minutes that begin at `starts`, in epoch ms.

    They are of the New York day that the moment `day` lies in; NaN of any other, and of NaN.
    """
    minutes = (starts - _midnight(day)) / MINUTE_MS
    within = (minutes >= 0) & (minutes < _DAY)
    minutes = np.where(within, minutes, _DAY)
    whole = minutes.astype(np.int32)
    if (whole == minutes).all():  # as minutes are: that needs no interpolation
        shares: Floats = _OF_MINUTE.take(whole)
        return shares
    by_start, by_end = np.interp(np.array([minutes, minutes + 1]), _MINUTES, _SHARES)
    return np.where(within, by_end - by_start, np.nan)


def busiest_minute(day: int, moments: Floats | float, before: int) -> Floats:
    """For each of `moments`, no less than the share of any minute that begins up to `before` minutes before it.

    As `share_of_minute` has them; NaN where the moments are of another day.
    """
    first = np.asarray(moments, np.float64)[..., None] // MINUTE_MS * MINUTE_MS
    # One that begins within a minute is a part of the next one too.
    near = first + MINUTE_MS * np.arange(-before, 2)
    busiest: Floats = np.fmax.reduce(share_of_minute(day, near), axis=-1) * _ROUNDING
    return busiest


@lru_cache(maxsize=16)
def _midnight(day: int) -> int:
    """Midnight in New York of the day that the moment `day` lies in, epoch ms."""
    return epoch_ms(new_york(day).date(), dt.time())
