"""The scanner against a plain ranking of the same universe, one symbol at a time."""

from __future__ import annotations

import math
import random
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
from gapscan.market.sessions import MarketSession, open_ramp
from gapscan.market.universe import SCAN_MS, Universe
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import ListDefinition, Row
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.plain import Memory, PlainRow, rank
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ROW_FIELDS, ListSet, compile_list
from tests.property.test_expression import Grower
from tests.support.market import DAY, MOMENT, TIMES, reference_frame, share_at, universe_frame

START = {MarketSession.PRE: TIMES.pre, MarketSession.REGULAR: TIMES.regular, MarketSession.POST: TIMES.post}
SYMBOLS = [*"ABCDEFGHIJKLMN", "BRK.A", "BCpC", "BCPC"]

PAST = (
    "change_1m_percent", "change_5m_percent", "volume_1m", "spike_size", "spike_time", "post_change_percent",
    "post_volume", "trades_z", "halt_time", "high", "low", "high_time", "low_time",
    "pre_high", "pre_low", "prev_high", "prev_low", "prev_volume", "spread_percent",
)  # fmt: skip

Symbol = dict[str, Any]  # what is known of one symbol, NaN where nothing is

GATE = "type in ('CS', 'ADRC') and not test_symbol and price >= 1 and prev_close > 0"
WHERE = [
    "True",
    "gap_percent >= 2 and volume >= (50_000 if session == 'pre' else 100_000)",
    "volume >= ramp(50_000, 100_000) and (rvol >= 1.5 or rvol_source == 'none')",
    "new_listing or price > ramp(-prev_close, 20)",
    "change_percent <= -5 or rvol >= 1.5",
    "not price > 20",
    "not stale and dollar_volume > 1_000_000",
    "exchange != 'XNAS'",
    "symbol in ('A', 'BCpC', 'ZZ')",
    "now - as_of <= 60_000 or change_from_open_percent > 2",
]
SORT = [
    "-gap_percent", "change_percent", "-volume", "-(abs(from_high_percent) + price)", "stale", "symbol", "- symbol",
    "-dollar_volume", "price / volume",
]  # fmt: skip
SESSIONS = [*MarketSession]


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
    ranged = s["price"] if s["range_until"] >= as_of else math.nan  # after that, nobody says that it is still so
    s["from_high_percent"] = percent(ranged, s["high"])
    s["from_low_percent"] = percent(ranged, s["low"])
    width = s["high"] - s["low"]
    s["range_position"] = (ranged - s["low"]) / width * 100 if width > 0 else math.nan
    fell = not math.isnan(s["open"]) and s["low"] <= 0.9 * (base if base > 0 else math.nan)
    s["ssr"] = 1.0 if fell or s["ssr_carried"] == 1 else 0.0 if s["ssr_carried"] == 0 else math.nan
    s["dollar_volume"] = s["volume"] * (s["price"] if math.isnan(s["vwap"]) else s["vwap"])
    s["thin_baseline"] = math.nan if math.isnan(s["baseline_sessions"]) else s["baseline_sessions"] < THIN_BASELINE
    expected = s["average_volume"] * share_at(int(moment))
    by_market = expected >= RVOL_FLOOR and TIMES.regular <= moment < TIMES.post
    s["rvol"] = s["volume"] / expected if by_market else math.nan
    s["rvol_source"] = "none" if math.isnan(s["rvol"]) else "market"
    s["new_listing"] = float(s["first_day"] == 1 and not s["prev_close"] > 0)
    traded = s["price_time"]
    age, start, left = 0.0, math.inf, s["left_at"] == traded  # who left stays away until it trades again
    if session in START:
        start = START[session]
        age = (as_of - (start if math.isnan(traded) else max(traded, start))) / 1000.0
    s["stale"] = float(age > STALE_AFTER.get(session, math.inf))
    s["now"] = float(as_of)
    s["open_ramp"] = open_ramp(as_of, DAY)
    s["gone"] = (left and traded < start) or age > GONE_AFTER.get(session, math.inf)
    if session in START:
        s["left_at"] = traded if s["gone"] else math.nan
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


def plain_row(s: Symbol) -> PlainRow:
    """The symbol as expressions name its fields."""
    return s | {"as_of": s["updated"]}


