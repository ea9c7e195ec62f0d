"""Since when: who is in a list, and whether conditions hold, noted at every observation, at market time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

WATCHED: Final = 1000  # symbols whose conditions are watched, because somebody asked lately
WATCHED_MS: Final = 3_600_000  # of market time after the last question


@dataclass(frozen=True, slots=True)
class Onset:
    """Since when something is so, epoch ms. `at_least`: it may have been so before, when nobody observed it."""

    ms: int
    at_least: bool


class MembershipLog:
    """Since when symbols are in lists."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, Onset]] = {}

    def note(self, name: str, symbols: Iterable[str], as_of: int) -> None:
        """The list has these symbols. What it had the first time may have been in it before."""
        before = self._members.get(name)
        new = Onset(as_of, at_least=before is None)
        known = before or {}
        self._members[name] = {symbol: known.get(symbol, new) for symbol in symbols}

    def since(self, name: str, symbol: str) -> Onset | None:
        """Since when the symbol is in the list; None: it was not when last noted."""
        return self._members.get(name, {}).get(symbol)

    def forget(self, names: Collection[str]) -> None:
        """Lists that are no more, or are others now."""
        for name in self._members.keys() & names:
            del self._members[name]


class ConditionLog:
    """Since when the conditions of lists hold, or do not, for the symbols that were asked about lately.

    At most WATCHED symbols; the one that was asked about longest ago makes room.
    """

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}
        self._known: dict[str, dict[str, list[tuple[bool, Onset]]]] = {}  # by symbol and list: of each line

    @property
    def symbols(self) -> list[str]:
        """The symbols that are watched."""
        return list(self._known)

    def ask(self, symbol: str, as_of: int) -> None:
        """Watch the symbol from now on."""
        if symbol not in self._known and len(self._known) >= WATCHED:
            self._drop(min(self._asked, key=self._asked.__getitem__))
        self._asked[symbol] = as_of
        self._known.setdefault(symbol, {})

    def expire(self, as_of: int) -> None:
        """Forget what nobody asked about for WATCHED_MS."""
        for symbol in [symbol for symbol, asked in self._asked.items() if abs(as_of - asked) > WATCHED_MS]:
            self._drop(symbol)

    def _drop(self, symbol: str) -> None:
        del self._asked[symbol], self._known[symbol]

    def forget(self, names: Collection[str]) -> None:
        """Lists that are no more, or are others now."""
        for known in self._known.values():
            for name in known.keys() & names:
                del known[name]

    def note(self, symbol: str, name: str, holds: Sequence[bool], as_of: int) -> None:
        """Which lines of the list hold for the symbol."""
        known = self._known[symbol].get(name)
        if known is None:
            self._known[symbol][name] = [(now, Onset(as_of, at_least=True)) for now in holds]
        else:
            pairs = zip(holds, known, strict=True)
            new = Onset(as_of, at_least=False)
            self._known[symbol][name] = [(now, since if now == before else new) for now, (before, since) in pairs]

    def since(self, symbol: str, name: str) -> list[Onset]:
        """Since when each line of the list holds, or does not, for the symbol."""
        return [since for _, since in self._known[symbol][name]]
