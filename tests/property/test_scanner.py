"""The scanner against a plain ranking of the same universe, one symbol at a time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gapscan.lists.delta import Rows, apply, symbols_of
from gapscan.lists.difference import diff
from gapscan.market.fields import KNOWN, OBSERVED, TEXTS
from gapscan.market.history import STEP_MS as HISTORY_STEP_MS
from gapscan.market.metrics import GONE_AFTER, IDLE_STEP_MS, RVOL_FLOOR, STALE_AFTER, THIN_BASELINE, TIME_STEP_MS
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MarketSession
from gapscan.market.universe import Universe
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import ListDefinition, Row
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, compile_list, parse_lists
from tests.support.market import MOMENT, TIMES, reference_frame, share_at, universe_frame

START = {MarketSession.PRE: TIMES.pre, MarketSession.REGULAR: TIMES.regular, MarketSession.POST: TIMES.post}
SYMBOLS = [*"ABCDEFGHIJKLMN", "BRK.A", "BCpC", "BCPC"]

PAST = (
    "change_1m_percent", "change_5m_percent", "volume_1m", "spike_size", "spike_time", "post_change_percent",
    "post_volume", "trades_z", "halt_time", "high", "low", "high_time", "low_time",
)  # fmt: skip

Symbol = dict[str, Any]  # what is known of one symbol, NaN where nothing is
Passes = Callable[[Symbol, float], bool]


def behind(threshold: float, share: float) -> float:
    """A lower bound, relaxed to `share`; `share` 1.0 leaves it as it is."""
    return threshold * share if threshold >= 0 else threshold / share


def ahead(threshold: float, share: float) -> float:
    """An upper bound, relaxed."""
    return threshold / share if threshold >= 0 else threshold * share


GATE = 'type in ("CS", "ADRC") and not test_symbol and price >= 1 and prev_close > 0'
WHERE: dict[str, Passes] = {
    "True": lambda s, r: True,
    "gap_percent >= 2 and volume >= (50_000 if session == 'pre' else 100_000)": lambda s, r: (
        s["gap_percent"] >= behind(2, r) and s["volume"] >= behind(50_000 if s["session"] == "pre" else 100_000, r)
    ),
    "change_percent <= -5 or rvol >= 1.5": lambda s, r: (
        s["change_percent"] <= ahead(-5, r) or s["rvol"] >= behind(1.5, r)
    ),
    "not price > 20": lambda s, r: s["price"] <= ahead(20, r),
    "not stale and dollar_volume > 1_000_000": lambda s, r: (
        s["stale"] == 0 and s["dollar_volume"] > behind(1_000_000, r)
    ),
    "exchange != 'XNAS'": lambda s, r: s["exchange"] is not None and s["exchange"] != "XNAS",
    "symbol in ('A', 'BCpC', 'ZZ')": lambda s, r: s["symbol"] in ("A", "BCpC"),
}
SORT: dict[str, Callable[[Symbol], float]] = {
    "-gap_percent": lambda s: -s["gap_percent"],
    "change_percent": lambda s: s["change_percent"],
    "-volume": lambda s: -s["volume"],
    "-(abs(from_high_percent) + price)": lambda s: -(abs(s["from_high_percent"]) + s["price"]),
    "stale": lambda s: s["stale"],
}


def passes_gate(s: Symbol, share: float) -> bool:
    listed = s["type"] in ("CS", "ADRC") and s["test_symbol"] == 0
    return bool(listed and s["price"] >= behind(1, share) and s["prev_close"] > 0)


def percent(now: float, before: float) -> float:
    return (now - before) / before * 100.0 if before > 0 else math.nan


def computed(known: Symbol, as_of: int, session: MarketSession) -> Symbol:
    """`known` with all that metrics should make of it."""
    s = dict(known, session=str(session))
    idle, seen = as_of - as_of % IDLE_STEP_MS, known["updated"] - known["updated"] % HISTORY_STEP_MS
    moment = min(idle if math.isnan(seen) else max(seen, idle), as_of)
    as_of -= as_of % TIME_STEP_MS
    base = math.nan if s["split_today"] == 1 else s["prev_close"]
    printed = not math.isnan(s["open"])
    s["gap_indicative"] = float(not printed)
    s["change_percent"] = percent(s["price"], base)
    s["gap_percent"] = percent(s["open"] if printed else s["price"], base)
    s["change_from_open_percent"] = percent(s["price"], s["open"])
    s["from_high_percent"] = percent(s["price"], s["high"])
    s["from_low_percent"] = percent(s["price"], s["low"])
    s["dollar_volume"] = s["volume"] * (s["price"] if math.isnan(s["vwap"]) else s["vwap"])
    s["thin_baseline"] = math.nan if math.isnan(s["baseline_sessions"]) else s["baseline_sessions"] < THIN_BASELINE
    expected = s["average_volume"] * share_at(int(moment))
    s["rvol"] = s["volume"] / expected if expected >= RVOL_FLOOR else math.nan
    traded = s["price_time"]
    age = 0.0
    if session is not MarketSession.CLOSED:
        start = START[session]
        age = (as_of - (start if math.isnan(traded) else max(traded, start))) / 1000.0
    s["stale"] = float(age > STALE_AFTER.get(session, math.inf))
    s["gone"] = age > GONE_AFTER.get(session, math.inf)
    return s


def shown(s: Symbol) -> Row:
    """The row of a symbol: every number rounded once. A field without a formula here is not in it."""
    row = {name: s[name] for name in ("symbol", *TEXTS, "session")}
    row["source"] = None if math.isnan(s["price"]) else "snapshot"
    for one in FIELDS.values():
        if one.type == "text" or one.column not in s:
            continue
        value, scale = s[one.column], 10.0 ** (one.decimals or 0)
        number = None if math.isnan(value) else round(value * scale) / scale
        if number is not None and one.decimals == 0:
            number = bool(number) if one.type == "boolean" else int(number)
        row[one.name] = number
    return row  # type: ignore[return-value]


def ranking(definition: ListDefinition, symbols: list[Symbol], members: list[str]) -> list[str]:
    """The plain ranking."""
    where, key = WHERE[definition.where], SORT[definition.sort[0]]

    def chosen(s: Symbol) -> bool:
        if s["gone"]:
            return False
        stays = s["symbol"] in members and passes_gate(s, 0.9) and where(s, 0.9)
        return stays or (passes_gate(s, 1.0) and where(s, 1.0))

    def order(s: Symbol) -> tuple[bool, float, bool, float, str]:
        value, dollars = key(s), -s["dollar_volume"]
        missing = math.isnan(value), math.isnan(dollars)
        return (missing[0], 0 if missing[0] else value, missing[1], 0 if missing[1] else dollars, s["symbol"])

    return [s["symbol"] for s in sorted(filter(chosen, symbols), key=order)][: definition.limit]


def blank(symbol: str) -> Symbol:
    return {"symbol": symbol} | dict.fromkeys(TEXTS) | dict.fromkeys((*OBSERVED, *KNOWN), math.nan)


@dataclass
class World:
    """A universe that changes at random, and the same symbols as plain dicts."""

    dice: random.Random
    session: MarketSession
    as_of: int = 0
    universe: Universe = field(default_factory=Universe)
    known: dict[str, Symbol] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.as_of = MOMENT[self.session]

    def step(self) -> bool:
        """Some time passes, and some symbols are seen anew; whether reference data came, too."""
        self.as_of += self.dice.choice([0, 300, 1_000, 60_000, 1_500_000])
        stocks = [self.see(symbol) for symbol in self.dice.sample(SYMBOLS, self.dice.randint(1, len(SYMBOLS)))]
        told = not self.known or self.dice.random() < 0.4
        if told:
            merge_reference(self.universe, reference_frame(stocks))
        merge_scan(self.universe, universe_frame(stocks, self.as_of, str(self.session)))
        for stock in stocks:
            self.remember(stock, told)
        return told

    def see(self, symbol: str) -> Symbol:
        pick = self.dice.choice
        return {
            "symbol": symbol,
            "name": pick([None, symbol.title()]),
            "exchange": pick([None, "XNAS", "XNYS"]),
            "kind": pick(["CS", "CS", "CS", "ADRC", "ETF", None]),
            "test": self.dice.random() < 0.1,
            "split": self.dice.random() < 0.1,
            "average_volume": pick([None, 900.0, 400_000.0]),
            "sessions": pick([0, 9, 10, 20]),
            "price": pick([None, 0.95, 1.0, 19.0, 20.0, 21.123456, 23.0]),
            "price_time": float(self.as_of - pick([0, 119_000, 121_000, 1_000_000, 4_000_000])),
            "prev_close": pick([None, 0.0, 1.0, 20.0, 20.2, 22.0]),
            "open": pick([None, 1.0, 20.4, 20.36, 21.0]),
            "high": pick([None, 21.0, 24.0]),
            "low": pick([None, 0.5]),
            "vwap": pick([None, 20.0]),
            "volume": pick([None, 0.0, 49_000.0, 50_000.0, 95_000.5, 100_000.0, 2_500_000.0]),
            "updated": float(self.as_of),
        }

    def remember(self, stock: Symbol, told: bool) -> None:
        """Newer values take the place of older ones; no value takes the place of none."""
        held = self.known.setdefault(stock["symbol"], blank(stock["symbol"]))
        for name in ("prev_close", "open", "high", "low", "vwap", "volume", "updated"):
            held[name] = held[name] if stock[name] is None else stock[name]
        if stock["price"] is not None and not stock["price_time"] < held["price_time"]:
            held["price"], held["price_time"] = stock["price"], stock["price_time"]
        if told:
            held.update(name=stock["name"], exchange=stock["exchange"], type=stock["kind"])
            held.update(split_today=float(stock["split"]), test_symbol=float(stock["test"]))
            held["average_volume"] = stock["average_volume"] or held["average_volume"]
            held["baseline_sessions"] = stock["sessions"] or held["baseline_sessions"]

    def symbols(self) -> list[Symbol]:
        """All symbols; what comes of the day's past is taken as it is, and checked elsewhere."""
        return [computed(known | self.past(symbol), self.as_of, self.session) for symbol, known in self.known.items()]

    def past(self, symbol: str) -> Symbol:
        at = self.universe.index[symbol]
        return {name: float(self.universe.number(name)[at]) for name in PAST}


