"""What the live table shows: the newest view, what changed in the last seconds, and how old it all is.

Pure: the time, in seconds of any steady clock, is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from gapscan.client.api import ListView
from gapscan.client.view import UNKNOWN, Lateness
from gapscan.market.sessions import session_at
from gapscan.protocol.messages import Add, Change, Rerank, Row, State, Update
from gapscan.service.status import Hot
from gapscan_cli.render import span

PRICE_SECONDS: Final = 3.0  # a price that rose or fell is coloured for this long
RANK_SECONDS: Final = 10.0  # a row that moved or came in is marked for this long


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened to a row lately; zero and False: nothing."""

    new: bool = False
    moved: int = 0  # ranks up (positive) or down
    price: int = 0  # 1 rose, -1 fell
    rank_until: float = 0.0
    price_until: float = 0.0

    def at(self, now: float) -> Mark:
        """What is left of the mark by now."""
        mark = self if now < self.rank_until else replace(self, new=False, moved=0, rank_until=0.0)
        return mark if now < self.price_until else replace(mark, price=0, price_until=0.0)


NO_MARK: Final = Mark()


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row with its rank and its mark."""

    rank: int
    row: Row
    mark: Mark


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything on the screen at one moment."""

    name: str
    state: State | Literal["past"]
    reason: str  # why it is not live, or empty
    session: str
    as_of: int
    age: float | None  # seconds since data last came; None before the first sign of life
    epoch: str
    sequence: int
    rows: tuple[ShownRow, ...]
    resyncs: int
    holes: int
    mismatches: int
    simulated: bool
    hot: Hot | None = None  # what the feed says of its live half
    columns: tuple[str, ...] = ()  # the fields to show, the most wanted first; none: the usual ones
    alerted: frozenset[str] = frozenset()  # the symbols that an alert told of lately
    lateness: Lateness = UNKNOWN


class WatchModel:
    """Takes views, gives frames."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._view: ListView | None = None
        self._marks: dict[str, Mark] = {}
        self._linked = True
        self.hot: Hot | None = None
        self.columns: tuple[str, ...] = ()
        self.alerted: frozenset[str] = frozenset()
        self._fresh_at: float | None = None

    @property
    def has_view(self) -> bool:
        """Whether there is anything to show."""
        return self._view is not None

    def take(self, view: ListView, now: float) -> None:
        """The list as it is now."""
        earlier, self._view = self._view, view
        if _is_fresh(earlier, view):
            self._fresh_at = now
        if earlier is None or not view.continues(earlier):
            self._marks = {}
        elif earlier.sequence != view.sequence:
            self._mark(earlier, view, now)

    def link(self, up: bool) -> None:
        """The connection to NATS came or went."""
        self._linked = up

    def _mark(self, earlier: ListView, view: ListView, now: float) -> None:
        prices = {row["symbol"]: row.get("price") for row in earlier.rows}
        self._marks = {symbol: mark for symbol, mark in self._marks.items() if mark.at(now) != NO_MARK}
        for change in view.delta_since(earlier).changes:
            self._marks[change.symbol] = _marked(
                self._marks.get(change.symbol, NO_MARK), change, prices.get(change.symbol), now
            )

    def frame(self, now: float) -> Frame:
        """What to show at `now`; there must be a view."""
        view = self._view
        if view is None:
            raise RuntimeError("there is no view yet")
        state: State = view.state if self._linked else "stale"
        return Frame(
            name=self.name,
            state=state,
            reason=self._reason(state, view.lateness),
            session=_session(view),
            as_of=view.as_of,
            age=None if self._fresh_at is None else now - self._fresh_at,
            epoch=view.epoch,
            sequence=view.sequence,
            rows=tuple(self._shown(rank, row, now) for rank, row in enumerate(view.rows, 1)),
            resyncs=view.link.snapshots - 1,
            holes=view.link.holes,
            mismatches=view.link.mismatches,
            simulated=view.simulated,
            hot=self.hot,
            columns=self.columns,
            alerted=self.alerted,
            lateness=view.lateness,
        )

    def _shown(self, rank: int, row: Row, now: float) -> ShownRow:
        mark = self._marks.get(row["symbol"])
        return ShownRow(rank, row, mark.at(now) if mark else NO_MARK)

    def _reason(self, state: State, lateness: Lateness) -> str:
        if not self._linked:
            return "NATS is away, reconnecting"
        if state == "delayed":
            return f"data {span(lateness.delayed_by)} late" if lateness.delayed_by else "late data"
        if state != "stale":
            return ""
        return "no heartbeat yet" if self._fresh_at is None else "no fresh data"


def _is_fresh(earlier: ListView | None, view: ListView) -> bool:
    """Whether the view proves that somebody publishes: a snapshot that lies there may be of any age."""
    if earlier is None or earlier.state == "stale":
        return view.state != "stale"
    return (earlier.epoch, earlier.sequence, earlier.as_of) != (view.epoch, view.sequence, view.as_of)


def _marked(mark: Mark, change: Change, old_price: float | None, now: float) -> Mark:
    match change:
        case Add():
            return Mark(new=True, rank_until=now + RANK_SECONDS)
        case Rerank(_, old_rank, new_rank):
            return replace(mark, new=False, moved=old_rank - new_rank, rank_until=now + RANK_SECONDS)
        case Update(_, _, data):
            price = data.get("price")
            if price is None or old_price is None or price == old_price:
                return mark
            return replace(mark, price=1 if price > old_price else -1, price_until=now + PRICE_SECONDS)
        case _:
            return NO_MARK


def _session(view: ListView) -> str:
    """The market's session, as the rows say; by the calendar when there are none, or nobody ranks them any more."""
    if view.state == "closed":
        return str(session_at(view.as_of)) if view.as_of else ""
    named = next((session for row in view.rows if (session := row.get("session"))), None)
    return named or (str(session_at(view.as_of)) if view.as_of else "")
