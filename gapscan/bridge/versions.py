"""All lists of a bridge, whole and as clients want them, and the messages about all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gapscan.bridge.encodings import Message
from gapscan.bridge.history import ListHistory, Position
from gapscan.bridge.views import View, ViewKey
from gapscan.client.view import UNKNOWN
from gapscan.lists.wish import WHOLE
from gapscan.protocol import websocket
from gapscan.protocol.messages import State
from gapscan.protocol.values import wire_state
from gapscan.protocol.websocket import Beat, ListBeat, ListInfo, Lists, Size, Sizes
from gapscan.service.lateness import Stage

# Of lists of one market, some may be closed or cut off while the others go on.
_BY_WEIGHT: Final[tuple[State, ...]] = ("live", "delayed", "stale", "closed")


class MarketStand(NamedTuple):
    """The newest market time that is known, epoch ms, and whether it moves; 0 and None where no list says."""

    time: int
    state: State | None


class VersionStore:
    """All lists. `ready` once it is known which there are."""

    def __init__(self) -> None:
        self.ready = False
        self.histories: dict[str, ListHistory] = {}
        self.plays: dict[str, ListHistory] = {}  # pasts that clients have played, by names that no list has
        self._views: dict[ViewKey, View] = {}  # of those that somebody subscribes to
        self.infos: list[ListInfo] = []
        self._sizes: dict[str, Size] = {}
        self._overview: Message | None = None
        self.lateness = UNKNOWN
        self.stored_to_sent = Stage()

    def define(self, infos: Iterable[ListInfo]) -> bool:
        """Say which lists there are; True when that is news. Those that are no more are dropped."""
        fresh = list(infos)
        if self.ready and fresh == self.infos:
            return False
        self.ready, self.infos = True, fresh
        names = [info.name for info in fresh]
        self.histories = {name: self.histories.get(name) or ListHistory(name) for name in names}
        self._views = {key: view for key, view in self._views.items() if self.has(key.list)}
        return True

    def history(self, key: ViewKey) -> ListHistory | None:
        """What is wanted of a list, whole or in part, by position; None when there is no such list."""
        base = self.histories.get(key.list, self.plays.get(key.list))
        if base is None or key.wish == WHOLE:
            return base
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(base, key.wish)
        view.sync()
        return view

    def forget_view(self, key: ViewKey) -> None:
        """Nobody subscribes to it any more."""
        self._views.pop(key, None)

    @property
    def views(self) -> int:
        """How many different parts of lists are subscribed to."""
        return len(self._views)

    def has(self, name: str) -> bool:
        """Whether `name` is a list, or a played one."""
        return name in self.histories or name in self.plays

    def may_exist(self, name: str) -> bool:
        """Whether `name` is a list, as far as is known: before that is known, any may be."""
        return not self.ready or name in self.histories

    def position(self, name: str) -> Position | None:
        """The newest position of a list; None without a version."""
        history = self.histories.get(name)
        return history.current.position if history and history.current else None

    def symbols(self, key: ViewKey) -> Collection[str]:
        """The symbols of the newest version of a list, or of what is wanted of it."""
        history = self.history(key)
        return history.current.rows.symbols if history and history.current else ()

    @property
    def simulated(self) -> bool:
        """Whether any list is made from the simulated market."""
        return any(history.status.simulated for history in self.histories.values())

    def market(self, *, simulated: bool) -> MarketStand:
        """How a market stands by the lists that are made from it. Where one moves, so does the market."""
        known = [each for each in self.histories.values() if each.current and each.status.simulated == simulated]
        states = {each.state for each in known}
        time = max((each.status.as_of for each in known), default=0)
        return MarketStand(time, next((state for state in _BY_WEIGHT if state in states), None))

    def expire(self, now: float) -> None:
        """Drop old versions of lists that do not change."""
        for history in (*self.histories.values(), *self.plays.values(), *self._views.values()):
            history.expire(now)

    def lists_message(self) -> Message:
        """Which lists there are."""
        return Message(websocket.encode(Lists(self.infos)))

    def beat_message(self, cursors: Iterable[tuple[ViewKey, Position | None]]) -> Message:
        """A heartbeat for a client that was sent the lists up to `cursors`; what it has nothing of is left out."""
        sent = [(self.history(key), at) for key, at in cursors if at is not None]
        beats = {history.name: self._beat(history, at) for history, at in sent if history is not None}
        return Message(websocket.encode(Beat(beats, self.simulated, *self._lateness())))

    def _beat(self, history: ListHistory, at: Position) -> ListBeat:
        if history.name in self.plays:
            return ListBeat(at.epoch, at.sequence, history.status.as_of, "past")
        return _beat(history, at)

    def _lateness(self) -> tuple[int | UnsetType, int | UnsetType]:
        """To the feed, and from there until it is sent, ms: as the list says whose state was heard last."""
        lateness, sent = self.lateness, self.stored_to_sent.median_ms() or 0
        behind = UNSET if lateness.behind is None else round(lateness.behind * 1000)
        return behind, UNSET if lateness.ours is None else round(lateness.ours * 1000) + sent

    def overview_message(self) -> Message:
        """How all lists stand: the same object for as long as it says the same."""
        histories = self.histories.values()
        sizes = {each.name: _size(len(each.current.rows), each.state) for each in histories if each.current}
        if sizes != self._sizes or self._overview is None:
            self._sizes, self._overview = sizes, Message(websocket.encode(Sizes(sizes)))
        return self._overview


def _beat(history: ListHistory, at: Position) -> ListBeat:
    status, state = history.status, history.state
    beat = ListBeat(at.epoch, at.sequence, status.as_of, wire_state(state))
    if state != "delayed":
        return beat
    by = status.lateness.delayed_by
    return replace(beat, delayed=True, delayed_by=UNSET if by is None else round(by * 1000))


def _size(rows: int, state: State) -> Size:
    return Size(rows, wire_state(state), True if state == "delayed" else UNSET)
