"""The last alerts, for clients that want them: each gets those that it has not got, from wherever it is in the log."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from gapscan.bridge.encodings import Message
from gapscan.bridge.session import BrowserSession
from gapscan.protocol import websocket
from gapscan.protocol.alerts import Alert
from gapscan.protocol.websocket import Alerts, SentAlert

KEPT: Final = 100


class AlertLog:
    """Clients have no queues, only the place of the last alert that they have: who is slow gets the rest later."""

    def __init__(self) -> None:
        self.place = 0  # of the last one, in the stream
        self._kept: deque[tuple[int, SentAlert]] = deque(maxlen=KEPT)
        self._places: dict[BrowserSession, int | None] = {}  # None: nothing was sent yet
        self._made: dict[int | None, Message] = {}

    def __len__(self) -> int:
        return len(self._places)

    def put(self, found: Iterable[tuple[int, Alert]]) -> None:
        """More alerts, in their order, and the places that they have in the stream."""
        for place, alert in found:
            self._kept.append((place, SentAlert(alert.id, alert)))
            self.place = place
        self._made.clear()
        self.send()

    def skip_to(self, place: int) -> None:
        """What was read up to there is no alert of use."""
        self.place = max(self.place, place)

    def restart(self) -> None:
        """The stream was made anew, or is still to be made: what comes has places of its own.

        It is news to all who have got an answer.
        """
        self.place = 0
        self._kept.clear()
        self._made.clear()
        self._places = {session: None if place is None else 0 for session, place in self._places.items()}

    def want(self, session: BrowserSession, *, on: bool, after: str | None = None) -> None:
        """Answer with what came after the alert with the id `after`, or with the last ones, and go on; or stop."""
        self.forget(session)
        if on:
            self._send_to(session, next((place for place, sent in self._kept if sent.id == after), None))

    def forget(self, session: BrowserSession) -> None:
        """A client has gone."""
        self._places.pop(session, None)

    def send(self) -> None:
        """Bring all up to date who can take it."""
        for session, place in tuple(self._places.items()):
            if place != self.place and not session.ending:
                self._send_to(session, place)

    def _send_to(self, session: BrowserSession, place: int | None) -> None:
        self._places[session] = self.place if session.send(self._message(place)) else place

    def _message(self, place: int | None) -> Message:
        """All that came after a place. Those at the same place share its bytes."""
        if place not in self._made:
            sent = [one for at, one in self._kept if place is None or at > place]
            self._made[place] = Message(websocket.encode(Alerts(sent, first=place is None)))
        return self._made[place]
