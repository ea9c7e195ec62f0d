"""Bringing clients up to date with their lists: those who are current all at once, the others one by one.

A fault in one list is that list's alone. A version that cannot be encoded is dropped, and its clients get an error;
they stay at the version before, and the next one that can be encoded reaches them as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gapscan.bridge.broadcast import Broadcaster
from gapscan.bridge.encodings import Message
from gapscan.bridge.history import ListHistory, Position
from gapscan.bridge.session import BrowserSession
from gapscan.bridge.subscribers import Subscribers
from gapscan.bridge.versions import VersionStore
from gapscan.bridge.views import ViewKey
from gapscan.lists.wish import Wish
from gapscan.obs import Tally
from gapscan.protocol.codes import LIST_FAILED, SLOW, UNKNOWN_LIST, CloseCode
from gapscan.protocol.websocket import RefusedError

Clock = Callable[[], float]


class Fanout:
    """Who subscribes to what, and how far each is. `wake` is called when somebody lags who did not."""

    def __init__(
        self,
        versions: VersionStore,
        slow_after: float,
        tally: Tally,
        clock: Clock,
        wake: Callable[[], None],
        writer: Broadcaster,
    ) -> None:
        self.subscribers: dict[str, dict[Wish, Subscribers[BrowserSession]]] = {}  # by list, and what they want of it
        self.lagging: set[BrowserSession] = set()  # they did not take all that was due
        self.deferred: set[BrowserSession] = set()  # they have used up what their answers may cost
        self._versions = versions
        self._slow_after = slow_after
        self._tally = tally
        self._clock = clock
        self._wake = wake
        self._writer = writer

    def subscribe(self, session: BrowserSession, key: ViewKey, have: Position | None) -> None:
        """Send `key` from `have` on, beginning with an answer in any case. A client has one wish of a list."""
        name = key.list
        if (before := session.lists.get(name)) is not None and before.key != key:
            self.unsubscribe(session, [name])
            have = None  # what it has is of the other wish
        alike = self.subscribers.setdefault(name, {})
        subscribers = session.lists[name] = alike.setdefault(key.wish, Subscribers(key, self._writer))
        subscribers.put(session, have)
        session.owed.add(name)
        history = self._versions.history(key)
        fault = history.fault if history else ""
        if session.blocked_since is None:
            self._serve(session, name, self._clock())
        if fault and history and history.fault:
            session.refuse(failed(history))

    def unsubscribe(self, session: BrowserSession, names: Iterable[str]) -> None:
        """Send these no more."""
        for name in names:
            subscribers = session.lists.pop(name, None)
            session.owed.discard(name)
            if subscribers is not None:
                subscribers.remove(session)
                if not subscribers:
                    self._drop(subscribers.key)

    def _drop(self, key: ViewKey) -> None:
        """Nobody wants this any more."""
        self._versions.forget_view(key)
        alike = self.subscribers[key.list]
        del alike[key.wish]
        if not alike:
            del self.subscribers[key.list]

    def forget(self, session: BrowserSession) -> None:
        """A client has gone."""
        self.lagging.discard(session)
        self.deferred.discard(session)
        self.unsubscribe(session, list(session.lists))

    def drop_list(self, name: str) -> None:
        """There is no such list any more."""
        for session in [each for subscribers in self.subscribers.pop(name).values() for each in subscribers]:
            session.lists.pop(name, None)
            session.owed.discard(name)
            session.refuse(unknown(name))
            if session.encoding.one_way:  # it can ask for no other
                session.finish()

    def flush(self, name: str) -> None:
        """Send what a list's clients have not got."""
        for subscribers in tuple(self.subscribers.get(name, {}).values()):
            if (history := self._versions.history(subscribers.key)) is not None:
                self._flush(history, subscribers)

    def _flush(self, history: ListHistory, subscribers: Subscribers[BrowserSession]) -> None:
        if subscribers.current and (message := self._message(history, subscribers.position)) and history.current:
            self._tally.count("frames", subscribers.current)
            self._tally.count("bytes", subscribers.send(message, history.current.position))
        now = self._clock()
        for session in subscribers.behind:
            if session.blocked_since is None:
                self._serve(session, history.name, now)

    def _serve(self, session: BrowserSession, name: str, now: float) -> bool:
        """Bring one client up to date with one list; False when its socket is full."""
        subscribers = session.lists[name]
        history = self._versions.history(subscribers.key)
        if history is None:
            return True
        owed = name in session.owed
        if owed and session.answers.wait(now):
            self._defer(session)
            return True
        message = self._message(history, subscribers.cursor(session), owed=owed)
        if message is None or history.current is None:
            return True
        if not session.send(message):
            self.lag(session, now)
            return False
        if owed:
            session.owed.discard(name)
            session.answers.spend(now, len(message.encoded(session.encoding)))
        subscribers.put(session, history.current.position)
        subscribers.make_current(session)
        return True

    def _message(self, history: ListHistory, have: Position | None, *, owed: bool = False) -> Message | None:
        """What leads from `have` to the newest version that can be sent; None when there is nothing to send."""
        fault = ""
        while history.current is not None:
            try:
                message = history.answer_for(have) if owed else history.message_for(have)
            except Exception as error:  # noqa: BLE001  # whatever it is, the other lists must go on
                fault, known = f"{type(error).__name__}: {error}", bool(history.fault)
                if history.give_up(have, fault):
                    self._send_failed(history, known=known)
                    fault = ""
            else:
                if fault:
                    self._tally.trouble(
                        "deltas_failed", f"list {history.name}: a snapshot, for want of a delta: {fault}"
                    )
                return message
        return None

    def _send_failed(self, history: ListHistory, *, known: bool) -> None:
        name = history.name
        self._tally.trouble(f"unsent.{name}", f"list {name}: a version cannot be sent: {history.fault}")
        for subscribers in tuple(self.subscribers.get(name, {}).values()) if not known else ():
            if self._versions.history(subscribers.key) is history:
                for session in tuple(subscribers):
                    session.refuse(failed(history))

    def lag(self, session: BrowserSession, now: float) -> None:
        """A client's socket is full: nothing more is sent to it until it takes something."""
        if not session.ending and session.blocked_since is None:
            session.blocked_since = now
            self.lagging.add(session)
            self._wake()

    def _defer(self, session: BrowserSession) -> None:
        """A client gets its answer when something is left of its budget again; its other lists go on meanwhile."""
        if session not in self.deferred:
            self._tally.trouble("answers_deferred", "a client asks for lists too often: its answers wait")
            self.deferred.add(session)
            self._wake()

    def retry(self) -> None:
        """Catch up with those who can take something again; close those who could not for too long."""
        now = self._clock()
        for session in [each for each in self.deferred if not each.answers.wait(now)]:
            self.deferred.discard(session)
            if session.blocked_since is None:
                self._catch_up(session, now)
        for session in tuple(self.lagging):
            if session.writable:
                self.lagging.discard(session)
                session.blocked_since = None
                self._tally.count("recoveries")
                self._catch_up(session, now)
            elif session.blocked_since is not None and now - session.blocked_since > self._slow_after:
                self.expel(session, SLOW)

    def _catch_up(self, session: BrowserSession, now: float) -> None:
        for name in tuple(session.lists):
            if not self._serve(session, name, now):
                return

    def expel(self, session: BrowserSession, code: CloseCode) -> None:
        """Close a client that does not do its part."""
        self._tally.trouble(f"expelled_{code.name}", f"a client is closed: {code.meaning}")
        self.lagging.discard(session)
        session.close(code)


def unknown(name: str) -> RefusedError:
    """The error for a list that there is not."""
    return RefusedError(UNKNOWN_LIST, f"there is no list {name!r}", name)


def failed(history: ListHistory) -> RefusedError:
    """The error for a list whose newest version cannot be sent."""
    return RefusedError(LIST_FAILED, f"list {history.name!r} stands still: {LIST_FAILED.meaning}", history.name)
