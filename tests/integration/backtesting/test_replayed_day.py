"""A real day of minutes, backtested, against its replay: simulated market, feed, NATS and ranker over real sockets.

A replay makes up when within a minute shares traded, which minute bars do not tell; here all trade in its last
millisecond, which is what a backtest takes to be so. The market is scanned at the end of every minute: until 10:15, or
of the whole day with WHOLE_DAY=1.
"""

from __future__ import annotations

import datetime as dt
import os
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from gapscan.backtesting.loading import DayLoader
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.one_day import DayTask, backtest_day
from gapscan.backtesting.plain_form import PlainForm
from gapscan.backtesting.variants import variants_of
from gapscan.bus.snapshots import read_snapshot
from gapscan.market.sessions import MINUTE_MS, session_times
from gapscan.ranking.spec import ListSet, shipped_lists
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from gapscan.sim.source import DayTape
from gapscan.sim.tape import Prints
from tests.support.nats import NatsServer
from tests.support.realdata import real_data
from tests.support.stack import Stack, running

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(900)]

DAY: Final = dt.date(2023, 8, 4)
MINUTES: Final = 960 if os.environ.get("WHOLE_DAY") == "1" else 375
# Of a bar's volume the replay trades whole shares, and a scan's vwap has four decimals: dollars may differ by so much.
CENT: Final = 1e-4
DOLLARS: Final = ("vwap", "dollar_volume")
# Files have no quotes, and after one session everybody else is new to the feed.
OTHERS: Final = ("spread_percent", "new_listing")

Rows = list[dict[str, Any]]
Shown = dict[str, dict[int, Rows]]


class LateTape:
    """A day whose minutes trade in their last millisecond."""

    def __init__(self, tape: DayTape, pre: int) -> None:
        self.halts, self.closes = tape.halts, tape.closes
        self._tape, self._pre = tape, pre

    def minute(self, number: int) -> Prints:
        prints = self._tape.minute(number)
        return prints._replace(time=np.full_like(prints.time, self._pre + (number + 1) * MINUTE_MS - 1))


class LateSource(ReplaySource):
    """The replay, of such days."""

    def open_day(self, date: dt.date) -> DayTape:
        return LateTape(super().open_day(date), session_times(date).pre)


def files_of(root: Path) -> Path:
    """The day's minutes and the closes of the day before, linked."""
    source = real_data()
    for path in (source / "flatfiles").rglob("2023-08-0[34].csv.gz"):
        link = root / path.relative_to(source / "flatfiles")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return root


async def replayed(root: Path, nats: NatsServer, length: int) -> Shown:
    """Every list as its snapshot has it after each minute of the day."""
    times = session_times(DAY)
    shown: Shown = {name: {} for name in shipped_lists().names}
    async with (
        SimServer(Market(LateSource(root, DAY)), ManualClock(times.pre)) as sim,
        running(sim, nats.url, discovery_interval=60.0) as stack,
    ):
        await stack.load_reference()
        read: dict[str, int] = {}
        for minute in range(1, length):
            await stack.scan_at(times.pre + minute * MINUTE_MS)
            await note(stack, minute, shown, read)
    return shown


async def note(stack: Stack, minute: int, shown: Shown, read: dict[str, int]) -> None:
    for name, publisher in stack.term.publishers.items():
        if minute > 1 and read.get(name) == publisher.sequence:
            shown[name][minute] = shown[name][minute - 1]
            continue
        snapshot = await read_snapshot(stack.bus, name)
        assert snapshot is not None
        assert snapshot.sequence == publisher.sequence
        shown[name][minute], read[name] = [dict(row) for row in snapshot.rows], snapshot.sequence


def supported(day: MarketDay) -> ListSet:
    """The lists whose conditions minutes can tell of; new listings need to know the sessions before."""
    shipped = shipped_lists()
    left_out = set() if day.reference.complete else {"new_listings"}
    return ListSet(shipped.gate, tuple(spec for spec in shipped.specs if spec.name not in left_out))


def same_order(plain: list[str], rows: Rows, by_dollars: bool) -> bool:
    """Where dollars decide, neighbours may stand the other way round that differ by no more than vwap is rounded by."""
    if plain == [row["symbol"] for row in rows]:
        return True
    if not by_dollars or set(plain) != {row["symbol"] for row in rows}:
        return False
    dollars = {row["symbol"]: (row["dollar_volume"], row["volume"]) for row in rows}
    return all(
        dollars[one][0] >= dollars[other][0] - CENT * (dollars[one][1] + dollars[other][1]) - 1
        for one, other in pairwise(plain)
    )


async def test_the_lists_of_a_backtest_are_those_of_a_replay(tmp_path: Path, nats_server: NatsServer) -> None:
    root = files_of(tmp_path)
    day = DayLoader(root).load(DAY)
    length = min(day.length, MINUTES)
    shown, lists = await replayed(root, nats_server, length), supported(day)
    compared, wrong = 0, []
    for ranked in takewhile(lambda one: one.minute < length, PlainForm(day, lists).run()):
        for spec, top in zip(lists.specs, ranked.tops, strict=True):
            if top is not None:
                rows, plain = shown[spec.name][ranked.minute], [day.symbols[place] for place in top.tolist()]
                compared += len(plain)
                if not same_order(plain, rows, spec.definition.sort == ["-dollar_volume"]):
                    wrong.append((spec.name, ranked.minute, plain[:5], [row["symbol"] for row in rows][:5]))
    assert wrong == []
    assert compared > 10_000
    rows_are_the_same(day, lists, shown)


def rows_are_the_same(day: MarketDay, lists: ListSet, shown: Shown) -> None:
    """What rows show as they enter a list."""
    variants = tuple(variants_of([spec.definition for spec in lists.specs]))
    table = backtest_day(day, DayTask("", DAY, variants, form="plain")).entries
    assert table is not None
    fields = table.column_names[table.column_names.index("worst_close") + 1 :]
    compared = 0
    for entry in table.to_pylist():
        minute = (int(entry["time"].timestamp() * 1000) - day.times.pre) // MINUTE_MS
        if minute >= MINUTES:
            continue
        row = next(row for row in shown[entry["list"]][minute] if row["symbol"] == entry["symbol"])
        for name in fields:
            if name not in OTHERS:
                expected: Any = row.get(name)
                if name in DOLLARS:
                    expected = pytest.approx(expected, abs=tolerance(name, minute, row))
                assert entry[name] == expected, (entry["list"], minute, entry["symbol"], name)
                compared += 1
    assert compared > 2_000


def tolerance(name: str, minute: int, row: dict[str, Any]) -> float:
    """Up to three shares of a minute trade at another of its prices, and the average price is rounded."""
    width = (row["high"] or 0.0) - (row["low"] or 0.0)
    dollars: float = 3 * minute * width + row["volume"] * 2 * CENT + 1
    return dollars if name == "dollar_volume" else dollars / float(row["volume"])
