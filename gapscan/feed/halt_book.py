"""The symbols that are halted, or were today: by the provider's events, by what trades, and by the exchanges' list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gapscan.feed.halt_notices import HaltNotice
from gapscan.market.sessions import MINUTE_MS, date_of_trades
from gapscan.protocol.messages import Halts
from gapscan.provider import Halt

HaltStatus = Literal["halted", "resumed"]

# A trade may be reported 10 s after it was made (FINRA rule 6380A) and is then in a bar of that moment: what begins
# this long after a halt shows that the symbol trades again. A pause takes five minutes at least.
RESUMED_AFTER_MS: Final = 15_000
# A market that is this much earlier than it was has begun anew.
_BACK_MS: Final = 300_000
# The exchanges' list and the provider's events say times of one halt that differ by seconds.
_SAME_MS: Final = MINUTE_MS


class HaltState(Struct, frozen=True):
    """One symbol's newest status and since when; `event_time` is the time of the newest event about it, epoch ms.

    `reason` and `resumes_at` are the exchanges' list's: None where it does not have the symbol, or does not say.
    """

    status: HaltStatus
    time: int
    event_time: int
    reason: str | None = None
    resumes_at: int | None = None

    @property
    def listed(self) -> bool:
        """Whether the exchanges' list had it."""
        return self.reason is not None


class HaltBook:
    """What is known of halts on one trading day. No I/O; all times are epoch ms of market time.

    A halt lasts until something says that it is over: nights end no halt.
    """

    def __init__(self) -> None:
        self.date: dt.date | None = None
        self.as_of = 0
        self._of: dict[str, HaltState] = {}
        self._halted: set[str] = set()

    def load(self, halts: Halts) -> None:
        """Go on from what was published; what is known by now is newer. Of an earlier day, halts count that last."""
        date = date_of_trades(halts.as_of)
        if self.date is not None and (date > self.date or halts.as_of >= self.as_of + _BACK_MS):
            return
        earlier = self.date is not None and date < self.date
        if not earlier:
            self.date, self.as_of = date, max(self.as_of, halts.as_of)
        for symbol, state in _states(halts):
            if symbol not in self._of and not (earlier and state.status == "resumed"):
                self._set(symbol, state)

    def advance(self, ms: int) -> bool:
        """It is `ms`, as a scan says; whether that begins a day, or the same one anew."""
        date = date_of_trades(ms)
        if date == self.date and ms > self.as_of - _BACK_MS:
            self.as_of = max(self.as_of, ms)
            return False
        later = self.date is not None and date > self.date
        lasting = {symbol: self._of[symbol] for symbol in self._of if later and symbol in self._halted}
        self.date, self.as_of = date, ms
        self._of, self._halted = lasting, set(lasting)
        return True

    def observe_event(self, event: Halt) -> bool:
        """A halt or resumption of the day counts, unless a newer one was; whether a symbol's status has changed."""
        halts, time = event.halted, event.time
        if not self._is_today(time):
            return False
        known = self._of.get(event.symbol)
        if known is not None and time < known.event_time:
            return False
        self.as_of = max(self.as_of, time)
        status: HaltStatus = "halted" if halts else "resumed"
        if known is not None and known.status == status and (halts or time >= known.time):
            self._of[event.symbol] = replace(known, event_time=time)
            return False
        if known is not None and (not halts or abs(time - known.time) <= _SAME_MS):
            self._set(event.symbol, replace(known, status=status, time=time, event_time=time))
        else:
            self._set(event.symbol, HaltState(status, time, time))
        return True

    def _is_today(self, ms: int) -> bool:
        if self.date is None:
            self.date = date_of_trades(ms)
        return date_of_trades(ms) == self.date

    def _set(self, symbol: str, halt: HaltState) -> None:
        self._of[symbol] = halt
        (self._halted.add if halt.status == "halted" else self._halted.discard)(symbol)

    def observe_traded(self, traded: Iterable[tuple[str, int]]) -> bool:
        """Symbols that traded at a time; whether that shows that one was resumed without a word about it."""
        changed = False
        for symbol, time in traded:
            if (
                symbol in self._halted
                and time >= self._of[symbol].event_time + RESUMED_AFTER_MS
                and self._is_today(time)
            ):
                self._set(symbol, replace(self._of[symbol], status="resumed", time=time))
                self.as_of = max(self.as_of, time)
                changed = True
        return changed

    def observe_list(self, notices: Sequence[HaltNotice]) -> int:
        """The whole of the exchanges' list; how many symbols are another thing by it.

        A symbol that it had and has no more, is not halted any more: when it resumed, nobody says.
        """
        newest: dict[str, HaltNotice] = {}
        for notice in sorted(notices, key=lambda notice: notice.at):
            if notice.at <= self.as_of + _SAME_MS:  # what is later is a clock's fault
                newest[notice.symbol] = notice
        changes = sum(self._observe_notice(notice) for notice in newest.values())
        gone = [symbol for symbol in self._halted if self._of[symbol].listed and symbol not in newest]
        for symbol in gone:
            del self._of[symbol]
            self._halted.discard(symbol)
        return changes + len(gone)

    def _observe_notice(self, notice: HaltNotice) -> bool:
        known, ends = self._of.get(notice.symbol), notice.resumes_at
        over = ends is not None and ends <= self.as_of
        if over and ends is not None and date_of_trades(ends) != self.date:
            return False
        if known is None or known.event_time < notice.at - _SAME_MS:
            state = HaltState("halted", notice.at, notice.at, notice.reason, ends)
        elif known.status == "halted" and known.time > notice.at + _SAME_MS:
            return False  # the provider knows of a newer halt
        else:
            state = replace(known, reason=notice.reason, resumes_at=ends)
        if over and ends is not None and state.status == "halted" and ends >= state.event_time:
            state = replace(state, status="resumed", time=ends, event_time=ends)
        elif not over and known is not None and state.status == "resumed" and known.event_time == known.resumes_at:
            # It was to have resumed by now; the exchange says that it has not.
            state = replace(state, status="halted", time=notice.at, event_time=notice.at)
        if state == known:
            return False
        self._set(notice.symbol, state)
        return True

    @property
    def halted(self) -> frozenset[str]:
        """The symbols that are halted now."""
        return frozenset(self._halted)

    def message(self, *, simulated: bool) -> Halts:
        """All of it, in the order in which the symbols halted first."""
        states = self._of.values()
        listed = any(state.listed for state in states)
        return Halts(
            as_of=self.as_of,
            simulated=simulated,
            symbols=list(self._of),
            status=[state.status for state in states],
            time=[state.time for state in states],
            reason=[state.reason for state in states] if listed else UNSET,
            resumes_at=[state.resumes_at for state in states] if listed else UNSET,
        )


def _states(halts: Halts) -> Iterable[tuple[str, HaltState]]:
    nothing: list[None] = [None] * len(halts.symbols)
    reasons = nothing if halts.reason is UNSET else halts.reason
    ends = nothing if halts.resumes_at is UNSET else halts.resumes_at
    columns = zip(halts.symbols, halts.status, halts.time, reasons, ends, strict=True)
    for symbol, status, time, reason, resumes_at in columns:
        yield symbol, HaltState(status, time, time, reason, None if resumes_at is None else int(resumes_at))
