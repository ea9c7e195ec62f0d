"""Whole days, scan by scan: every list that comes with gapscan against a plain computation (tests/support/plain).

The days are those of the real data, or of a directory in flat-file layout that GAPSCAN_TEST_DATA names, and days that
are made here: of thin symbols, a half day, days of the simulated market. Members and order are compared at every scan,
all values at the bells, at random times and at the end; and what the provider says with what the files say. What was
compared stands at the end of the run; GAPSCAN_TEST_DAYS chooses among the days of GAPSCAN_TEST_DATA, with commas.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
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

CHOSEN_DAYS: Final = "GAPSCAN_TEST_DAYS"
RANDOM_TIMES: Final = 5
MOST_SHOWN: Final = 10  # mismatches
PROGRESS_SECONDS: Final = 15
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
        self.mismatches: list[str] = []
        self.scans = self.cells = 0
        self.times: set[int] = set()  # of those at which all values were compared

    @property
    def moments(self) -> list[int]:
        """Every minute of the day, or those around the moments that are looked at."""
        whole = range(self.bells.pre, self.bells.closed + 2 * MINUTE, MINUTE)
        if self.minutes is not None:
            return list(whole)
        near = {moment - ago * MINUTE for moment in self.chosen for ago in range(HISTORY)}
        return sorted(near & set(whole))

    def compare(self, progress: Callable[[str], None]) -> None:
        """Go through the day."""
        details = [
            Detail(symbol, str(self.date), None, None, float(free), None)
            for symbol, free in zip(self.symbols, self.floats, strict=True)
        ]
        began = time.monotonic()
        for now, tickers, lists in walked(self.data, self.date, self.moments, self._messages(), details):
            self._compare_scan(now, tickers, lists)
            if time.monotonic() > began + PROGRESS_SECONDS:
                began = time.monotonic()
                progress(f"{self._clock(now)}: {self.cells:,} cells, {len(self.mismatches)} mismatches")

    def _compare_scan(self, now: int, tickers: bytes, lists: Mapping[str, Rows]) -> None:
        said = told(tickers, self.symbols)
        self._check_told(now, said)
        status = self._halts(now)
        self.plain.halted = status == "halted"
        self.plain.hear(now, said)
        self.plain.fields |= {"halt": status, "halt_time": self._halt_times(now), "float_shares": self.floats}
        self.lists.rank(self.plain.fields, now)
        self.scans += 1
        for name, rows in lists.items():
            same = self._same_members(name, now, rows)
            if same and now in self.chosen and name in self.lists.open:
                self._same_values(name, now, rows)

    @property
    def summary(self) -> str:
        """What was compared, and what of it is not the same."""
        by = "minute by minute" if self.minutes is not None else "of daily bars"
        return (
            f"{self.date}, {by}, {len(self.symbols):,} symbols, {len(self.lists.rows)} lists: members and order at "
            f"{self.scans} scans, {self.cells:,} cells at {len(self.times)} moments; {len(self.mismatches)} mismatches"
        )

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
        if found:
            self.mismatches.append(f"{name} at {self._clock(now)}: {found}")

    def _same_members(self, name: str, now: int, rows: Rows) -> bool:
        ours, theirs = symbols_of(rows), [self.symbols[at] for at in self.lists.rows[name]]
        if ours == theirs:
            return True
        at = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), -1)
        only = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        self.mismatches.append(
            f"{name} at {self._clock(now)}: only here {only[0]}, only plainly {only[1]}, from {at} on"
        )
        return False

    def _same_values(self, name: str, now: int, rows: Rows) -> None:
        self.times.add(now)
        fields = self.plain.fields
        for row, place in zip(rows, self.lists.rows[name], strict=True):
            for field, (kind, decimals) in documented().items():
                if field in fields:
                    shown, value = row.get(field), fields[field][place]
                    self.cells += 1
                    if not agrees(shown, value, kind, decimals or 0):
                        what = f"{name} at {self._clock(now)}: {field} of {row['symbol']}"
                        self.mismatches.append(f"{what} is {shown}, not {value}")

    def _clock(self, now: int) -> str:
        return f"{self.date} {dt.timedelta(minutes=(now - self.bells.pre) // MINUTE + 240)}"


def agrees(shown: Any, value: Any, kind: str, decimals: int) -> bool:
    """Whether a cell is the value, rounded; missing where that is."""
    missing = value is None or value == "" or (isinstance(value, float) and np.isnan(value))
    if missing or shown is None:
        return bool(missing) == (shown is None)
    if kind == "text":
        return bool(shown == value)
    if kind == "boolean":
        return shown is bool(value)
    slack = 0.5 * 10**-decimals + 1e-12 * max(1e3, abs(float(value)))
    return bool(abs(shown - float(value)) <= slack) and (kind != "integer" or shown == int(shown))


def real_days() -> list[Any]:
    """The days that can be played, of those beside the project every eighth and all with minutes; else one that says
    that there are none."""
    if (data := flat_files()) is None:
        return [pytest.param(None, None, id="absent")]
    files, wanted = Files(data), os.environ.get(CHOSEN_DAYS, "")
    days = [day for day in files.days if previous_trading_day(day) in files.days]
    if wanted:
        days = [day for day in days if str(day) in wanted.split(",")]
    elif VARIABLE not in os.environ:
        days = [day for at, day in enumerate(days) if at % 8 == 0 or day in files.minutes]
    return [pytest.param(data, day, id=str(day)) for day in days] or [pytest.param(None, None, id="absent")]


Same = Callable[[Day], None]


@pytest.fixture
def same(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Same:
    """Goes through a day, and says what was compared; fails where that is not the same."""

    def progress(text: str) -> None:
        with capsys.disabled():
            print(text, file=sys.stderr, flush=True)

    def compare(day: Day) -> None:
        try:
            day.compare(progress if VARIABLE in os.environ else lambda _: None)
        finally:
            request.node.user_properties.append(("compared", day.summary))
        found = day.mismatches
        assert not found, "\n".join([day.summary, *found[:MOST_SHOWN]])
        assert day.cells > 1_000

    return compare


@pytest.mark.realdata
@pytest.mark.parametrize(("data", "date"), real_days())
def test_every_list_of_a_real_day(data: Path | None, date: dt.date | None, same: Same) -> None:
    if data is None or date is None:
        absent(f"there are no market days to be played: set {VARIABLE} to a directory of flat files")
        return
    same(Day(data, date))


@pytest.mark.parametrize("made", list(Made), ids=lambda made: made.name)
def test_every_list_of_a_made_day(made: Made, tmp_path: Path, same: Same) -> None:
    date = write_made(made, tmp_path)
    same(Day(tmp_path, date))


@pytest.mark.parametrize("last", [dt.date(2026, 11, 20), dt.date(2026, 11, 27)], ids=["whole", "half"])
def test_every_list_of_a_simulated_day(last: dt.date, tmp_path: Path, same: Same) -> None:
    """With minutes of days before it, so that some symbols have curves of their own."""
    write_flat_files(tmp_path, days=4, symbols=150, seed=11, last=last)
    same(Day(tmp_path, last))
