"""Figures that the synthetic market is held to, measured on real US market days.

Overnight gaps: 5,943 listed stocks over several years. One-minute returns, volume curves and the share of
symbols that print: NASDAQ listings. Relative volume: against the mean of the last 20 sessions. All
quantiles pool symbols and days.
"""

from __future__ import annotations

import numpy as np

from gapscan.market.curve import CLOSING, OPENING, OPENING_FIVE_MINUTES, VOLUME_HALF_HOURS
from gapscan.sim.source import MINUTES, POST_MINUTE, REGULAR_MINUTE
from gapscan.sim.tape import Floats

# probability -> overnight gap in percent
GAP_PERCENT = {
    0.0001: -46.667, 0.001: -18.367, 0.005: -8.333, 0.01: -5.928, 0.025: -3.731, 0.05: -2.55, 0.1: -1.591,
    0.25: -0.579, 0.5: 0.0, 0.75: 0.64, 0.9: 1.662, 0.95: 2.766, 0.975: 4.286, 0.99: 6.957, 0.995: 9.891,
    0.999: 24.434, 0.9999: 100.534,
}  # fmt: skip

# probability -> volume of a day over the mean of the 20 sessions before it
RELATIVE_VOLUME = {
    0.001: 0.05, 0.05: 0.267, 0.25: 0.616, 0.5: 0.844, 0.75: 1.154, 0.9: 1.621, 0.95: 2.116, 0.99: 4.513,
    0.999: 24.43,
}  # fmt: skip

# probability -> standard deviation of a symbol's one-minute returns over a day, in basis points
MINUTE_DEVIATION_BP = {
    0.001: 2.5, 0.05: 4.43, 0.25: 7.05, 0.5: 10.23, 0.75: 18.02, 0.95: 49.87, 0.99: 137.89, 0.999: 250.0,
}  # fmt: skip

# minutes after the open -> median absolute one-minute return in basis points
MINUTE_RETURN_BP = {0: 23.37, 5: 14.81, 15: 10.63, 30: 8.44, 60: 5.71, 180: 3.99, 330: 3.93, 375: 5.62}

# minutes after the open -> share of symbols that print in a minute, from that minute on
PRINTING_SHARE = {
    0: 0.244, 30: 0.246, 60: 0.239, 90: 0.232, 120: 0.227, 150: 0.219, 180: 0.216, 210: 0.216, 240: 0.218,
    270: 0.224, 300: 0.234, 330: 0.257, 360: 0.344,
}  # fmt: skip

# percent of the regular session's volume per five minutes from 09:30 on
VOLUME_FIVE_MINUTES = (
    *OPENING_FIVE_MINUTES, 1.8217, 1.7535, 1.7464, 1.6106, 1.5327, 1.4576,
    1.5437, 1.5212, 1.4208, 1.3985, 1.4062, 1.3062, 1.3481, 1.3112, 1.2424, 1.1636, 1.1334, 1.1198,
    1.1112, 1.0542, 0.9882, 0.9768, 0.9493, 0.9553, 0.9695, 0.8814, 0.8856, 0.8964, 0.8644, 0.867,
    0.8476, 0.8211, 0.8161, 0.8213, 0.8102, 0.8006, 0.848, 0.8187, 0.7616, 0.8098, 0.791, 0.741, 0.7952,
    0.7951, 0.7304, 0.8111, 0.8129, 0.7691, 0.7976, 0.7652, 0.8889, 0.8696, 0.7869, 0.817, 0.7999,
    0.8249, 0.8509, 0.8577, 0.8399, 0.8325, 0.9124, 0.9576, 0.9759, 1.0071, 1.0312, 1.1089, 1.2953,
    1.3326, 1.5148, 1.9185, 3.0348, 6.1135,
)  # fmt: skip

# slots of the top 50 by change that hold another symbol a minute later, measured on 1,433 symbols:
# (from minute, to minute) after the open -> mean
RANK_CHURN = {
    (1, 5): 43.4, (5, 15): 40.9, (15, 30): 39.2, (30, 60): 36.4, (60, 180): 30.9, (180, 330): 26.0,
    (330, 390): 27.9,
}  # fmt: skip

REGULAR_MINUTES = POST_MINUTE - REGULAR_MINUTE
OPENING_SHARE = 0.03  # of the day's volume: the opening auction
CLOSING_SHARE = 0.145  # the closing auction
PRE_SHARE = sum(VOLUME_HALF_HOURS[:OPENING]) / 100
POST_SHARE = sum(VOLUME_HALF_HOURS[CLOSING + 1 :]) / 100  # the half hour of the close is nearly all auction


def quantile(table: dict[float, float], probability: Floats) -> Floats:
    """The table's inverse distribution function, linear between its points and flat beyond them."""
    return np.interp(probability, list(table), list(table.values()))


def steps(table: dict[int, float]) -> Floats:
    """A table of "from this minute on" as one value per regular minute."""
    places = np.searchsorted(list(table), np.arange(REGULAR_MINUTES), side="right") - 1
    return np.array(list(table.values()))[places]


def variance_profile() -> Floats:
    """Relative variance of the price per regular minute, smoothed, with mean 1."""
    starts = np.array(list(MINUTE_RETURN_BP), dtype=float)
    size = np.interp(np.arange(REGULAR_MINUTES), starts, list(MINUTE_RETURN_BP.values()))
    variance = size**2
    return np.asarray(variance / variance.mean())


def regular_volume_profile() -> Floats:
    """Share of the regular volume outside the auctions per minute, summing to 1."""
    per_minute = np.repeat(np.array(VOLUME_FIVE_MINUTES) / 5, 5)
    per_minute[:5] *= 0.45  # the rest of the first five minutes is the opening auction
    halves = np.repeat(np.array(VOLUME_HALF_HOURS[OPENING:CLOSING]), 30)
    within = np.repeat(per_minute.reshape(13, 30).sum(axis=1), 30)
    profile = per_minute / within * halves
    profile[:30] *= 1 - 100 * OPENING_SHARE / VOLUME_HALF_HOURS[OPENING]
    return np.asarray(profile / profile.sum())


def extended_volume_profile(first: int, last: int) -> Floats:
    """Share of the volume of the minutes [first, last) since 04:00 per minute, summing to 1."""
    per_minute = np.repeat(np.array(VOLUME_HALF_HOURS), 30)[:MINUTES].copy()
    per_minute[POST_MINUTE : POST_MINUTE + 30] = VOLUME_HALF_HOURS[CLOSING + 1] / 0.6  # without the closing auction
    profile = per_minute[first:last]
    return np.asarray(profile / profile.sum())


def night_volume_profile(minutes: int) -> Floats:
    """The same of a night: evenly."""
    return np.full(minutes, 1 / minutes)


def activity_profile() -> Floats:
    """Relative number of prints per regular minute with mean 1."""
    share = steps(PRINTING_SHARE)
    return np.asarray(share / share.mean())
