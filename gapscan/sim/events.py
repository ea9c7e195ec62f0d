"""Stream events as Polygon sends them, encoded once for all who want them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from gapscan.sim.market import BarBatch, Batch, HaltNotice, Market, TradeBatch
from gapscan.sim.snapshot import number
from gapscan.sim.tape import Ints

KINDS = ("A", "AM", "T", "LULD")
_encode = msgspec.json.Encoder().encode


class Bar(msgspec.Struct):
    ev: str
    sym: str
    v: int | float
    av: int | float
    op: float
    vw: float
    o: float
    c: float
    h: float
    l: float  # noqa: E741 - Polygon's field name
    a: float
    z: int
    s: int
    e: int


class Trade(msgspec.Struct):
    ev: str
    sym: str
    i: str
    x: int
    p: float
    s: int
    c: list[int]
    t: int
    q: int
    z: int


class Halt(msgspec.Struct):
    ev: str
    T: str
    h: float
    l: float  # noqa: E741
    i: list[int]
    z: int
    t: int
    q: int


class Status(msgspec.Struct):
    ev: str
    status: str
    message: str


class Event(NamedTuple):
    """One encoded event: its kind, its symbol's place, its bytes."""

    kind: str
    place: int
    data: bytes


class Interest:
    """Which symbols of each kind somebody wants: a set of places, or everything."""

    def __init__(self) -> None:
        self.places: dict[str, set[int]] = {kind: set() for kind in KINDS}
        self.everything: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.everything) or any(self.places.values())

    def wants(self, kind: str, place: int) -> bool:
        return kind in self.everything or place in self.places[kind]

    def add(self, kind: str, place: int | None) -> None:
        """Add one symbol, or with None all of them."""
        if place is None:
            self.everything.add(kind)
        else:
            self.places[kind].add(place)

    def remove(self, kind: str, place: int | None) -> None:
        """Take out what `add` put in; to take out everything leaves single symbols in."""
        if place is None:
            self.everything.discard(kind)
        else:
            self.places[kind].discard(place)

    def include(self, other: Interest) -> None:
        """Also want what `other` wants."""
        self.everything |= other.everything
        for kind in KINDS:
            self.places[kind] |= other.places[kind]

    def select(self, kind: str, symbols: Ints) -> Ints:
        """The positions in `symbols` of those that are wanted."""
        if kind in self.everything:
            return np.arange(len(symbols))
        if not self.places[kind]:
            return np.empty(0, np.int64)
        return np.flatnonzero(np.isin(symbols, list(self.places[kind])))


def status_frame(status: str, message: str) -> bytes:
    """A frame with one status message."""
    return _encode([Status("status", status, message)])


def frame(parts: list[bytes]) -> bytes:
    """A frame with several encoded events."""
    return b"[" + b",".join(parts) + b"]"


def encode(market: Market, batch: Batch, interest: Interest) -> Iterator[Event]:
    """The events of a batch that somebody wants."""
    if isinstance(batch, BarBatch):
        yield from _bars(market, batch, interest)
    elif isinstance(batch, TradeBatch):
        yield from _trades(market, batch, interest)
    elif interest.wants("LULD", batch.symbol):
        yield _halt(market, batch)


def _bars(market: Market, batch: BarBatch, interest: Interest) -> Iterator[Event]:
    bars = batch.bars
    for row in interest.select(batch.kind, bars.symbol).tolist():
        place = int(bars.symbol[row])
        volume = float(bars.volume[row])
        event = Bar(
            ev=batch.kind,
            sym=market.symbols[place],
            v=number(round(volume, 4)),
            av=number(round(float(batch.day_volume[row]), 4)),
            op=float(batch.day_open[row]),
            vw=round(float(bars.turnover[row]) / volume, 4),
            o=float(bars.open[row]),
            c=float(bars.close[row]),
            h=float(bars.high[row]),
            l=float(bars.low[row]),
            a=round(float(batch.day_vwap[row]), 4),
            z=max(int(volume / max(int(bars.trades[row]), 1)), 1),
            s=batch.start,
            e=batch.end,
        )
        yield Event(batch.kind, place, _encode(event))


def _trades(market: Market, batch: TradeBatch, interest: Interest) -> Iterator[Event]:
    prints = batch.prints
    for row in interest.select("T", prints.symbol).tolist():
        place = int(prints.symbol[row])
        sequence = batch.first_sequence + row + 1
        event = Trade(
            ev="T",
            sym=market.symbols[place],
            i=str(sequence),
            x=place % 18 + 1,
            p=round(float(prints.price[row]), 4),
            s=max(int(prints.size[row]), 1),
            c=[],
            t=int(prints.time[row]),
            q=sequence,
            z=_tape(market, place),
        )
        yield Event("T", place, _encode(event))


def _halt(market: Market, notice: HaltNotice) -> Event:
    event = Halt(
        ev="LULD",
        T=market.symbols[notice.symbol],
        h=round(notice.price * 1.05, 4),
        l=round(notice.price * 0.95, 4),
        i=[notice.indicator],
        z=_tape(market, notice.symbol),
        t=notice.time,
        q=notice.time % 1_000_000_000,
    )
    return Event("LULD", notice.symbol, _encode(event))


def _tape(market: Market, place: int) -> int:
    """1 NYSE, 2 the other exchanges, 3 Nasdaq."""
    return {"XNYS": 1, "XNAS": 3}.get(market.source.listings[place].exchange, 2)
