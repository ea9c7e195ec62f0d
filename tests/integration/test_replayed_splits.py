"""A split in a replay, from the file beside the flat files to the ranked change, over real sockets."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pytest

from gapscan.bus.snapshots import read_snapshot
from gapscan.lists.state import Copy
from gapscan.market.sessions import session_times
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from tests.support.flatfiles import HEADER
from tests.support.nats import NatsServer
from tests.support.stack import running

MONDAY, TUESDAY = dt.date(2024, 1, 8), dt.date(2024, 1, 9)
AFTER_OPEN = session_times(TUESDAY).regular + 5 * 60_000


def write_days(root: Path) -> None:
    """Two symbols that closed at 100 and opened at 10.05 and at 101."""
    for date, prices in ((MONDAY, (100, 100)), (TUESDAY, (10.05, 101))):
        path = root / "us_stocks_sip" / "day_aggs_v1" / f"{date:%Y/%m}" / f"{date}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        start = session_times(date).regular * 1_000_000
        rows = [
            f"{symbol},5000000,{price},{price},{price},{price},{start},900"
            for symbol, price in zip(("SPLT", "ELSE"), prices, strict=True)
        ]
        path.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode()))


@pytest.mark.parametrize("with_file", [True, False])
async def test_a_split_is_no_fall_of_ninety_percent(nats_server: NatsServer, tmp_path: Path, with_file: bool) -> None:
    write_days(tmp_path)
    if with_file:
        split = "ticker,execution_date,split_from,split_to\nSPLT,2024-01-09,1,10\n"
        (tmp_path / "us_stocks_sip" / "splits.csv").write_text(split)
    market = Market(ReplaySource(tmp_path, TUESDAY))
    async with SimServer(market, ManualClock(AFTER_OPEN)) as sim, running(sim, nats_server.url) as stack:
        await stack.load_reference()
        await stack.scan_at(AFTER_OPEN + 60_000)
        universe = stack.term.universe
        assert universe.number("split_today")[universe.positions(["SPLT", "ELSE"])].tolist() == [float(with_file), 0]
        snapshot = await read_snapshot(stack.bus, "gappers_down")
        assert snapshot is not None
        fallen = Copy()
        fallen.load(snapshot)
        # Without the file nothing tells that it is no fall.
        gaps = {str(row["symbol"]): row["gap_percent"] for row in fallen.rows}
        assert gaps == ({} if with_file else {"SPLT": pytest.approx(-89.95, abs=0.1)})
        known = universe.number("gap_percent")[universe.positions(["SPLT", "ELSE"])]
        assert known.tolist() == pytest.approx([0.5 if with_file else -89.95, 1.0])


async def test_a_large_dividend_says_so(nats_server: NatsServer, tmp_path: Path) -> None:
    """The gap stays raw, as everywhere, and the row says what is in it."""
    write_days(tmp_path)
    text = "ticker,ex_dividend_date,cash_amount,distribution_type\nSPLT,2024-01-09,89.9,special\nELSE,2024-01-09,0.2,\n"
    (tmp_path / "us_stocks_sip" / "dividends.csv").write_text(text)
    market = Market(ReplaySource(tmp_path, TUESDAY))
    async with SimServer(market, ManualClock(AFTER_OPEN)) as sim, running(sim, nats_server.url) as stack:
        await stack.load_reference()
        await stack.scan_at(AFTER_OPEN + 60_000)
        universe = stack.term.universe
        at = universe.positions(["SPLT", "ELSE"])
        assert universe.number("ex_amount")[at].tolist() == pytest.approx([89.9, float("nan")], nan_ok=True)
        assert universe.number("gap_percent")[at].tolist() == pytest.approx([-89.95, 1.0])
