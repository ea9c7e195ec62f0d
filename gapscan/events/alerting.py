"""The alerts of one list: what they make of its deltas. Pure, by market time alone: same deltas, same alerts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, cast

import numpy as np

from gapscan.errors import ConfigError
from gapscan.events.alert_memory import Memory, data_of, dwell_ms, may_tell
from gapscan.events.alert_view import MINUTE_MS, AlertView, Step
from gapscan.market.sessions import session_at
from gapscan.protocol.alerts import Alert, AlertState
from gapscan.protocol.events import Event
from gapscan.protocol.lists import ListDefinition, Row
from gapscan.protocol.why import Conditions
from gapscan.ranking.alerts import PLACEHOLDER, AlertSpec
from gapscan.ranking.language.explain import Line, conditions
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.spec import ROW_FIELDS

_SAID: Final = {
    "enter": "entered", "first": "entered for the first time today", "leave": "left", "halted": "halted",
    "resumed": "resumed", "rank": "rose in", "when": "meets the condition in",
}  # fmt: skip

_Due = tuple[int, int, str]  # when, the alert's place, symbol


class ListAlerts:
    """Watches for the alerts of one list. `entries` are when symbols entered it, as far as somebody counts."""

    def __init__(self) -> None:
        self.specs: tuple[AlertSpec, ...] = ()
        self.spent = 0.0  # seconds
        self.suppressed = 0
        self._dwelling: tuple[tuple[int, AlertSpec], ...] = ()  # with their places
        self._outline: tuple[Line, ...] = ()
        self._memory: dict[str, Memory] = {}
        self._entries: dict[str, list[int]] = {}
        self._longest = 0.0  # minutes that are counted over

    def set_specs(self, specs: Sequence[AlertSpec], definition: ListDefinition | None) -> None:
        """Watch for these. What is known of those that wait for the same thing is kept."""
        known = {spec.definition.name for spec in specs}
        self.specs = tuple(specs)
        self._dwelling = tuple((place, spec) for place, spec in enumerate(specs) if spec.definition.dwell)
        self._outline = _outline(definition)
        self._memory = {name: memory for name, memory in self._memory.items() if name in known}
        self._longest = max(
            (m for spec in specs if spec.condition for m in spec.condition.counts.values()), default=0.0
        )

    def restore(self, states: Mapping[str, AlertState], entries: Mapping[str, Sequence[int]]) -> None:
        """Go on where another one was."""
        self._memory = {name: Memory.of(state) for name, state in states.items()}
        self._entries = {symbol: list(times) for symbol, times in entries.items()}

    def states(self) -> dict[str, AlertState]:
        """What whoever comes next needs to know."""
        return {name: memory.state() for name, memory in self._memory.items()}

    @property
    def entries(self) -> dict[str, list[int]]:
        """When which symbols entered."""
        return self._entries

    def alerts(self, step: Step) -> list[Alert]:
        """What they say of one delta."""
        if not self.specs:
            return []
        began = time.perf_counter()
        self._count(step)
        view = AlertView(step, self._entries)
        with np.errstate(all="ignore"):
            found = [alert for spec in self.specs for alert in self._of(spec, view)]
        self.spent += time.perf_counter() - began
        return found

    def lasted(self, state: Step, until: int) -> list[Alert]:
        """What they say of those that stayed so until their dwell was over: the list was as in `state` until `until`.

        What is told does not depend on how soon somebody looks: it is of the moment at which the dwell was over.
        """
        due = sorted(
            (at, place, symbol)
            for place, spec in self._dwelling
            if (memory := self._known(spec)) is not None
            for at, symbol in memory.lasted(spec.definition, until)
        )
        if not due:
            return []
        began = time.perf_counter()
        with np.errstate(all="ignore"):
            found = [alert for as_of, group in groupby(due, key=_moment) for alert in self._over(state, as_of, group)]
        self.spent += time.perf_counter() - began
        return found

    def _over(self, state: Step, as_of: int, due: Iterable[_Due]) -> Iterator[Alert]:
        """What they say of those whose dwell was over at `as_of`."""
        view = AlertView(replace(state, as_of=as_of), self._entries)
        for _, place, symbol in due:
            spec = self.specs[place]
            memory = self._memory[spec.definition.name]
            del memory.waiting[symbol]
            if symbol in memory.left or symbol in view.ranks:
                yield from self._told(spec, view, memory, symbol)

    def _count(self, step: Step) -> None:
        if not self._longest:
            return
        since = step.as_of - self._longest * MINUTE_MS
        for event in step.events:
            if isinstance(event, Event) and event.kind == "enter":
                self._entries.setdefault(event.symbol, []).append(step.as_of)
        self._entries = {s: kept for s, times in self._entries.items() if (kept := [at for at in times if at > since])}

    def _known(self, spec: AlertSpec) -> Memory | None:
        memory = self._memory.get(spec.definition.name)
        return memory if memory is not None and memory.is_of(spec) else None

    def _of(self, spec: AlertSpec, view: AlertView) -> Iterator[Alert]:
        memory = self._known(spec)
        if memory is None:
            # What was so already, when somebody began to look, does not turn so.
            memory = self._memory[spec.definition.name] = Memory(holds=view.held_before(spec))
        memory.watches = spec.watches
        turned, holds = _turned(spec, view, memory)
        for symbol in self._lasting(spec, view, memory, turned, holds):
            yield from self._told(spec, view, memory, symbol)

    def _told(self, spec: AlertSpec, view: AlertView, memory: Memory, symbol: str) -> Iterator[Alert]:
        """The alert, if it is to be told of a symbol."""
        row = memory.left.pop(symbol, None) or view.row(symbol)
        memory.forget_told(spec.definition, view.step.as_of)
        if may_tell(spec, memory, symbol, view.step.as_of):
            memory.note_told(spec.definition, symbol, view.step.as_of)
            yield self._alert(spec, view, symbol, row)
        else:
            self.suppressed += 1

    @staticmethod
    def _lasting(spec: AlertSpec, view: AlertView, memory: Memory, turned: Iterable[str], holds: set[str]) -> list[str]:
        """The symbols of which it is true for long enough now.

        Of those that wait since an earlier delta `lasted` is asked first, but over a gap.
        """
        dwell = dwell_ms(spec.definition)
        if not dwell:
            return list(turned)
        memory.waiting = {symbol: since for symbol, since in memory.waiting.items() if symbol in holds}
        for symbol in turned:
            memory.waiting.setdefault(symbol, view.step.as_of)
        if spec.definition.on == "leave":
            memory.left = {symbol: memory.left.get(symbol) or view.row(symbol) for symbol in memory.waiting}
        due = [symbol for _, symbol in memory.lasted(spec.definition, view.step.as_of)]
        for symbol in due:
            del memory.waiting[symbol]
        return due

    def _alert(self, spec: AlertSpec, view: AlertView, symbol: str, row: Row) -> Alert:
        step, definition = view.step, spec.definition
        rank = view.ranks.get(symbol)
        return Alert(
            name=definition.name,
            list=step.list,
            symbol=symbol,
            on=definition.on,
            text=text_of(spec, step.list, row, rank),
            as_of=step.as_of,
            epoch=step.epoch,
            sequence=step.sequence,
            data=data_of(row),
            conditions=self._conditions(spec, view, row),
            rank=rank,
            channels=list(definition.channels),
            missed=step.missed,
            simulated=step.simulated,
        )

    def _conditions(self, spec: AlertSpec, view: AlertView, row: Row) -> Conditions:
        """The list's conditions, then the alert's own, with what the row has."""
        own = spec.condition.outline if spec.condition else ()
        columns = view.columns_of([row], spec)

        def words(name: str) -> str | None:
            value = session_at(view.step.as_of) if name == "session" else cast(dict[str, object], row).get(name)
            return None if value is None else str(value)

        return conditions((*self._outline, *own), columns, words)


def _moment(due: _Due) -> int:
    return due[0]


def _turned(spec: AlertSpec, view: AlertView, memory: Memory) -> tuple[list[str], set[str]]:
    """Of which symbols it came true with this step, and of which it is true."""
    on = spec.definition.on
    if on == "when":
        holds = view.holding(spec)
        turned = [symbol for symbol in view.symbols if symbol in holds and symbol not in memory.holds]
        memory.holds = holds
        return turned, holds
    if on == "rank":
        top = view.symbols[: spec.definition.rank]
        was = {symbol for symbol, (rank, _) in view.earlier.items() if rank <= spec.definition.rank}
        return view.passing(spec, [symbol for symbol in top if symbol not in was]), set(top)
    events = [event for event in view.step.events if isinstance(event, Event) and event.kind == on]
    return view.passing(spec, [event.symbol for event in events]), _still(on, view, memory)


def _still(on: str, view: AlertView, memory: Memory) -> set[str]:
    """Of whom what they wait for is still so."""
    if on == "leave":
        return {symbol for symbol in memory.waiting if symbol not in view.ranks}
    if on in ("halted", "resumed"):
        return {row["symbol"] for row in view.step.after if row.get("halt") == on}
    return set(view.symbols)


def text_of(spec: AlertSpec, name: str, row: Row, rank: int | None) -> str:
    """What an alert says of a row of list `name`."""
    values: dict[str, object] = {**row, "rank": rank, "list": name, "alert": spec.definition.name}

    def shown(word: str) -> str:
        value = values.get(word)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value:,}"
        return "-" if value is None else str(value)

    if spec.definition.text:
        return PLACEHOLDER.sub(lambda found: shown(found[1]), spec.definition.text)
    where = f" at rank {rank}" if rank and spec.definition.on != "leave" else ""
    price = f", price {shown('price')}" if values.get("price") is not None else ""
    return f"{row['symbol']} {_SAID[spec.definition.on]} {name}{where}{price}"


def _outline(definition: ListDefinition | None) -> tuple[Line, ...]:
    """The list's conditions; none of a definition of a later version."""
    try:
        return Filter(definition.where, ROW_FIELDS).outline if definition else ()
    except ConfigError:
        return ()