def blank(symbol: str) -> Symbol:
    return (
        {"symbol": symbol}
        | dict.fromkeys(TEXTS)
        | dict.fromkeys((*OBSERVED, *KNOWN, "left_at", "range_until"), math.nan)
    )


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
        self.as_of += self.dice.choice([0, 300, 1_000, 2_900, 60_000, 1_500_000])
        if self.known and self.dice.random() < 0.2:
            self.session = self.dice.choice(SESSIONS[SESSIONS.index(self.session) :])
            self.as_of = max(self.as_of, MOMENT[self.session])
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
        if told:
            held["split_today"] = float(stock["split"])
        if held["split_today"] == 1:  # the close before is not known in shares of today
            held["prev_close"] = math.nan
        else:
            held["prev_close"] = held["prev_close"] if stock["prev_close"] is None else stock["prev_close"]
        for name in ("open", "high", "low", "vwap", "volume", "updated"):
            held[name] = held[name] if stock[name] is None else stock[name]
        held["range_until"] = self.as_of + SCAN_MS + HISTORY_STEP_MS
        if stock["price"] is not None and not stock["price_time"] < held["price_time"]:
            held["price"], held["price_time"] = stock["price"], stock["price_time"]
        if told:
            held.update(name=stock["name"], exchange=stock["exchange"], type=stock["kind"])
            held.update(split_today=float(stock["split"]), test_symbol=float(stock["test"]))
            held["average_volume"] = stock["average_volume"] or held["average_volume"]
            held["baseline_sessions"] = stock["sessions"] or held["baseline_sessions"]
            held["first_day"] = float(stock["sessions"] == 0)

    def symbols(self) -> list[Symbol]:
        """All symbols; what comes of the day's past is taken as it is, and checked elsewhere."""
        found = [computed(known | self.past(symbol), self.as_of, self.session) for symbol, known in self.known.items()]
        for s in found:
            self.known[s["symbol"]]["left_at"] = s["left_at"]
        return found

    def past(self, symbol: str) -> Symbol:
        at = self.universe.index[symbol]
        return {name: float(self.universe.number(name)[at]) for name in PAST}


def some_lists(dice: random.Random) -> ListSet:
    """Lists of all kinds; some have a filter, or a sort key, that nobody would write."""
    grower = Grower(dice)
    definitions = [
        ListDefinition(
            f"list{n}",
            "",
            dice.choice([*WHERE, grower.test(2)]),
            dice.sample([*SORT, grower.number(1)], dice.randint(1, 2)),
            dice.choice([1, 2, 3, 5, 200]),
            dice.choice([[], [], ["pre", "regular"], ["regular", "post"], ["night", "pre"]]),
            idle=dice.choice(["leave", "stay"]),
            gate=dice.choice(["default", "default", "none", "price >= 20", "not stale"]),
            settle=dice.choice([0.0, 0.5, 3.0, 60.0]),
        )
        for n in range(3)
    ]
    return ListSet(Filter(GATE, ROW_FIELDS), tuple(compile_list(definition) for definition in definitions))


def check_difference(old: Rows, new: Rows) -> Rows:
    """What the scanner knows of its rows does not change the difference, whatever was published last."""
    changes = diff(old, new)
    assert changes == diff(list(old), list(new))
    assert apply(old, changes) == new
    return new


@given(st.integers(0, 2**63), st.sampled_from(MarketSession), st.integers(1, 8))
def test_lists_equal_a_plain_ranking(seed: int, session: MarketSession, steps: int) -> None:
    """Those that are open, in any session, with what was published last or before that."""
    world = World(random.Random(seed), session)
    lists = some_lists(world.dice)
    definitions = {spec.name: spec.definition for spec in lists.specs}
    scanner = Scanner(world.universe, lists)
    published: dict[str, Rows] = {name: [] for name in definitions}
    latest: dict[str, Row] = {}
    memories, remembered = dict[str, Memory](), world.session
    for _ in range(steps):
        if world.step():
            latest.clear()
        found = scanner.scan(published)
        members = {name: symbols_of(rows) for name, rows in published.items()}
        symbols = world.symbols()
        if not memories or remembered is not world.session:
            memories, remembered = {name: Memory() for name in definitions}, world.session
        plain = [plain_row(s) for s in symbols]
        expected = rank(plain, definitions.values(), GATE, str(world.session), members, memories, world.as_of)
        assert found.keys() == expected.keys()
        rows = {s["symbol"]: shown(s) for s in symbols}
        for name in expected:
            assert found[name].symbols == expected[name], definitions[name]
            known = [{field: row[field] for field in rows[row["symbol"]]} for row in found[name]]  # type: ignore[literal-required]
            assert known == [rows[symbol] for symbol in expected[name]]
            for row in found[name]:
                same = latest.setdefault(row["symbol"], row)
                assert row is same or row != same
                latest[row["symbol"]] = row
            if world.dice.random() < 0.7:
                published[name] = check_difference(published[name], found[name])
