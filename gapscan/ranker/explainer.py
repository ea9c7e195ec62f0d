"""Why a symbol is in a list, or why not: the leading ranker's answers, from the columns that it ranks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
from msgspec import UNSET, structs

from gapscan.lists.delta import symbols_of
from gapscan.market import computed
from gapscan.market.columns import Bools, Ints
from gapscan.market.metrics import GONE_AFTER
from gapscan.market.sessions import MarketSession, without_night
from gapscan.market.universe import Universe
from gapscan.obs import logger
from gapscan.protocol.fields import fields_in
from gapscan.protocol.messages import Condition, Headline, ListWhy, Row, Why, WhyRequest
from gapscan.ranker.membership_log import ConditionLog, MembershipLog
from gapscan.ranking.language.closures import Columns
from gapscan.ranking.language.explain import Line, Words, conditions, passing
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.scanner import UniverseColumns
from gapscan.ranking.spec import ListSet, ListSpec
from gapscan.ranking.top_rows import sort_values

OBSERVE_MS: Final = 1_000  # of market time between two observations
_NEAREST: Final = 5
_COMPARED: Final = 1000  # symbols that a wrong one is compared with at most
_DECIMALS: Final = 6
_GATE: Final = "gate "  # where a gate's conditions are kept, among those of the lists: no list has such a name

_log = logger("ranker")

RowsOf = Callable[[str], Sequence[Row]]
HeadlinesOf = Callable[[str], list[Headline]]


class Explainer:
    """Answers about one universe. `rows_of` gives the rows of a list as they are published,
    `headlines_of` the newest headlines of a symbol.

    Since when a symbol is in a list is known from the first observation on; since when a condition holds, from the
    first question about the symbol and the list, or from the first observation after a question about the symbol.
    """

    def __init__(
        self, universe: Universe, lists: ListSet, rows_of: RowsOf, headlines_of: HeadlinesOf = lambda _symbol: []
    ) -> None:
        self._universe = universe
        self._rows_of = rows_of
        self._headlines_of = headlines_of
        self._members = MembershipLog()
        self._conditions = ConditionLog()
        self._observed_at = 0
        self._held: dict[str, Bools] = {}  # which conditions of each list held when last observed, of `_held_of`
        self._held_of: list[str] = []
        self._lists = lists

    def set_lists(self, lists: ListSet) -> None:
        """Answer about these lists from now on. What is known of those that stay as they are is kept."""
        before = {spec.name: spec for spec in self._lists.specs}
        same = {spec.name for spec in lists.specs if before.get(spec.name) is spec}
        self._held_of = []
        self._members.forget(before.keys() - same)
        self._conditions.forget({kept for name in before.keys() - same for kept in (name, _GATE + name)})
        self._lists = lists

    def observe(self) -> None:
        """Note who is in the lists and which conditions hold. Call it after each ranking: it does so once a second."""
        as_of = self._universe.as_of
        if 0 <= as_of - self._observed_at < OBSERVE_MS:
            return
        self._observed_at = as_of
        for name in self._lists.names:
            self._members.note(name, symbols_of(self._rows_of(name)), as_of)
        self._conditions.expire(as_of)
        self._observe_conditions(self._conditions.symbols)

    def _observe_conditions(self, symbols: list[str]) -> None:
        """Note what changed since the last observation."""
        known = symbols == self._held_of
        for name, found in self._passing(symbols, self._lists.specs):
            changed = (found != self._held[name]).any(axis=0) if known else np.ones(len(symbols), np.bool_)
            for at in np.flatnonzero(changed).tolist():
                self._conditions.note(symbols[at], name, found[:, at].tolist(), self._universe.as_of)
            self._held[name] = found
        self._held_of = symbols

    def _observe_one(self, symbol: str, specs: Sequence[ListSpec]) -> None:
        """Note the conditions of these lists for a symbol that is asked about."""
        at = self._held_of.index(symbol) if symbol in self._held_of else None
        for name, found in self._passing([symbol], specs):
            self._conditions.note(symbol, name, found[:, 0].tolist(), self._universe.as_of)
            if at is not None:
                self._held[name][:, at] = found[:, 0]

    def _passing(self, symbols: Sequence[str], specs: Sequence[ListSpec]) -> Iterator[tuple[str, Bools]]:
        """Which conditions of the gate and of these lists hold for the symbols: a row for each condition."""
        if not symbols:
            return
        columns = self._columns(symbols)
        with np.errstate(all="ignore"):
            yield _GATE, passing(_gate_lines(self._lists.gate), columns, len(symbols))
            for spec in specs:
                yield spec.name, passing(spec.filter.outline, columns, len(symbols))
                if spec.gate:
                    yield _GATE + spec.name, passing(_gate_lines(spec.gate), columns, len(symbols))

    def _columns(self, symbols: Sequence[str]) -> UniverseColumns:
        index = self._universe.index
        at: Ints = np.array([index[symbol] for symbol in symbols], np.intp)
        return UniverseColumns(self._universe, at)

    def answer(self, request: WhyRequest) -> Why:
        """Why the symbol is in the list, or in each of the lists, or why not."""
        universe = self._universe
        symbol = self._meant(request.symbol)
        why = Why(
            symbol=symbol or request.symbol,
            known=symbol is not None,
            as_of=universe.as_of,
            session=without_night(universe.session).value,
            simulated=universe.simulated,
            gate=[],
            lists=[],
            nearest=[],
            night=universe.session is MarketSession.NIGHT or UNSET,
        )
        if symbol is None:
            return structs.replace(why, nearest=nearest(request.symbol, universe.symbols))
        self._conditions.ask(symbol, universe.as_of)
        specs = [spec for spec in self._lists.specs if request.list in (None, spec.name)]
        self._observe_one(symbol, specs)
        with np.errstate(all="ignore"):
            gate = self._gate(symbol, _GATE, self._lists.gate)
            lists = [self._list(symbol, spec, gate) for spec in specs]
        return structs.replace(why, gate=gate, lists=lists, news=self._headlines_of(symbol) or UNSET)

    def _meant(self, text: str) -> str | None:
        """The symbol of that name, or the only one that differs in nothing but case."""
        if text in self._universe.index:
            return text
        alike = [symbol for symbol in self._universe.symbols if symbol.upper() == text.upper()]
        return alike[0] if len(alike) == 1 else None

    def _found(self, symbol: str, name: str, lines: Sequence[Line]) -> list[Condition]:
        columns, words = self._columns([symbol]), self._words(symbol)
        pairs = zip(conditions(lines, columns, words), self._conditions.since(symbol, name), strict=True)
        return [
            structs.replace(
                condition, since=since.ms, at_least=since.at_least, unknown_since=self._unknown_since(symbol, condition)
            )
            for condition, since in pairs
        ]

    def _unknown_since(self, symbol: str, condition: Condition) -> int | None:
        """Until when there had been what the condition has no value for, if the reason is that nothing was observed."""
        if condition.kind != "test" or condition.value is not None:
            return None
        at = self._universe.index[symbol]
        found = [computed.unknown_since(self._universe, name, at) for name in fields_in([condition.text])]
        return next((int(since) for since in found if np.isfinite(since)), None)

    def _words(self, symbol: str) -> Words:
        universe = self._universe
        at = np.array([universe.index[symbol]])
        known = {"symbol": symbol, "session": universe.session.value}
        return lambda field: known[field] if field in known else universe.text(field).words(at)[0]

    def _gate(self, symbol: str, name: str, gate: Filter) -> list[Condition]:
        """The gate's conditions, kept by `name`; the last is how long ago the symbol traded, in seconds."""
        universe = self._universe
        *found, traded = self._found(symbol, name, _gate_lines(gate))
        seconds = (universe.as_of - float(universe.number("price_time")[universe.index[symbol]])) / 1000
        return [*found, structs.replace(traded, value=_plain(seconds), threshold=GONE_AFTER.get(universe.session))]

    def _list(self, symbol: str, spec: ListSpec, gate: Sequence[Condition]) -> ListWhy:
        session = self._universe.session
        own_gate = self._gate(symbol, _GATE + spec.name, spec.gate) if spec.gate else None
        asked = gate if own_gate is None else own_gate
        found = self._found(symbol, spec.name, spec.filter.outline)
        symbols = symbols_of(self._rows_of(spec.name))
        rank = symbols.index(symbol) + 1 if symbol in symbols else None
        since = self._members.since(spec.name, symbol) if rank else None
        return ListWhy(
            list=spec.name,
            open=session is not MarketSession.CLOSED and spec.is_open(session),
            passes=_hold(asked[:-1] if spec.keeps_idle else asked) and _hold(found),
            rank=rank,
            size=len(symbols),
            limit=spec.definition.limit,
            since=since.ms if since else None,
            at_least=since.at_least if since else False,
            key=spec.keys[0].text,
            value=self._sort_value(spec, symbol),
            last_value=self._sort_value(spec, symbols[-1]) if symbols else None,
            conditions=found,
            idle=spec.definition.idle,
            gate=own_gate,
        )

    def _sort_value(self, spec: ListSpec, symbol: str) -> float | None:
        """What the symbol is sorted by; None when that is its name, or missing."""
        key = spec.keys[0]
        if key.by_symbol or symbol not in self._universe.index:
            return None
        value = float(sort_values(key, self._columns([symbol]))[0])
        return _plain(-value if key.descending else value)


def _is_there(columns: Columns) -> Bools:
    return np.not_equal(columns.number("gone"), 1.0)


_TRADED: Final = Line("seconds since the last trade", "test", 0, _is_there, _is_there, id="seconds_since_trade")


def _gate_lines(gate: Filter) -> tuple[Line, ...]:
    return (*gate.outline, _TRADED)


def _hold(found: Sequence[Condition]) -> bool:
    return all(condition.passes for condition in found if condition.depth == 0)


def _plain(value: float) -> float | None:
    return round(value, _DECIMALS) + 0.0 if np.isfinite(value) else None  # no minus zero


def nearest(text: str, symbols: Sequence[str]) -> list[str]:
    """The symbols that may have been meant: alike but for case, or alike with the same first letter."""
    wanted = text.upper()
    same = [symbol for symbol in symbols if symbol.upper() == wanted]
    begin = [symbol for symbol in symbols if symbol[:1] == wanted[:1] and abs(len(symbol) - len(wanted)) <= 1]
    close = difflib.get_close_matches(wanted, begin[:_COMPARED], n=_NEAREST)
    return list(islice(dict.fromkeys([*same, *close]), _NEAREST))
