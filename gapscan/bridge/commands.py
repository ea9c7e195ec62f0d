"""What a client says, and what is done about it."""

from __future__ import annotations

import hmac

from gapscan.bridge.encodings import text_frame
from gapscan.bridge.fanout import unknown
from gapscan.bridge.questions import Questions
from gapscan.bridge.server import HEARTBEAT_SECONDS, Room
from gapscan.bridge.session import Session
from gapscan.bridge.versions import Position
from gapscan.protocol import websocket
from gapscan.protocol.websocket import (
    BINARY,
    HELLO_VERSION,
    NO_TOKEN,
    NOT_SUBSCRIBED,
    TOO_FAST,
    TOO_MANY_LISTS,
    UNKNOWN_LIST,
    Action,
    Aggregates,
    AskLists,
    AskWhy,
    Auth,
    Hello,
    Overview,
    RefusedError,
    Resync,
    Subscribe,
    Unsubscribe,
    Wanted,
    decode_action,
)


class Dialog:
    """One client's side of the room."""

    def __init__(self, room: Room, session: Session, questions: Questions, token: str | None, window: float) -> None:
        self._room = room
        self._session = session
        self._questions = questions
        self._token = token
        self._window = window

    def greet(self) -> None:
        """The first messages."""
        room = self._room
        hello = Hello(HELLO_VERSION, room.hub.simulated, HEARTBEAT_SECONDS, self._window, self._token is not None)
        self._session.write(text_frame(websocket.encode(hello)))
        if self._session.authorized:
            self._tell_lists()

    def _tell_lists(self) -> None:
        if self._room.hub.ready:
            self._session.write(self._room.hub.lists_frame())

    def hear(self, text: str | None) -> None:
        """One message of the client; None stands for a binary one."""
        if self._session.closed:
            return
        try:
            self._act(self._read(text))
        except RefusedError as refusal:
            self._session.refuse(refusal)

    def sign_of_life(self) -> bool:
        """The client sent something; False when it sends too much."""
        now = self._room.clock()
        self._session.heard(now)
        return self._session.allowance.take(now)

    def _read(self, text: str | None) -> Action:
        if not self.sign_of_life():
            raise RefusedError(TOO_FAST, "too many messages")
        if text is None:
            raise RefusedError(BINARY, "messages are JSON in text frames")
        action = decode_action(text)
        if not self._session.authorized and not isinstance(action, Auth):
            raise RefusedError(NO_TOKEN, "this bridge wants its token first")
        return action

    def _act(self, action: Action) -> None:
        match action:
            case Subscribe(lists):
                self._subscribe(lists)
            case Resync():
                self._resync(action)
            case Unsubscribe(names):
                self._room.unsubscribe(self._session, names)
            case AskLists():
                self._session.write(self._room.hub.lists_frame())
            case Aggregates(on):
                self._room.want_cells(self._session, on=on)
            case Overview(on):
                self._overview(on)
            case AskWhy():
                self._ask(action)
            case Auth(token):
                self._authorize(token)

    def _subscribe(self, wants: list[Wanted]) -> None:
        most = self._room.limits.lists
        for wanted in wants[:most]:
            try:
                self._want(wanted)
            except RefusedError as refusal:
                self._session.refuse(refusal)
        self._room.beat_to(self._session)
        if len(wants) > most:  # one answer: a short message must not ask for thousands
            raise self._too_many(wants[most].list)

    def _want(self, wanted: Wanted) -> None:
        if not self._room.hub.may_exist(wanted.list):
            raise unknown(wanted.list)
        lists = self._session.lists
        if wanted.list not in lists and len(lists) >= self._room.limits.lists:
            raise self._too_many(wanted.list)
        if wanted.last_sequence is not None:
            self._room.tally.count("resumes")
        self._room.subscribe(self._session, wanted.list, _position(wanted))

    def _too_many(self, name: str) -> RefusedError:
        return RefusedError(TOO_MANY_LISTS, f"one client may have {self._room.limits.lists} lists", name)

    def _resync(self, resync: Resync) -> None:
        if resync.list not in self._session.lists:
            raise RefusedError(NOT_SUBSCRIBED, "subscribe to the list first", resync.list)
        self._room.tally.count("resyncs")
        self._room.subscribe(self._session, resync.list, _position(resync))

    def _overview(self, on: bool) -> None:
        self._session.wants_overview, self._session.overview = on, b""
        self._session.tell_overview(self._room.hub.overview_frame())

    def _ask(self, question: AskWhy) -> None:
        if question.list is not None and not self._room.hub.may_exist(question.list):
            raise RefusedError(UNKNOWN_LIST, f"there is no list {question.list!r}", question.list, question.symbol)
        self._questions.put(self._session, question)

    def _authorize(self, token: str) -> None:
        if self._token is not None and not hmac.compare_digest(token.encode(), self._token.encode()):
            raise RefusedError(NO_TOKEN, "the token is wrong")
        if not self._session.authorized:
            self._session.authorized = True
            self._tell_lists()


def _position(have: Wanted | Resync) -> Position | None:
    if have.epoch is None or have.last_sequence is None:
        return None
    return Position(have.epoch, have.last_sequence)
