"""The fields of rows, from what the provider said in each scan of a day: docs/lists.md, "What the numbers are"."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import numpy as np

from tests.support.plain.clock import MINUTE, Hours, at
from tests.support.plain.files import Array, Before

GRACE = 5_000  # beyond the time from scan to scan, for which a scan says what a value is
SPIKES = ((1, 10), (2, 8), (4, 6), (8, 4), (10, 2))  # below this price, so many percent
STALE = {"pre": 600, "regular": 120, "post": 600}
GONE = {"pre": 3600, "regular": 900, "post": 3600}
AUCTION = 2 * MINUTE
HELD = (
    "high", "high_time", "low", "low_time", "pre_high", "pre_low", "close_volume", "spike_time", "left_at",
)  # fmt: skip


class Scan(NamedTuple):
    """What is looked back to."""

    at: int
    price: Array
    volume: Array
    time: Array


class Share:
    """The share of an average day's volume that has traded by a time, by half hours from 04:00 on.

    `opening` are the parts of the half hour after the open, five minutes each; the closing auction prints in the
    minute after the close, the rest of that half hour trades as in the next.
    """

    def __init__(self, half_hours: list[float], opening: list[float]) -> None:
        knots, traded = [240.0], [0.0]

        def step(minutes: float, volume: float) -> None:
            knots.append(knots[-1] + minutes)
            traded.append(traded[-1] + volume)

        for number, volume in enumerate(half_hours):
            if number == 11:
                for part in opening:
                    step(5, volume * part / sum(opening))
            elif number == 24:
                step(1, volume - half_hours[25])
                step(29, half_hours[25])
            else:
                step(30, volume)
        self._knots, self._traded = knots, np.array(traded) / traded[-1]

    def __call__(self, minute: Array | float) -> Array:
        return np.interp(minute, self._knots, self._traded)


class PlainDay:
    """A day of scans, `every` ms apart where one looks back. `fields` are those after the last scan."""

    def __init__(self, date: dt.date, bells: Hours, before: Before, share: Share, every: int) -> None:
        self._bells, self._before, self._share, self._every = bells, before, share, every
        self._midnight = at(date, "00:00")
        self._half = bells.post - bells.regular < 390 * MINUTE
        size = len(before.symbols)
        nothing = np.full(size, np.nan)
        self._scans: list[Scan] = []
        self._held = {name: nothing.copy() for name in HELD}
        self._opened, self._spiking = np.zeros(size, bool), np.zeros(size, bool)
        self.halted = np.zeros(size, bool)
        self.fields: dict[str, Array] = {}
        self.now = 0

    def hear(self, now: int, told: dict[str, Array]) -> None:
        """Take in the scan of that moment."""
        self.now, session = now, self._bells.session(now)
        with np.errstate(invalid="ignore", divide="ignore"):
            self._ranges(now, told)
            before_close = told["updated"] < self._bells.post + AUCTION
            self._keep("close_volume", np.where(before_close, told["volume"], np.nan))
            self._scans.append(Scan(now, told["price"], told["volume"], told["price_time"]))
            del self._scans[:-12]
            f = self._of_prices(told)
            f |= self._of_past(now, f)
            f |= self._of_volume(now, f, told)
            f |= self._ages(now, session, f["price_time"])
        self.fields = f | {"session": np.full(len(f["price"]), session)}

    def _keep(self, name: str, values: Array) -> None:
        self._held[name] = np.where(np.isnan(values), self._held[name], values)

    def _ranges(self, now: int, told: dict[str, Array]) -> None:
        """High and low with their times: of pre-market until the first regular trade."""
        pre, regular = self._bells.pre, self._bells.regular
        gap = bool(self._scans) and now > self._scans[-1].at + self._every + GRACE
        price, time, start = told["price"], told["price_time"], told["minute_start"]
        early, minute = (time >= pre) & (time < regular), (start >= pre) & (start < regular)
        ends = np.fmin(start + MINUTE - 1, now)
        opens = ~np.isnan(told["open"]) & ~self._opened
        for name in ("high", "low"):
            of_minute = told[f"minute_{name}"]
            for who, values, times in ((early, price, time), (minute, of_minute, ends)):
                self._pass(name, who & ~self._opened, values, times, gap)
                widest = np.fmax if name == "high" else np.fmin
                values = np.where(who & (times < regular), values, np.nan)
                self._held[f"pre_{name}"] = widest(self._held[f"pre_{name}"], values)
            self._held[name] = np.where(opens, np.nan, self._held[name])
            self._held[f"{name}_time"] = np.where(opens, np.nan, self._held[f"{name}_time"])
            there = ~np.isnan(told[name])
            self._pass(name, there, told[name], np.fmax(told["updated"], regular), gap)
        self._opened |= opens

    def _pass(self, name: str, who: Array, values: Array, times: Array, gap: bool) -> None:
        held, moment = self._held[name], self._held[f"{name}_time"]
        passes = who & (values > held if name == "high" else values < held)
        self._held[name] = np.where(passes | who & np.isnan(held), values, held)
        self._held[f"{name}_time"] = np.where(passes, np.nan if gap else times, moment)

    def _of_prices(self, told: dict[str, Array]) -> dict[str, Array]:
        b, names = self._before, ("price", "price_time", "open", "vwap", "volume", "spread_percent")
        f = {name: told[name] for name in names} | {name: self._held[name] for name in self._held}
        f |= {"as_of": told["updated"], "prev_close": b.prev_close, "prev_high": b.prev_high, "prev_low": b.prev_low}
        f |= {"prev_volume": b.prev_volume, "atr": b.atr, "average_volume": b.average_volume}
        f |= {"ex_today": b.ex_today, "ex_amount": b.ex_amount}
        f |= {"split_ratio": b.split_ratio, "split_today": ~np.isnan(b.split_ratio)}
        price, prev, opened = f["price"], f["prev_close"], f["open"]
        f["change_percent"] = _percent(price, prev)
        f["gap_indicative"] = np.isnan(opened)
        f["gap_percent"] = _percent(np.where(np.isnan(opened), price, opened), prev)
        f["change_from_open_percent"] = _percent(price, opened)
        f["from_high_percent"], f["from_low_percent"] = _percent(price, f["high"]), _percent(price, f["low"])
        width = f["high"] - f["low"]
        f["range_position"] = (price - f["low"]) / np.where(width > 0, width, np.nan) * 100
        f["new_listing"] = (b.sessions == 0) & np.isnan(prev)
        today = ~np.isnan(opened) & (f["low"] <= 0.9 * prev * (1 + 1e-9))
        f["ssr"] = np.array([True if now else carried for now, carried in zip(today, b.restricted, strict=True)])
        f["dollar_volume"] = f["volume"] * np.where(np.isnan(f["vwap"]), price, f["vwap"])
        after = f["price_time"] >= self._bells.post
        f["post_change_percent"] = np.where(after, _percent(price, told["close"]), np.nan)
        f["post_volume"] = np.where(after, f["volume"] - f["close_volume"], np.nan)
        return f

    def _ago(self, name: str, moment: int) -> Array:
        """What was traded last before the moment, if a scan near it said so, or says now that it still holds."""
        value = until = np.full(len(self.halted), np.nan)
        for scan in self._scans:
            then = scan.time < moment
            value = np.where(then, getattr(scan, name), value)
            until = np.where(then, scan.at + self._every + GRACE, until)
        return np.where(until >= moment, value, np.nan)

    def _of_past(self, now: int, f: dict[str, Array]) -> dict[str, Array]:
        price = f["price"]
        move = _percent(price, self._ago("price", now - MINUTE))
        volume = f["volume"] - self._ago("volume", now - MINUTE)
        least = np.where(np.isnan(price), np.nan, 1.0)
        for below, percent in reversed(SPIKES):
            least = np.where(price < below, percent, least)
        size = np.abs(move) / least
        spiking = (size >= 1) & (volume > 1000)
        self._held["spike_time"] = np.where(spiking & ~self._spiking, now, self._held["spike_time"])
        self._spiking = spiking
        five = _percent(price, self._ago("price", now - 5 * MINUTE))
        return {"change_1m_percent": move, "volume_1m": volume, "spike_size": size, "change_5m_percent": five,
                "spike_time": self._held["spike_time"]}  # fmt: skip

    def _of_volume(self, now: int, f: dict[str, Array], told: dict[str, Array]) -> dict[str, Array]:
        b, minute = self._before, (now - self._midnight) / MINUTE
        regular = self._bells.regular <= now < self._bells.post
        expected = b.average_volume * (float(self._share(minute)) if regular else np.nan)
        thin_curve = (b.curve_sessions < 10) & (b.curve_sessions < b.sessions)
        own = (b.curve_sessions > 0) & ~thin_curve & (not self._half or now < self._bells.post)
        expected = np.where(own, b.usual(minute), expected)
        rvol = f["volume"] / np.where(expected >= 1000, expected, np.nan)
        sessions = np.where(own, b.curve_sessions, b.sessions)
        by = np.where(np.isnan(rvol), "none", np.where(own, "own", "market"))
        thin: Any = np.where(sessions == 0, None, sessions < 10)
        return {"rvol": rvol, "rvol_source": by, "thin_baseline": thin, "trades_z": self._trades(now, told)}

    def _trades(self, now: int, told: dict[str, Array]) -> Array:
        """Trades at random around a rate that differs from day to day, in the part of the minute that was seen."""
        b, start = self._before, told["minute_start"]
        begins = (start - self._midnight) / MINUTE
        seen = np.clip(now - start, MINUTE / 4, MINUTE) / MINUTE
        share = (self._share(begins + 1) - self._share(begins)) * seen
        mean = b.average_trades * share
        z = (told["minute_trades"] - mean) / np.sqrt(mean + (b.trades_deviation * share) ** 2)
        return np.where((mean >= 5) & (now - start <= 2 * MINUTE), z, np.nan)

    def _ages(self, now: int, session: str, traded: Array) -> dict[str, Array]:
        left = self._held["left_at"] == traded
        if session in ("closed", "night"):
            return {"stale": np.zeros(len(traded), bool), "gone": left}
        start = getattr(self._bells, session)
        age = (now - np.fmax(traded, start)) / 1000
        gone = ~self.halted & (left & (traded < start) | (age > GONE[session]))
        self._held["left_at"] = np.where(gone, traded, np.nan)
        return {"stale": ~self.halted & (age > STALE[session]), "gone": gone}


def _percent(now: Array, before: Array) -> Array:
    return (now - before) / np.where(before > 0, before, np.nan) * 100
