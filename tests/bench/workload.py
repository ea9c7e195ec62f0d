"""What is measured: a universe of 11,000 symbols that walks at random, twelve lists of up to 200 rows, a market."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import structs

from gapscan.feed.universe_frames import Observation, universe_frames
from gapscan.market.columns import packed
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import previous_trading_day, session_at, session_times
from gapscan.market.universe import Universe
from gapscan.polygon.snapshot import SnapshotReader
from gapscan.protocol.messages import Bars, ListDefinition, ReferenceFrame, UniverseFrame
from gapscan.ranking.language.syntax import MAX_LENGTH
from gapscan.ranking.spec import MAX_OWN, ListSet, compile_list, shipped_lists
from gapscan.sim.market import Market
from gapscan.sim.snapshot import SnapshotEncoder
from gapscan.sim.synthetic import SyntheticSource

SYMBOLS = 11_000
DAY = dt.date(2024, 3, 8)
MOMENT = session_times(DAY).regular + 3_600_000

_SHIPPED: Final = ("gappers_up", "gappers_down", "winners", "losers", "most_active")
# Beside these: filters and sort keys of every kind, each with more than 200 symbols to choose from.
_MORE = {
    "near_high": (
        "from_high_percent >= -1 and change_percent >= 1 and price > vwap * 0.99 and volume >= 100_000",
        "-change_percent",
    ),
    "falling": ("change_percent <= -1 and volume >= 100_000", "change_percent"),
    "high_volume": ("rvol >= 2 and dollar_volume >= 1_000_000", "-rvol"),
    "reversals": (
        "gap_percent >= 2 and change_from_open_percent <= -1 or gap_percent <= -2 and change_from_open_percent >= 1",
        "-(abs(gap_percent) + abs(change_from_open_percent))",
    ),
    "mid_priced": ("5 <= price <= 50 and not stale", "-rvol"),
    "by_volume": ("change_percent > 1", "-volume"),
    "by_price": ('exchange in ("XNAS", "XNYS")', "-price"),
}  # fmt: skip


def twelve_lists() -> ListSet:
    """Five of the shipped lists, and seven more."""
    lists = shipped_lists()
    more = [compile_list(ListDefinition(name, "", where, [key], 200, [])) for name, (where, key) in _MORE.items()]
    return ListSet(lists.gate, (*(spec for spec in lists.specs if spec.name in _SHIPPED), *more))


def hundred_lists() -> ListSet:
    """A hundred lists of users, no two alike, each with about 200 rows."""
    keys = ("-change_percent", "-rvol", "-volume", "from_high_percent", "-dollar_volume")
    definitions = [
        ListDefinition(f"own{n}", "", f"price < {20 + 2 * n} and change_percent > {n / 50 - 1}", [keys[n % 5]], 200, [])
        for n in range(100)
    ]
    return ListSet(shipped_lists().gate, tuple(compile_list(definition) for definition in definitions))


def long_filter(number: int) -> str:
    """A filter of about as many characters as one may have."""
    kinds = (
        "price > 0.{n:02}", "(volume >= {n}_000 or rvol > 0.{n:02})", "abs(change_percent) < 9{n}",
        'type in ("CS", "ADRC", "X{n}")',
    )  # fmt: skip
    parts: list[str] = []
    while len(text := " and ".join(parts)) < MAX_LENGTH - 50:
        parts.append(kinds[len(parts) % len(kinds)].format(n=len(parts) + number))
    return text


def long_lists() -> list[ListDefinition]:
    """As many lists of users as there may be, each with a filter as long as may be."""
    keys = ("-change_percent", "-rvol", "-volume", "from_high_percent", "-dollar_volume")
    return [ListDefinition(f"long{n}", "", long_filter(n), [keys[n % 5]], 200, [], own=True) for n in range(MAX_OWN)]


class RandomWalk:
    """A universe at an hour after the open, and its random changes."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = rng = np.random.default_rng(seed)
        self._frame = 0
        self.symbols = [f"S{number}" for number in range(SYMBOLS)]
        self.prev_close = rng.uniform(2, 200, SYMBOLS)
        self.open = self.prev_close * (1 + rng.standard_t(3, SYMBOLS) * 0.02)
        self.price = self.prev_close * (1 + rng.standard_t(3, SYMBOLS) * 0.02)
        self.high = np.maximum(self.price, self.open) * 1.01
        self.low = np.minimum(self.price, self.open) * 0.99
        self.volume = rng.lognormal(13, 1.5, SYMBOLS)
        self.time = np.full(SYMBOLS, float(MOMENT))
        self.trades = np.random.default_rng(seed + 1).poisson(20, SYMBOLS) + 1  # of the minute
        self.as_of = MOMENT
        self.universe = Universe()
        merge_reference(self.universe, self._reference())
        merge_scan(self.universe, self._seen(np.arange(SYMBOLS)))

    def scan_parts(self) -> list[UniverseFrame]:
        """The whole universe as a feed publishes it, in parts."""
        groups = np.array_split(np.arange(SYMBOLS), 5)
        frames = [self._seen(at) for at in groups]
        return [structs.replace(frame, frame=1, part=part, parts=len(frames)) for part, frame in enumerate(frames, 1)]

    def reference_parts(self) -> list[ReferenceFrame]:
        """What is known of the symbols, in parts."""
        whole, step = self._reference(), SYMBOLS // 5
        columns = [name for name in whole.__struct_fields__ if isinstance(getattr(whole, name), list)]
        return [
            structs.replace(
                whole, part=part, parts=5, **{name: getattr(whole, name)[at : at + step] for name in columns}
            )
            for part, at in enumerate(range(0, SYMBOLS, step), 1)
        ]

    def change(self, count: int) -> None:
        """A second later, `count` symbols have traded, and a scan says so."""
        merge_scan(self.universe, self._seen(self.move(count)))

    def move(self, count: int) -> np.ndarray:
        """A second later, `count` symbols have traded; their places. The universe does not know it yet."""
        at = self._rng.choice(SYMBOLS, count, replace=False)
        self.as_of += 1_000
        self.price[at] *= 1 + self._rng.normal(0, 0.002, count)
        self.high[at] = np.maximum(self.high[at], self.price[at])
        self.low[at] = np.minimum(self.low[at], self.price[at])
        self.volume[at] += self._rng.integers(100, 10_000, count)
        self.time[at] = self.as_of
        self.trades[at] += 1
        return at

    def bars(self, at: np.ndarray) -> Bars:
        """Bars of the last second of the symbols at these places, as a feed packs them."""
        end = [self.as_of] * len(at)
        price, volume = packed(self.price[at]), packed(self.volume[at])
        return Bars(
            simulated=True, symbols=[self.symbols[place] for place in at.tolist()],
            start=[self.as_of - 1_000] * len(at), end=end, open=price, high=packed(self.high[at]),
            low=packed(self.low[at]), close=price, volume=price, day_volume=volume, day_open=packed(self.open[at]),
            day_vwap=price,
        )  # fmt: skip

    def _seen(self, at: np.ndarray) -> UniverseFrame:
        self._frame += 1
        minute = self.time // 60_000 * 60_000
        columns = (
            self.price, self.time, self.prev_close, self.open, self.high, self.low, self.price, self.volume, self.time,
            self.price, minute, self.trades,
        )  # fmt: skip
        names = [self.symbols[place] for place in at.tolist()]
        return UniverseFrame(
            self._frame, 1, 1, self.as_of, "regular", True, names, *[packed(column[at]) for column in columns]
        )

    def _reference(self) -> ReferenceFrame:
        average = (self.volume * self._rng.lognormal(0, 0.7, SYMBOLS)).tolist()
        no, yes = [False] * SYMBOLS, True
        kinds: list[str | None] = ["CS"] * SYMBOLS
        trades = [volume / 100 for volume in average]
        spread = [mean * 0.3 for mean in trades]
        return ReferenceFrame(
            1, 1, str(DAY), yes, self.symbols, list(self.symbols), ["XNAS"] * SYMBOLS, kinds, no, no, average,
            trades, spread, [20] * SYMBOLS,
        )  # fmt: skip


