"""All lists of a bridge, whole and as clients want them, and the messages about all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gapscan.bridge.encodings import Message
from gapscan.bridge.history import ListHistory, Position
from gapscan.bridge.views import View, ViewKey
from gapscan.lists.wish import WHOLE
from gapscan.protocol import websocket
from gapscan.protocol.websocket import Beat, ListBeat, ListInfo, Lists, Size, Sizes


class VersionStore:
    """All lists. `ready` once it is known which there are."""

    def __init__(self) -> None:
        self.ready = False
        self.histories: dict[str, ListHistory] = {}
        self._views: dict[ViewKey, View] = {}  # of those that somebody subscribes to
        self.infos: list[ListInfo] = []
        self._sizes: dict[str, Size] = {}
        self._overview: Message | None = None

    def define(self, infos: Iterable[ListInfo]) -> bool:
        """Say which lists there are; True when that is news. Those that are no more are dropped."""
        fresh = list(infos)
        if self.ready and fresh == self.infos:
            return False
        self.ready, self.infos = True, fresh
        names = [info.name for info in fresh]
        self.histories = {name: self.histories.get(name) or ListHistory(name) for name in names}
        self._views = {key: view for key, view in self._views.items() if key.list in self.histories}
        return True

    def history(self, key: ViewKey) -> ListHistory | None:
        """What is wanted of a list, whole or in part, by position; None when there is no such list."""
        base = self.histories.get(key.list)
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

    def expire(self, now: float) -> None:
        """Drop old versions of lists that do not change."""
        for history in (*self.histories.values(), *self._views.values()):
            history.expire(now)

    def lists_message(self) -> Message:
        """Which lists there are."""
        return Message(websocket.encode(Lists(self.infos)))

    def beat_message(self, cursors: Iterable[tuple[ViewKey, Position | None]]) -> Message:
        """A heartbeat for a client that was sent the lists up to `cursors`; what it has nothing of is left out."""
        sent = [(self.history(key), at) for key, at in cursors if at is not None]
        beats = {history.name: _beat(history, at) for history, at in sent if history is not None}
        return Message(websocket.encode(Beat(beats, self.simulated)))

    def overview_message(self) -> Message:
        """How all lists stand: the same object for as long as it says the same."""
        histories = self.histories.values()
        sizes = {each.name: Size(len(each.current.rows), each.state) for each in histories if each.current}
        if sizes != self._sizes or self._overview is None:
            self._sizes, self._overview = sizes, Message(websocket.encode(Sizes(sizes)))
        return self._overview


def _beat(history: ListHistory, at: Position) -> ListBeat:
    return ListBeat(at.epoch, at.sequence, history.status.as_of, history.state)
