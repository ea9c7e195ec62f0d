"""Small made-up universes for tests of the pure core."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gapscan.market.sessions import Session, session_times
from gapscan.market.universe import Universe
from gapscan.protocol.messages import ReferenceFrame, UniverseFrame

DAY = dt.date(2024, 3, 8)  # a Friday
TIMES = session_times(DAY)
MOMENT = {
    Session.PRE: TIMES.pre + 4 * 3_600_000,
    Session.REGULAR: TIMES.regular + 3_600_000,
    Session.POST: TIMES.post + 3_600_000,
    Session.CLOSED: TIMES.closed + 3_600_000,
}

OBSERVATIONS = ("price", "price_time", "prev_close", "open", "high", "low", "vwap", "volume", "updated")
Stock = Mapping[str, Any]


def stock(symbol: str, **fields: Any) -> Stock:
    """A common stock that nothing is known about but `fields`, named as in the frames."""
    return {"symbol": symbol, "name": symbol.title(), "exchange": "XNAS", "kind": "CS", **fields}


def universe_frame(
    stocks: Sequence[Stock], as_of: int, session: str = "regular", part: int = 1, parts: int = 1
) -> UniverseFrame:
    """One part of a scan."""
    columns = {name: [stock.get(name) for stock in stocks] for name in OBSERVATIONS}
    symbols = [stock["symbol"] for stock in stocks]
    return UniverseFrame(1, part, parts, as_of, session, True, symbols, **columns)  # type: ignore[arg-type]


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
    )


def universe_of(stocks: Iterable[Stock], session: Session = Session.REGULAR, as_of: int | None = None) -> Universe:
    """A universe of `stocks`; what they do not say of their times is the moment itself."""
    moment = MOMENT[session] if as_of is None else as_of
    timed = [{"price_time": float(moment), "updated": float(moment), **stock} for stock in stocks]
    universe = Universe()
    universe.merge_reference(reference_frame(timed))
    universe.merge_frame(universe_frame(timed, moment, str(session)))
    return universe
