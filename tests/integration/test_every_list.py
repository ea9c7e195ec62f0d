"""Whole days, scan by scan: every list that comes with gapscan against a plain computation (tests/support/plain).

The days are those of the real data, or of a directory in flat-file layout that GAPSCAN_TEST_DATA names, and days that
are made here: of thin symbols, a half day, days of the simulated market. Members and order are compared at every scan,
all values at the bells, at random times and at the end; and what the provider says with what the files say.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from gapscan.lists.delta import Rows, symbols_of
from gapscan.market.calendar import previous_trading_day
from gapscan.market.curve import OPENING_FIVE_MINUTES, VOLUME_HALF_HOURS
from gapscan.protocol.messages import Detail, Halts
from gapscan.sim.flat_files import write_flat_files
from tests.support.day_walk import SCAN_MS, symbols_of_day, walked
from tests.support.made_days import Made, write_made
from tests.support.plain.clock import MINUTE, Hours, hours
from tests.support.plain.fields import PlainDay, Share
from tests.support.plain.files import Array, Before, Files, Minutes
from tests.support.plain.lists import PlainLists
from tests.support.plain.told import told
from tests.support.realdata import VARIABLE, absent, flat_files

pytestmark = [pytest.mark.timeout(1800)]

RANDOM_TIMES: Final = 5
HISTORY: Final = 6  # minutes of scans before a moment, of days of which daily bars alone are known
DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"


@cache
def documented() -> dict[str, tuple[str, int | None]]:
    """Type and decimals of each field, from the document's table."""
    table = DOCS.read_text().partition("<!-- made: fields -->")[2].partition("<!-- end -->")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()[2:]]
    return {name.strip("`"): (kind, int(places) if places else None) for name, kind, _, places, _ in rows}


def halted(symbols: Sequence[str], bells: Hours, dice: random.Random) -> list[tuple[int, int, int]]:
    """Places of symbols that are halted, from when and until when: some over the close, some over a bell."""
    found = []
    for place in dice.sample(range(len(symbols)), min(12, len(symbols))):
        begin = dice.choice(
            [bells.pre, bells.regular - 3 * MINUTE, bells.post - 3 * MINUTE, bells.regular + 40 * MINUTE]
        )
        begin += dice.randrange(60) * 1000
        found.append((place, begin, begin + dice.choice([5, 30, 900]) * MINUTE))
    return found


class Day:
    """One day, in both ways."""

    def __init__(self, data: Path, date: dt.date) -> None:
        self.data, self.date, self.bells = data, date, hours(date)
        self.symbols = symbols_of_day(data, date)
        files, dice = Files(data), random.Random(date.toordinal())
        self.minutes = Minutes(files, date, self.symbols, self.bells) if date in files.minutes else None
        self.halts = halted(self.symbols, self.bells, dice)
        self.chosen = {bell + off * MINUTE for bell in self.bells for off in (-1, 0, 1)} - {self.bells.pre - MINUTE}
        length = (self.bells.closed - self.bells.pre) // MINUTE
        self.chosen |= {self.bells.pre + dice.randrange(1, length) * MINUTE for _ in range(RANDOM_TIMES)}
        share = Share(list(VOLUME_HALF_HOURS), list(OPENING_FIVE_MINUTES))
        before = Before(files, date, self.symbols)
        self.plain = PlainDay(date, self.bells, before, share, SCAN_MS)
        self.lists = PlainLists(self.symbols, self.bells.regular)
        self.floats = np.array([(place % 9 + 1) * 4e6 for place in range(len(self.symbols))])

    @property
    def moments(self) -> list[int]:
        """Every minute of the day, or those around the moments that are looked at."""
        whole = range(self.bells.pre, self.bells.closed + 2 * MINUTE, MINUTE)
        if self.minutes is not None:
            return list(whole)
        near = {moment - ago * MINUTE for moment in self.chosen for ago in range(HISTORY)}
        return sorted(near & set(whole))

    def compare(self) -> int:
        """Go through the day; how many cells were compared."""
        cells = 0
        details = [
            Detail(symbol, str(self.date), None, None, float(free), None)
            for symbol, free in zip(self.symbols, self.floats, strict=True)
        ]
        for now, tickers, lists in walked(self.data, self.date, self.moments, self._messages(), details):
            said = told(tickers, self.symbols)
            self._check_told(now, said)
            status = self._halts(now)
            self.plain.halted = status == "halted"
            self.plain.hear(now, said)
            self.plain.fields |= {"halt": status, "halt_time": self._halt_times(now), "float_shares": self.floats}
            self.lists.rank(self.plain.fields, now)
            for name, rows in lists.items():
                self._same_members(name, now, rows)
                if now in self.chosen and name in self.lists.open:
                    cells += self._same_values(name, now, rows)
        return cells

    def _messages(self) -> list[Halts]:
        times = sorted({moment for _, *times in self.halts for moment in times if moment < self.bells.closed})
        return [self._message(moment) for moment in times]

    def _message(self, now: int) -> Halts:
        there = [place for place, begin, _ in self.halts if begin <= now]
        status, times = self._halts(now), self._halt_times(now)
        return Halts(
            now, True, [self.symbols[at] for at in there], [status[at] for at in there],
            [int(times[at]) for at in there],
        )  # fmt: skip

    def _halts(self, now: int) -> Array:
        found = np.full(len(self.symbols), "", dtype="U8")
        for place, begin, end in self.halts:
            if begin <= now:
                found[place] = "halted" if now < end or end >= self.bells.closed else "resumed"
        return found

    def _halt_times(self, now: int) -> Array:
        found = np.full(len(self.symbols), np.nan)
        for place, begin, end in self.halts:
            if begin <= now:
                found[place] = begin if now < end or end >= self.bells.closed else end
        return found

    def _check_told(self, now: int, said: dict[str, Array]) -> None:
        """What the provider says is what the minutes say, until the closing auction has the last word."""
        if self.minutes is None:
            return
        at = min((now - self.bells.pre) // MINUTE, (self.bells.closed - self.bells.pre) // MINUTE)
        names = ["price", "minute_high", "minute_low"] + ["open", "high", "low"] * (now <= self.bells.post)
        for name in names:
            self._equal(name, now, said[name], getattr(self.minutes, name)[at])
        traded = np.floor((said["price_time"] - self.bells.pre) / MINUTE)
        self._equal("price_time", now, traded, self.minutes.traded[at])
        self._equal("volume", now, np.nan_to_num(said["volume"]), self.minutes.volume[at])

    def _equal(self, name: str, now: int, ours: Array, theirs: Array) -> None:
        wrong = np.flatnonzero(~np.isclose(ours, theirs, rtol=1e-9, atol=6e-5, equal_nan=True))
        found = [(self.symbols[at], ours[at], theirs[at]) for at in wrong[:5].tolist()]
        assert not found, f"{name} at {self._clock(now)}: {found}"

    def _same_members(self, name: str, now: int, rows: Rows) -> None:
        ours, theirs = symbols_of(rows), [self.symbols[at] for at in self.lists.rows[name]]
        if ours == theirs:
            return
        at = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), -1)
        only = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        raise AssertionError(f"{name} at {self._clock(now)}: only here {only[0]}, only plainly {only[1]}, from {at} on")

    def _same_values(self, name: str, now: int, rows: Rows) -> int:
        cells = 0
        fields = self.plain.fields
        for row, place in zip(rows, self.lists.rows[name], strict=True):
            for field, (kind, decimals) in documented().items():
                if field in fields:
                    value = fields[field][place]
                    what = f"{name} at {self._clock(now)}: {field} of {row['symbol']}"
                    check(what, row.get(field), value, kind, decimals or 0)
                    cells += 1
        return cells

    def _clock(self, now: int) -> str:
        return f"{self.date} {dt.timedelta(minutes=(now - self.bells.pre) // MINUTE + 240)}"


