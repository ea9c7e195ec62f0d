"""Clients' questions to the ranker and the tape: one at a time for each client, a few for all, in no list's way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from gapscan.bridge.encodings import Message
from gapscan.bridge.fanout import Clock
from gapscan.bridge.limits import LEAST_AT, LEAST_TIMELINE, QUESTIONS
from gapscan.bridge.past import refusal
from gapscan.bridge.session import BrowserSession
from gapscan.errors import GapscanError
from gapscan.obs import Tally, logger
from gapscan.protocol import websocket
from gapscan.protocol.codes import RATE_LIMITED, UNAVAILABLE, ErrorCode
from gapscan.protocol.messages import Near, Why
from gapscan.protocol.past import AskTimeline, Past, Timeline
from gapscan.protocol.websocket import AskNear, AskWhy, Question, RefusedError
from gapscan.runtime import end

OF_RANKER: Final = (AskWhy, AskNear)
Told = Why | Near | Past | Timeline
Ask = Callable[[Question], Awaitable[Told]]

_TOGETHER: Final = 8  # questions of all clients that are asked at a time
SHARED_SECONDS: Final = 1.0  # those who ask the same get the same bytes; a ranker answers some fifty times a second
_KEPT: Final = 256
_KEPT_BYTES: Final = 4 * 1024 * 1024

_log = logger("bridge")


class _Made(NamedTuple):
    at: float
    message: Message


class Questions:
    """All questions of all clients. `ask` raises GapscanError when there is no answer."""

    def __init__(self, ask: Ask, tally: Tally, clock: Clock) -> None:
        self._ask = ask
        self._tally = tally
        self._clock = clock
        self._waiting: dict[BrowserSession, deque[Question]] = {}
        self._tasks: dict[BrowserSession, asyncio.Task[None]] = {}
        self._together = asyncio.Semaphore(_TOGETHER)
        self._made: dict[Question, _Made] = {}

    def put(self, session: BrowserSession, question: Question) -> None:
        """Answer `question` when those before it are answered. Raises RefusedError when too many are."""
        waiting = self._waiting.setdefault(session, deque())
        if len(waiting) >= QUESTIONS:
            message = f"{QUESTIONS} questions of this client are unanswered"
            raise _refused(RATE_LIMITED, message, question)
        if not isinstance(question, OF_RANKER) and session.answers.wait(self._clock()):
            raise _refused(RATE_LIMITED, "this client has had its share of answers: later there is more", question)
        waiting.append(question)
        if session not in self._tasks:
            self._tasks[session] = asyncio.create_task(self._answer_all(session, waiting), name="answer a client")

    async def forget(self, session: BrowserSession) -> None:
        """A client has gone."""
        self._waiting.pop(session, None)
        if task := self._tasks.pop(session, None):
            await end(task)

    async def close(self) -> None:
        """Answer nothing more."""
        for session in tuple(self._tasks):
            await self.forget(session)

    async def _answer_all(self, session: BrowserSession, waiting: deque[Question]) -> None:
        while waiting:
            try:
                message = await self.answer(waiting[0])
            except RefusedError as refusal:
                session.refuse(refusal)
            else:
                self._tally.count("answers")
                if not isinstance(waiting[0], OF_RANKER):
                    least = LEAST_TIMELINE if isinstance(waiting[0], AskTimeline) else LEAST_AT
                    session.answers.spend(self._clock(), max(len(message.payload), least))
                if not session.send(message):
                    self._tally.count("answers_skipped")
            waiting.popleft()
        self._waiting.pop(session, None)
        self._tasks.pop(session, None)

    async def answer(self, question: Question) -> Message:
        """The answer to `question`, which may be a second old. Raises RefusedError when there is none."""
        async with self._together:
            made = self._made.get(question)
            if made is None or self._clock() - made.at >= SHARED_SECONDS:
                made = self._keep(question, await self._asked(question))
            return made.message

    def _keep(self, question: Question, told: Told) -> _Made:
        self._made.pop(question, None)
        made = self._made[question] = _Made(self._clock(), Message(websocket.encode(told)))
        while len(self._made) > _KEPT or (len(self._made) > 1 and self._bytes() > _KEPT_BYTES):
            del self._made[next(iter(self._made))]
        return made

    async def _asked(self, question: Question) -> Told:
        try:
            return await self._ask(question)
        except GapscanError as error:
            if not isinstance(question, OF_RANKER):
                raise refusal(error, question.list) from None
            self._tally.trouble("unanswered", f"a client's question got no answer: {error}")
            raise _refused(UNAVAILABLE, error.message, question) from None
        except Exception:  # noqa: BLE001  # a question must end neither the connection nor the bridge
            self._tally.count("client_crashed")
            _log.exception("asking a client's question failed")
            message = "the question could not be asked"
            raise _refused(UNAVAILABLE, message, question) from None

    def _bytes(self) -> int:
        return sum(len(made.message.payload) for made in self._made.values())


def _refused(code: ErrorCode, message: str, question: Question) -> RefusedError:
    return RefusedError(code, message, question.list, question.symbol if isinstance(question, AskWhy) else None)
