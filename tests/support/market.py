"""Small made-up universes for tests of the pure core."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from msgspec import UnsetType, structs

from gapscan.market.columns import packed, unpacked
from gapscan.market.curve import share_traded
from gapscan.market.scans import merge_detail, merge_halts, merge_reference, merge_scan
from gapscan.market.sessions import MarketSession, session_at, session_times
from gapscan.market.universe import Universe
from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.protocol.messages import Detail, Halts, ReferenceFrame, UniverseFrame

DAY = dt.date(2024, 3, 8)  # a Friday
TIMES = session_times(DAY)
MOMENT = {
    MarketSession.NIGHT: TIMES.night + 2 * 3_600_000,
    MarketSession.PRE: TIMES.pre + 4 * 3_600_000,
    MarketSession.REGULAR: TIMES.regular + 3_600_000,
    MarketSession.POST: TIMES.post + 3_600_000,
    MarketSession.CLOSED: TIMES.closed + 3_600_000,
}

SCAN_MS: Final = 30_000
OBSERVATIONS = SCAN_COLUMNS
Stock = Mapping[str, Any]


def stock(symbol: str, **fields: Any) -> Stock:
    """A common stock that nothing is known about but `fields`, named as in the frames.

    Beside these: `market_cap`, `float_shares` and `sector` of its details; `halt` and `halt_time`; and `past`, what
    earlier scans said of it, by how many seconds earlier they were.
    """
    return {"symbol": symbol, "name": symbol.title(), "exchange": "XNAS", "kind": "CS", **fields}


def universe_frame(
    stocks: Sequence[Stock], as_of: int, session: str = "regular", part: int = 1, parts: int = 1
) -> UniverseFrame:
    """One part of a scan."""
    columns = {name: packed([stock.get(name) for stock in stocks]) for name in OBSERVATIONS}
    symbols = [stock["symbol"] for stock in stocks]
    return UniverseFrame(1, part, parts, as_of, session, True, symbols, **columns)  # type: ignore[arg-type]


def plain(column: bytes | UnsetType) -> list[float | None]:
    """The values of a packed column; None where there is none."""
    assert isinstance(column, bytes)
    return [None if value != value else value for value in unpacked([column])[0].tolist()]


def reference_frame(stocks: Sequence[Stock], date: dt.date = DAY) -> ReferenceFrame:
    """Reference data in one part."""
    return ReferenceFrame(
        part=1,
        parts=1,
        date=str(date),
        complete=True,
        symbols=[stock["symbol"] for stock in stocks],
        name=[stock.get("name") for stock in stocks],
        exchange=[stock.get("exchange") for stock in stocks],
        kind=[stock.get("kind") for stock in stocks],
        test=[bool(stock.get("test")) for stock in stocks],
        split=[bool(stock.get("split")) for stock in stocks],
        average_volume=[stock.get("average_volume") for stock in stocks],
        average_trades=[stock.get("average_trades") for stock in stocks],
        trades_deviation=[stock.get("trades_deviation") for stock in stocks],
        sessions=[stock.get("sessions", 0) for stock in stocks],
        split_ratio=[stock.get("split_ratio") for stock in stocks],
        prev_close=[stock.get("known_close") for stock in stocks],
        ex_today=[stock.get("ex_today") for stock in stocks],
        ex_amount=[stock.get("ex_amount") for stock in stocks],
        atr=[stock.get("atr") for stock in stocks],
        ssr_carried=[stock.get("ssr_carried") for stock in stocks],
    )


def detail_of(stock: Stock, date: dt.date = DAY) -> Detail:
    """What is known of a stock beside its listing."""
    return Detail(
        stock["symbol"], str(date), stock.get("market_cap"), None, stock.get("float_shares"), stock.get("sector")
    )


def halts_of(stocks: Sequence[Stock], as_of: int) -> Halts:
    """The halts of those stocks that have a `halt`."""
    halted = [stock for stock in stocks if stock.get("halt")]
    symbols, status = [stock["symbol"] for stock in halted], [stock["halt"] for stock in halted]
    return Halts(as_of, True, symbols, status, [int(stock.get("halt_time", as_of)) for stock in halted])


def universe_of(
    stocks: Iterable[Stock], session: MarketSession = MarketSession.REGULAR, as_of: int | None = None
) -> Universe:
    """A universe of `stocks`; what they do not say of their times is the moment itself."""
    moment = MOMENT[session] if as_of is None else as_of
    timed = [{"price_time": float(moment), "updated": float(moment), **stock} for stock in stocks]
    universe = Universe()
    merge_reference(universe, reference_frame(timed))
    agos = sorted({ago for stock in timed for ago in stock.get("past", ())}, reverse=True)
    for ago, later in pairwise([*agos, 0]):
        keep_scanning(universe, merge_past(universe, timed, moment, ago), int(moment - later * 1000))
    merge_scan(universe, universe_frame(timed, moment, str(session)))
    for one in timed:
        merge_detail(universe, detail_of(one))
    merge_halts(universe, halts_of(timed, moment))
    return universe


def merge_past(universe: Universe, stocks: Iterable[Stock], moment: int, ago: float) -> UniverseFrame:
    """What a scan `ago` seconds before `moment` said of the stocks; of each the latest of its past by then."""
    then = int(moment - ago * 1000)
    seen: list[Stock] = []
    for one in stocks:
        said = [before for before in one.get("past", ()) if before >= ago]
        if said:
            time = float(int(moment - min(said) * 1000))
            seen.append({"symbol": one["symbol"], "price_time": time, "updated": time, **one["past"][min(said)]})
    frame = universe_frame(seen, then, str(session_at(then)))
    merge_scan(universe, frame)
    return frame


def keep_scanning(universe: Universe, frame: UniverseFrame, until: int) -> None:
    """Between the scan and the moment `until`, others come at their time, and say the same."""
    for then in range(frame.as_of + SCAN_MS, until, SCAN_MS):
        merge_scan(universe, structs.replace(frame, as_of=then, session=str(session_at(then))))


def share_at(ms: int) -> float:
    """The share of an average day's volume that has traded by the moment `ms`."""
    return float(share_traded(ms, np.array([ms], np.float64))[0])
