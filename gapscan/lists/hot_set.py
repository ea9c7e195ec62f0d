"""The hot set: which symbols of all lists are worth live data, without flapping and within a cap.

A symbol qualifies in the first `top` rows of any list; one that is already held also in the `margin` rows after
them. A held symbol that no longer qualifies dwells: it stays until market time has moved on by the dwell time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final, NamedTuple

from msgspec import Struct

from gapscan.protocol.messages import FeedCommand

# Each held symbol with the market time since when it no longer qualifies.
Held = dict[str, int]

# In place of that time while a symbol does qualify. Later than any time, so that dwelling begins with the first
# decision that finds the symbol outside, however long ago the decision before was.
QUALIFIES: Final = sys.maxsize


class HotRules(Struct, frozen=True):
    """How far down the lists the hot set reaches, how long a symbol dwells, how many it may have in all."""

    top: int
    margin: int
    dwell_ms: int
    cap: int


class Changes(NamedTuple):
    """What leads from one set to another; sorted."""

    subscribe: list[str]
    unsubscribe: list[str]


def afresh(symbols: Iterable[str]) -> Held:
    """`symbols` as if all of them had qualified until now."""
    return dict.fromkeys(symbols, QUALIFIES)


def decide(lists: Iterable[Sequence[str]], held: Mapping[str, int], now: int, rules: HotRules) -> Held:
    """The set that follows `held` at market time `now`, from the symbols of every list in their order.

    When more symbols than the cap are wanted, those that dwell give way first, then those of the worst rank.
    """
    ranks = best_ranks(lists, rules.top + rules.margin)
    kept = _dwelling(held, now, rules.dwell_ms)
    for symbol, rank in ranks.items():
        if rank <= rules.top or symbol in held:
            kept[symbol] = QUALIFIES
    return kept if len(kept) <= rules.cap else _capped(kept, ranks, rules.cap)


def best_ranks(lists: Iterable[Sequence[str]], depth: int) -> dict[str, int]:
    """The best 1-based rank over all lists of each symbol in the first `depth` rows of any."""
    ranks: dict[str, int] = {}
    for symbols in lists:
        for rank, symbol in enumerate(symbols[:depth], 1):
            if rank < ranks.get(symbol, rank + 1):
                ranks[symbol] = rank
    return ranks


def _dwelling(held: Mapping[str, int], now: int, dwell_ms: int) -> Held:
    # A time that is not reached yet is of another replay, which began earlier: it must not hold a symbol for ever.
    since = {symbol: min(at, now) for symbol, at in held.items()}
    return {symbol: at for symbol, at in since.items() if now - at < dwell_ms}


def _capped(held: Held, ranks: Mapping[str, int], cap: int) -> Held:
    """The best `cap` of `held`: by rank, ties by symbol; the ones without a rank by how lately they qualified."""

    def order(symbol: str) -> tuple[int, int, str]:
        qualifies = held[symbol] == QUALIFIES
        return (ranks[symbol], 0, symbol) if qualifies else (sys.maxsize, -held[symbol], symbol)

    return {symbol: held[symbol] for symbol in sorted(held, key=order)[:cap]}


def changes(old: Set[str], new: Set[str]) -> Changes:
    """What leads from `old` to `new`."""
    return Changes(subscribe=sorted(new - old), unsubscribe=sorted(old - new))


def commands(change: Changes, size: int) -> list[FeedCommand]:
    """`change` in messages of at most `size` symbols. Room is made first: no step is above old or new set."""
    return [
        *(FeedCommand("unsubscribe", part) for part in _parts(change.unsubscribe, size)),
        *(FeedCommand("subscribe", part) for part in _parts(change.subscribe, size)),
    ]


def _parts(symbols: list[str], size: int) -> list[list[str]]:
    return [symbols[at : at + size] for at in range(0, len(symbols), size)]


def obey(symbols: set[str], command: FeedCommand) -> None:
    """Apply `command` to `symbols`. Doing it twice does no harm."""
    if command.action == "subscribe":
        symbols.update(command.symbols)
    else:
        symbols.difference_update(command.symbols)


class ObservedClock:
    """Market time as it is observed in the lists.

    Lists are a little apart, so a small step back is not followed; a step of more than `tolerance_ms` is another
    replay. A list without live data has the time of its last change, be it of yesterday: it only gives a first idea.
    """

    def __init__(self, tolerance_ms: int) -> None:
        self.now = 0
        self.started = False
        self._tolerance = tolerance_ms

    def observe(self, as_of: int, *, live: bool) -> None:
        """Merge what one list says."""
        if not self.started:
            self.started = live
            self.now = as_of if live else max(self.now, as_of)
        elif live and not self.now - self._tolerance <= as_of <= self.now:
            self.now = as_of