class SyntheticMarket:
    """The simulated market without a server: snapshot bodies, and what a feed makes of them."""

    def __init__(self, symbols: int = SYMBOLS) -> None:
        self._source = SyntheticSource(DAY, symbols=symbols)
        self._market = Market(self._source)
        self._encoder = SnapshotEncoder(self._market)
        self._reader = SnapshotReader()
        self._frame = 0

    def body_at(self, ms: int) -> bytes:
        """What the full snapshot says at `ms`; time only goes forward."""
        self._market.advance(ms)
        for _ in self._encoder.refresh():
            pass
        return b'{"status":"OK","tickers":' + self._encoder.full() + b"}"

    def frames(self, body: bytes, ms: int) -> Sequence[UniverseFrame]:
        """The snapshot as universe frames."""
        self._frame += 1
        seen = Observation(self._frame, ms, session_at(ms).value, True)
        return universe_frames(self._reader.read(body).snapshot, seen)

    def reference(self, sessions: int = 20) -> ReferenceFrame:
        """What is known of the symbols, volumes over the last `sessions` days included."""
        listings, day = self._source.listings, DAY
        volumes: list[Any] = []
        trades: list[Any] = []
        while len(volumes) < sessions:
            day = previous_trading_day(day)
            bars = self._source.bars(day)
            assert bars is not None
            volumes.append(bars.volume)
            trades.append(bars.transactions)
        average = np.mean(volumes, axis=0)
        return ReferenceFrame(
            1,
            1,
            str(DAY),
            True,
            [listing.symbol for listing in listings],
            [listing.name for listing in listings],
            [listing.exchange for listing in listings],
            [listing.type for listing in listings],
            [False] * len(listings),
            [False] * len(listings),
            [float(volume) or None for volume in average],
            np.mean(trades, axis=0).tolist(),
            np.std(trades, axis=0, ddof=1).tolist(),
            np.count_nonzero(volumes, axis=0).tolist(),
        )
