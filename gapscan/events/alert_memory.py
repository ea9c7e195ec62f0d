"""What one alert knows of its list from delta to delta. Pure, by market time alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from gapscan.market.sessions import date_of_trades, minute_of_day, session_at
from gapscan.protocol.alerts import AlertDefinition, AlertState
from gapscan.protocol.fields import Fields
from gapscan.protocol.lists import Row
from gapscan.ranking.alerts import AlertSpec, is_quiet


@dataclass(slots=True)
class Memory:
    """Of one alert, as in AlertState. `watches` says which: of an alert that waits for another thing it is not."""

    watches: str = ""
    holds: set[str] = field(default_factory=set)
    waiting: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)  # in the order of time
    left: dict[str, Row] = field(default_factory=dict)

    @classmethod
    def of(cls, state: AlertState) -> Memory:
        """As it was kept."""
        left = {symbol: cast(Row, {"symbol": symbol, **data}) for symbol, data in state.left.items()}
        told = dict(sorted(state.told.items(), key=lambda item: item[1]))
        return cls(state.watches, set(state.holds), dict(state.waiting), told, left)

    def state(self) -> AlertState:
        """As it is to be kept."""
        left = {symbol: data_of(row) for symbol, row in self.left.items()}
        return AlertState(sorted(self.holds), dict(self.waiting), dict(self.told), left, self.watches)

    def is_of(self, spec: AlertSpec) -> bool:
        """Whether it is of this alert as it is defined now; what an earlier version kept does not say."""
        return self.watches in ("", spec.watches)

    def lasted(self, definition: AlertDefinition, until: int) -> Iterator[tuple[int, str]]:
        """Of which symbols the dwell is over by the time `until`, and when it was."""
        dwell = dwell_ms(definition)
        for symbol, since in self.waiting.items():
            if since + dwell <= until:
                yield since + dwell, symbol

    def note_told(self, definition: AlertDefinition, symbol: str, at: int) -> None:
        """It was told of, if that holds anything back."""
        self.told.pop(symbol, None)
        if definition.cooldown or definition.once_a_day:
            self.told[symbol] = at

    def forget_told(self, definition: AlertDefinition, now: int) -> None:
        """Who was told of so long ago that it holds nothing back any more."""
        while self.told:
            symbol, at = next(iter(self.told.items()))
            if holds_back(definition, at, now):
                return
            del self.told[symbol]


def dwell_ms(definition: AlertDefinition) -> int:
    """For how long it must stay so."""
    return math.ceil(definition.dwell * 1000)


def holds_back(definition: AlertDefinition, last: int, now: int) -> bool:
    """Whether a symbol that was told of at `last` must not be told of now. A replay may have gone far back since."""
    if definition.once_a_day and date_of_trades(last) == date_of_trades(now):
        return True
    return abs(now - last) < definition.cooldown * 1000


def may_tell(spec: AlertSpec, memory: Memory, symbol: str, now: int) -> bool:
    """Whether sessions, quiet hours, cooldown and once a day let it be told."""
    definition = spec.definition
    if definition.sessions and str(session_at(now)) not in definition.sessions:
        return False
    if spec.quiet and is_quiet(minute_of_day(now), spec.quiet):
        return False
    last = memory.told.get(symbol)
    return last is None or not holds_back(definition, last, now)


def data_of(row: Row) -> Fields:
    """A row without its symbol."""
    data = dict(row)
    del data["symbol"]
    return cast(Fields, data)