def some_lists(dice: random.Random) -> ListSet:
    definitions = [
        ListDefinition(
            f"list{n}", "", dice.choice(list(WHERE)), [dice.choice(list(SORT))], dice.choice([1, 2, 3, 5, 200]), []
        )
        for n in range(3)
    ]
    gate = parse_lists(f'gate = "{GATE.replace(chr(34), chr(39))}"\n[lists]', "test").gate
    return ListSet(gate, tuple(compile_list(definition) for definition in definitions))


def check_difference(old: Rows, new: Rows) -> Rows:
    """What the scanner knows of its rows does not change the difference, whatever was published last."""
    changes = diff(old, new)
    assert changes == diff(list(old), list(new))
    assert apply(old, changes) == new
    return new


@given(st.integers(0, 2**63), st.sampled_from(MarketSession), st.integers(1, 5))
def test_lists_equal_a_plain_ranking(seed: int, session: MarketSession, steps: int) -> None:
    """Those that are due; the others are as they were when they last were."""
    world = World(random.Random(seed), session)
    lists = some_lists(world.dice)
    scanner = Scanner(world.universe, lists)
    published: dict[str, Rows] = {spec.name: [] for spec in lists.specs}
    latest: dict[str, Row] = {}
    before: dict[str, Rows] = {}
    for _ in range(steps):
        if world.step():
            latest.clear()
        due = {spec.name for spec in lists.specs if world.dice.random() < 0.7}
        ranked = scanner.scan(published, None if len(due) == len(lists.specs) else due)
        assert all(ranked.get(name) is before.get(name) for name in published.keys() - due)
        before = dict(ranked)
        symbols = world.symbols()
        rows = {s["symbol"]: shown(s) for s in symbols}
        for spec in (spec for spec in lists.specs if spec.name in due):
            expected = ranking(spec.definition, symbols, symbols_of(published[spec.name]))
            found = [{name: row[name] for name in rows[row["symbol"]]} for row in ranked[spec.name]]  # type: ignore[literal-required]
            assert found == [rows[symbol] for symbol in expected]
            assert ranked[spec.name].symbols == expected
            for row in ranked[spec.name]:
                same = latest.setdefault(row["symbol"], row)
                assert row is same or row != same
                latest[row["symbol"]] = row
            if world.dice.random() < 0.7:
                published[spec.name] = check_difference(published[spec.name], ranked[spec.name])
