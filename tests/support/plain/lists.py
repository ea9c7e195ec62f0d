"""The shipped lists, written out by hand: who is in, in which order, and who stays."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np

from tests.support.plain.clock import MINUTE

Array = Any  # of numpy: a column, with a value for each symbol
DEFINITIONS = tomllib.loads((Path(__file__).resolve().parents[3] / "gapscan/ranking/lists.toml").read_text())["lists"]


# What the exchanges test their systems with, in files like any other symbol: Nasdaq's, NYSE's and Cboe's.
TEST_ISSUES = frozenset(
    [f"Z{letter}ZZT" for letter in ascii_uppercase] + [f"{letter}TEST" for letter in "ACMNPZ"]
    + ["CBO", "CBX", "IGZ", "ZBZX", "ZEXIT", "ZIEXT", "ZTST", "ZVV", "ZXIET", "ZXYZ"]
)  # fmt: skip
ALL_DAY = ("pre", "regular", "post", "closed")  # without the night, which is another day's


class View:
    """The fields at one moment; `relaxed`: for rows that are in, thresholds at 90 %."""

    def __init__(self, fields: dict[str, Array], now: int, opened: int, *, relaxed: bool) -> None:
        self.f, self.now, self.relaxed = fields, now, relaxed
        self.share = min(max((now - opened - 5 * MINUTE) / (25 * MINUTE), 0.0), 1.0)
        self.session = str(fields["session"][0])

    def __getattr__(self, name: str) -> Any:
        return self.f[name]

    def least(self, number: float) -> float:
        """A lower threshold."""
        return number * 0.9 if self.relaxed and number >= 0 else number / 0.9 if self.relaxed else number

    def most(self, number: float) -> float:
        """An upper threshold."""
        return -self.least(-number)

    def ramp(self, early: float, late: float) -> float:
        """A lower threshold that moves from 09:35 to 10:00."""
        return self.least(early) * (1 - self.share) + self.least(late) * self.share

    def rvol_from(self, own: float, early: float, late: float) -> Array:
        """Whether the relative volume is enough, by its source."""
        return self.rvol >= np.where(self.rvol_source == "own", self.least(own), self.ramp(early, late))

    @property
    def no_rvol(self) -> Array:
        return self.rvol_source == "none"


def gate(v: View) -> Array:
    return v.price >= v.least(1)


def halted_gate(v: View) -> Array:
    return (v.price >= v.least(1)) | (v.prev_close >= v.least(1))


def _gap(v: View, way: int) -> Array:
    return (way * v.gap_percent >= v.least(2)) & (v.volume >= v.ramp(50_000, 100_000))


def _momentum(v: View, way: int) -> Array:
    near = v.from_high_percent >= v.least(-1) if way > 0 else v.from_low_percent <= v.most(1)
    above = way * v.price > way * v.vwap
    much = (v.volume >= v.least(100_000)) & (v.rvol_from(1.5, 0, 1.5) | v.no_rvol)
    return near & (way * v.change_percent >= v.least(1)) & above & much


def _winners(v: View, way: int) -> Array:
    usual = (v.session in ("pre", "regular")) | (v.volume >= v.average_volume)
    much = v.rvol_from(1.5, 0, 1.5) | (v.no_rvol & (v.volume >= v.least(50_000)) & usual)
    return (way * v.change_percent >= v.least(5)) & (v.volume >= v.ramp(50_000, 0)) & much


def _passed(v: View, name: str) -> Array:
    return (v.now - v.f[name] <= v.most(300_000)) & (v.volume >= v.least(100_000))


def _high_volume(v: View) -> Array:
    times = 0.1 if v.session == "pre" else 1.7
    much = v.no_rvol & (v.session != "regular") & (v.volume >= times * v.average_volume)
    return (v.dollar_volume >= v.least(1_000_000)) & (v.rvol_from(2, 1.5, 2) | much)


def _reversals(v: View) -> Array:
    down = (v.gap_percent >= v.least(2)) & (v.change_from_open_percent <= v.most(-1))
    up = (v.gap_percent <= v.most(-2)) & (v.change_from_open_percent >= v.least(1))
    return down | up


def _post_market(v: View) -> Array:
    return (v.post_volume >= v.least(20_000)) & (np.abs(v.post_change_percent) >= v.least(0.5))


def _low_float(v: View) -> Array:
    cheap = (v.price >= v.least(2)) & (v.price <= v.most(20)) & (v.float_shares <= v.most(20_000_000))
    up = (v.change_percent >= v.least(10)) & (v.volume >= v.least(100_000))
    return cheap & up & (v.rvol_from(5, 0, 5) | v.no_rvol)


def _spikes(v: View) -> Array:
    return (v.spike_size >= v.least(1)) & (v.volume_1m > v.least(1_000))


def _halted(v: View) -> Array:
    return (v.halt == "halted") | (v.halt == "resumed") & (v.now - v.halt_time <= v.most(600_000))


def _new(v: View) -> Array:
    return v.new_listing.astype(bool) & (v.volume > 0)


def _break(v: View) -> Array:
    return (v.price > v.pre_high) & (v.volume >= v.least(100_000)) & (v.change_percent >= v.least(1))


def _ssr(v: View) -> Array:
    return (v.ssr == True) & (v.volume >= v.least(100_000))  # noqa: E712  # None is none


Keys = Callable[[View], list[Array]]
LISTS: dict[str, tuple[Callable[[View], Array], Keys]] = {
    "gappers_up": (lambda v: _gap(v, 1), lambda v: [-v.gap_percent]),
    "gappers_down": (lambda v: _gap(v, -1), lambda v: [v.gap_percent]),
    "momentum_up": (lambda v: _momentum(v, 1), lambda v: [-v.change_5m_percent]),
    "momentum_down": (lambda v: _momentum(v, -1), lambda v: [v.change_5m_percent]),
    "winners": (lambda v: _winners(v, 1), lambda v: [-v.change_percent]),
    "losers": (lambda v: _winners(v, -1), lambda v: [v.change_percent]),
    "new_highs": (lambda v: _passed(v, "high_time"), lambda v: [-v.high_time, -v.change_percent]),
    "new_lows": (lambda v: _passed(v, "low_time"), lambda v: [-v.low_time, v.change_percent]),
    "high_volume": (_high_volume, lambda v: [-v.rvol, -v.volume / v.average_volume]),
    "most_active": (lambda v: v.dollar_volume >= v.least(1_000_000), lambda v: [-v.dollar_volume]),
    "anomalies": (lambda v: v.trades_z >= v.least(3), lambda v: [-v.trades_z]),
    "reversals": (_reversals, lambda v: [-(np.abs(v.gap_percent) + np.abs(v.change_from_open_percent))]),
    "post_market": (_post_market, lambda v: [-np.abs(v.post_change_percent)]),
    "low_float": (_low_float, lambda v: [-v.change_percent]),
    "price_spikes": (_spikes, lambda v: [-v.spike_time]),
    "halted": (_halted, lambda v: [-v.halt_time]),
    "new_listings": (_new, lambda v: [-v.dollar_volume]),
    "premarket_high_break": (_break, lambda v: [-v.change_5m_percent]),
    "ssr": (_ssr, lambda v: [v.change_percent]),
}


class PlainLists:
    """The lists of a day, ranked scan by scan, a minute or more apart: longer than a row's settling."""

    def __init__(self, symbols: list[str], opened: int) -> None:
        assert DEFINITIONS.keys() == LISTS.keys(), "a shipped list has no plain computation"
        self._symbols, self._opened = np.array(symbols), opened
        self._is_test = np.array([symbol.partition(".")[0] in TEST_ISSUES for symbol in symbols])
        self.rows: dict[str, list[int]] = {name: [] for name in LISTS}
        self.open: set[str] = set()

    def rank(self, fields: dict[str, Array], now: int) -> None:
        """Rank the lists that are open now, as places of symbols; the others stand still."""
        strict, relaxed = (View(fields, now, self._opened, relaxed=relaxed) for relaxed in (False, True))
        self.open = {name for name, one in DEFINITIONS.items() if strict.session in one.get("sessions", ALL_DAY)}
        with np.errstate(invalid="ignore"):
            for name in self.open:
                self.rows[name] = self._ranked(name, strict, relaxed)

    def _ranked(self, name: str, strict: View, relaxed: View) -> list[int]:
        condition, keys = LISTS[name]
        through = halted_gate if name == "halted" else gate
        is_in = np.zeros(len(self._symbols), bool)
        is_in[self.rows[name]] = True
        passes = condition(strict) & through(strict) | is_in & condition(relaxed) & through(relaxed)
        passes &= ~self._is_test
        if DEFINITIONS[name].get("idle", "leave") == "leave":
            passes &= ~strict.gone
        found = np.flatnonzero(passes)
        order = [*keys(strict), -strict.dollar_volume]
        ranks = [key[found] for key in reversed(order)]  # NaN comes last
        found = found[np.lexsort([self._symbols[found], *ranks])]
        rows: list[int] = found[: DEFINITIONS[name].get("limit", 200)].tolist()
        return rows
