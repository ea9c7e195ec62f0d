"""Clients' questions to the ranker: one at a time for each client, a few for all, and none of them holds a list up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from gapscan.bridge.encodings import Message
from gapscan.bridge.fanout import Clock
from gapscan.bridge.limits import QUESTIONS
from gapscan.bridge.session import BrowserSession
from gapscan.errors import GapscanError
from gapscan.obs import Tally, logger
from gapscan.protocol import codec
from gapscan.protocol.messages import Why
from gapscan.protocol.websocket import RATE_LIMITED, UNAVAILABLE, AskWhy, RefusedError
from gapscan.runtime import end

Ask = Callable[[str, str | None], Awaitable[Why]]

_TOGETHER: Final = 8  # questions of all clients that the ranker has at a time
SHARED_SECONDS: Final = 1.0  # those who ask the same get the same bytes; a ranker answers some fifty times a second
_KEPT: Final = 256

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
        self._waiting: dict[BrowserSession, deque[AskWhy]] = {}
        self._tasks: dict[BrowserSession, asyncio.Task[None]] = {}
        self._together = asyncio.Semaphore(_TOGETHER)
        self._made: dict[AskWhy, _Made] = {}

    def put(self, session: BrowserSession, question: AskWhy) -> None:
        """Answer `question` when those before it are answered. Raises RefusedError when too many are."""
        waiting = self._waiting.setdefault(session, deque())
        if len(waiting) >= QUESTIONS:
            message = f"{QUESTIONS} questions of this client are unanswered"
            raise RefusedError(RATE_LIMITED, message, question.list, question.symbol)
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

    async def _answer_all(self, session: BrowserSession, waiting: deque[AskWhy]) -> None:
        while waiting:
            try:
                message = await self.answer(waiting[0])
            except RefusedError as refusal:
                session.refuse(refusal)
            else:
                self._tally.count("answers")
                if not session.send(message):
                    self._tally.count("answers_skipped")
            waiting.popleft()
        self._waiting.pop(session, None)
        self._tasks.pop(session, None)

    async def answer(self, question: AskWhy) -> Message:
        """The answer to `question`, which may be a second old. Raises RefusedError when there is none."""
        async with self._together:
            made = self._made.get(question)
            if made is None or self._clock() - made.at >= SHARED_SECONDS:
                made = self._keep(question, await self._asked(question))
            return made.message

    def _keep(self, question: AskWhy, why: Why) -> _Made:
        self._made.pop(question, None)
        made = self._made[question] = _Made(self._clock(), Message(codec.encode(why)))
        while len(self._made) > _KEPT:
            del self._made[next(iter(self._made))]
        return made

    async def _asked(self, question: AskWhy) -> Why:
        try:
            return await self._ask(question.symbol, question.list)
        except GapscanError as error:
            self._tally.trouble("unanswered", f"a client's question got no answer: {error}")
            raise RefusedError(UNAVAILABLE, error.message, question.list, question.symbol) from None
        except Exception:  # noqa: BLE001  # a question must end neither the connection nor the bridge
            self._tally.count("client_crashed")
            _log.exception("asking a client's question failed")
            message = "the question could not be asked"
            raise RefusedError(UNAVAILABLE, message, question.list, question.symbol) from None
