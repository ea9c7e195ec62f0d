"""What trades outside regular hours in the invented market: how much of it, how often, and how far prices have come."""

from __future__ import annotations

import datetime as dt

import numpy as np

from gapscan.sim import calibration, plans
from gapscan.sim.days import DayModel
from gapscan.sim.source import DailyBars
from gapscan.sim.tape import Floats, Ints


def overnight(model: DayModel, date: dt.date) -> tuple[Floats, Floats]:
    """How much of the gap into `date` is in the price by 20:00 the evening before, and by 04:00."""
    rng = model.rng(date, 5)
    count = model.traits.size
    evening = np.where(rng.random(count) < 0.3, rng.uniform(0.5, 0.95, count), rng.uniform(0, 0.15, count))
    return evening, evening + (1 - evening) * rng.uniform(0, 0.8, count)


def extended_trades(bars: DailyBars, volume: Floats) -> Ints:
    """How many of the day's trades go with `volume` of its volume outside regular hours, when trades are small."""
    share = np.divide(volume, bars.volume, out=np.zeros_like(volume), where=bars.traded)
    return np.asarray(np.ceil(bars.transactions * np.maximum(share, np.sqrt(share) / 3)), np.int64)


def extended_rate(day_volume: Floats, volume: Floats, minutes: int) -> Floats:
    """Prints a minute outside regular hours, at most one per 50 shares."""
    share = np.divide(volume, day_volume, out=np.zeros_like(volume), where=day_volume > 0)
    daily = plans.print_rate(day_volume) * calibration.REGULAR_MINUTES
    return np.asarray(np.minimum(daily * np.sqrt(share) / 4, volume / 50) / minutes)