def check(what: str, shown: Any, value: Any, kind: str, decimals: int) -> None:
    """A cell is the value, rounded; missing where that is."""
    missing = value is None or value == "" or (isinstance(value, float) and np.isnan(value))
    if missing or shown is None:
        assert missing == (shown is None), f"{what} is {shown}, not {value}"
    elif kind == "text":
        assert shown == value, f"{what} is {shown}, not {value}"
    elif kind == "boolean":
        assert shown is bool(value), f"{what} is {shown}, not {value}"
    else:
        slack = 0.5 * 10**-decimals + 1e-12 * max(1e3, abs(float(value)))
        assert abs(shown - float(value)) <= slack, f"{what} is {shown}, not {value}"
        assert (shown == int(shown)) if kind == "integer" else True


def real_days() -> list[Any]:
    """The days that can be played, of those beside the project every eighth and all with minutes; else one that says
    that there are none."""
    if (data := flat_files()) is None:
        return [pytest.param(None, None, id="absent")]
    files = Files(data)
    days = [day for day in files.days if previous_trading_day(day) in files.days]
    if VARIABLE not in os.environ:
        days = [day for at, day in enumerate(days) if at % 8 == 0 or day in files.minutes]
    return [pytest.param(data, day, id=str(day)) for day in days] or [pytest.param(None, None, id="absent")]


@pytest.mark.realdata
@pytest.mark.parametrize(("data", "date"), real_days())
def test_every_list_of_a_real_day(data: Path | None, date: dt.date | None) -> None:
    if data is None or date is None:
        absent(f"there are no market days to be played: set {VARIABLE} to a directory of flat files")
        return
    assert Day(data, date).compare() > 1_000


@pytest.mark.parametrize("made", list(Made), ids=lambda made: made.name)
def test_every_list_of_a_made_day(made: Made, tmp_path: Path) -> None:
    date = write_made(made, tmp_path)
    assert Day(tmp_path, date).compare() > 1_000


@pytest.mark.parametrize("last", [dt.date(2026, 11, 20), dt.date(2026, 11, 27)], ids=["whole", "half"])
def test_every_list_of_a_simulated_day(last: dt.date, tmp_path: Path) -> None:
    """With minutes of days before it, so that some symbols have curves of their own."""
    write_flat_files(tmp_path, days=4, symbols=150, seed=11, last=last)
    assert Day(tmp_path, last).compare() > 1_000
