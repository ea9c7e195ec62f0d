"""What clients ask for, and what is done about it."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from gapscan.bridge.encodings import Message
from gapscan.bridge.fanout import unknown
from gapscan.bridge.guesses import Guesses
from gapscan.bridge.history import Position
from gapscan.bridge.plays import Plays
from gapscan.bridge.questions import OF_RANKER, Questions
from gapscan.bridge.server import HEARTBEAT_SECONDS, BridgeServer
from gapscan.bridge.session import BrowserSession
from gapscan.lists.wish import Wish, not_fields
from gapscan.obs import Tally
from gapscan.protocol import websocket
from gapscan.protocol.codes import (
    BINARY,
    NO_TOKEN,
    NOT_SUBSCRIBED,
    TOO_FAST,
    TOO_MANY_GUESSES,
    TOO_MANY_LISTS,
    UNKNOWN_FIELD,
    UNKNOWN_LIST,
)
from gapscan.protocol.past import AskAt, AskTimeline, Play
from gapscan.protocol.websocket import (
    HELLO_VERSION,
    Action,
    Aggregates,
    AskAlerts,
    AskLists,
    AskNear,
    AskWhy,
    Auth,
    Hello,
    Overview,
    Question,
    RefusedError,
    Resync,
    Subscribe,
    Unsubscribe,
    Wanted,
    decode_action,
)


def is_token(given: str, token: str | None) -> bool:
    """Whether a client says this token, in a time that does not tell how much of it is right; an empty one is none."""
    said = given.encode("utf-8", "surrogateescape")  # as the bytes of a header that are no text come
    return bool(token) and hmac.compare_digest(said, (token or "").encode())


@dataclass(frozen=True)
class TokenCheck:
    """What a client at `peer` must know, if anything; who knows the `other` token has more rights, this one too.

    A token that is empty is none that anybody knows: it lets nobody in.
    """

    token: str | None
    guesses: Guesses
    peer: str
    tally: Tally
    other: str | None = None

    def check(self, given: str) -> None:
        """Raises RefusedError when it is another one, or too many others came from the client's address."""
        if self.token is None:
            return
        if self.guesses.wait(self.peer):
            self.tally.trouble(
                "refused.guesses", "too many wrong tokens from one address: none is looked at for a while"
            )
            raise RefusedError(TOO_MANY_GUESSES, "too many wrong tokens came from this address")
        if not any(is_token(given, one) for one in (self.token, self.other)):
            self.guesses.note_wrong(self.peer)
            self.tally.trouble("wrong_tokens", "a client's token is wrong")
            raise RefusedError(NO_TOKEN, "the token is wrong")


class CommandHandler:
    """Does what one client asks for."""

    def __init__(
        self,
        bridge: BridgeServer,
        session: BrowserSession,
        questions: Questions,
        plays: Plays,
        access: TokenCheck,
        window: float,
        links: Sequence[str] = (),
    ) -> None:
        self._bridge = bridge
        self._session = session
        self._questions = questions
        self._plays = plays
        self._access = access
        self._window = window
        self._links = [*links]

    def greet(self) -> None:
        """The first messages."""
        bridge = self._bridge
        auth, links = self._access.token is not None, self._links
        hello = Hello(HELLO_VERSION, bridge.versions.simulated, HEARTBEAT_SECONDS, self._window, auth, links)
        self._session.send(Message(websocket.encode(hello)))
        if self._session.authorized:
            self._send_lists()

    def _send_lists(self) -> None:
        if self._bridge.versions.ready:
            self._session.send(self._bridge.versions.lists_message())

    def handle(self, text: str | None) -> None:
        """One message of the client; None stands for a binary one."""
        if self._session.closed:
            return
        try:
            self._act(self._read(text))
        except RefusedError as refusal:
            self._session.refuse(refusal)

    def sign_of_life(self) -> bool:
        """The client sent something; False when it sends too much."""
        now = self._bridge.clock()
        self._session.note_activity(now)
        return self._session.messages.acquire(now) == 0

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
                self._bridge.unsubscribe(self._session, names)
                self._plays.stop(self._session, names)
            case AskLists():
                self._session.send(self._bridge.versions.lists_message())
            case Aggregates() | Overview() | AskAlerts():
                self._switch(action)
            case AskWhy() | AskNear() | AskAt() | AskTimeline():
                self._ask(action)
            case Play():
                self._plays.act(self._session, action)
            case Auth(token):
                self._authorize(token)

    def _switch(self, action: Aggregates | Overview | AskAlerts) -> None:
        match action:
            case Aggregates(on):
                self._bridge.want_cells(self._session, on=on)
            case Overview(on):
                self._overview(on)
            case AskAlerts(on, after):
                self._bridge.alerts.want(self._session, on=on, after=after)

    def _subscribe(self, wants: list[Wanted]) -> None:
        most = self._bridge.limits.lists
        for wanted in wants[:most]:
            try:
                self._want(wanted)
            except RefusedError as refusal:
                self._session.refuse(refusal)
        self._bridge.beat_to(self._session)
        if len(wants) > most:  # one answer: a short message must not ask for thousands
            raise self._too_many(wants[most].list)

    def _want(self, wanted: Wanted) -> None:
        lists = self._session.lists
        if wanted.list not in lists and ("@" in wanted.list or not self._bridge.versions.may_exist(wanted.list)):
            raise unknown(wanted.list)
        if wanted.list not in lists and len(lists) >= self._bridge.limits.lists:
            raise self._too_many(wanted.list)
        if wanted.last_sequence is not None:
            self._bridge.tally.count("resumes")
        self._bridge.subscribe(self._session, wanted.list, _position(wanted), Wish.of(wanted.limit, wanted.fields))
        if unknown_fields := not_fields(wanted.fields or ()):
            message = f"a row has no field {unknown_fields[0]!r}: the list comes without it"
            raise RefusedError(UNKNOWN_FIELD, message, wanted.list)

    def _too_many(self, name: str) -> RefusedError:
        return RefusedError(TOO_MANY_LISTS, f"one client may have {self._bridge.limits.lists} lists", name)

    def _resync(self, resync: Resync) -> None:
        if (subscribers := self._session.lists.get(resync.list)) is None:
            raise RefusedError(NOT_SUBSCRIBED, "subscribe to the list first", resync.list)
        self._bridge.tally.count("resyncs")
        self._bridge.subscribe(self._session, resync.list, _position(resync), subscribers.key.wish)

    def _overview(self, on: bool) -> None:
        self._session.wants_overview, self._session.overview = on, None
        self._session.send_overview(self._bridge.versions.overview_message())

    def _ask(self, question: Question) -> None:
        name = question.list if isinstance(question, OF_RANKER) else None  # a list that is gone has a past
        if name is not None and not self._bridge.versions.may_exist(name):
            symbol = question.symbol if isinstance(question, AskWhy) else None
            raise RefusedError(UNKNOWN_LIST, f"there is no list {name!r}", name, symbol)
        self._questions.put(self._session, question)

    def _authorize(self, token: str) -> None:
        self._access.check(token)
        if not self._session.authorized:
            self._session.authorized = True
            self._send_lists()


def _position(have: Wanted | Resync) -> Position | None:
    if have.epoch is None or have.last_sequence is None:
        return None
    return Position(have.epoch, have.last_sequence)
