"""Reading stored messages by sequence or subject through JetStream's direct get.

Nothing here needs a consumer or stream permissions: direct get is all a reader is granted.
Batched gets are part of the server's direct-get API (ADR-31) that the client library has no call for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from nats.aio.msg import Msg
from nats.errors import NoRespondersError, TimeoutError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.bus.nats_compat import wait_for
from gapscan.errors import BusError, UnknownListError
from gapscan.protocol import names

_API: Final = "$JS.API"
_LAST: Final = "last_by_subj"
_STATUS: Final = "Status"
_END_OF_BATCH: Final = "204"
_NOT_FOUND: Final = "404"
ASK_AGAIN_SECONDS: Final = 0.3
_MOST_ASKED: Final = 6


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the stream holds it."""

    subject: str
    sequence: int
    data: bytes
    headers: dict[str, str]


class NoStreamError(BusError):
    """The stream does not exist, or may not be read."""


async def get_last(bus: Bus, stream: str, subject: str) -> Stored | None:
    """The last message on `subject`, or None. Raises NoStreamError or BusError."""
    found = await _batch(bus, stream, {_LAST: subject})
    return found[0] if found else None


async def get_last_matching(bus: Bus, stream: str, pattern: str) -> Stored | None:
    """The last message on any subject that matches `pattern`, or None. Raises NoStreamError or BusError."""
    found = await _batch(bus, stream, {_LAST: pattern})
    return found[0] if found else None


async def get_at(bus: Bus, stream: str, sequence: int) -> Stored | None:
    """The message with exactly this sequence, or None when it was never stored or is gone."""
    found = await get_from(bus, stream, sequence, 1)
    return found[0] if found and found[0].sequence == sequence else None


async def get_from(bus: Bus, stream: str, sequence: int, count: int, subject: str = "") -> list[Stored]:
    """Up to `count` messages from the first one at or after `sequence`, in order: all, or those on subjects like that.

    When messages from `sequence` on were trimmed, the first result has a higher sequence.
    """
    only = {"next_by_subj": subject} if subject else {}
    return await _batch(bus, stream, {"seq": max(1, sequence), "batch": count, **only})


async def get_latest(bus: Bus, stream: str, pattern: str, number: int) -> list[Stored]:
    """The last messages whose subjects match a pattern, at most `number`, in order."""
    last = max((one.sequence for one in await get_last_of_each(bus, stream, pattern)), default=0)
    span = number
    while last:
        found = await get_from(bus, stream, last - span + 1, span, pattern)
        if len(found) >= number or span >= last:
            return found[-number:]
        span *= 4  # others lie between them
    return []


async def get_next(bus: Bus, stream: str, subject: str, sequence: int, count: int) -> list[Stored]:
    """Up to `count` messages on `subject` (or a pattern), from the first one at or after `sequence`, in order."""
    return await _batch(bus, stream, {"seq": max(1, sequence), "next_by_subj": subject, "batch": count})


async def get_last_of_each(bus: Bus, stream: str, pattern: str) -> list[Stored]:
    """The last message of every subject that matches `pattern`."""
    return await _batch(bus, stream, {"multi_last": [pattern]})


async def confirmed_from(bus: Bus, stream: str, sequence: int, count: int) -> list[Stored]:
    """As `get_from`, for who draws conclusions: that `sequence` is missing is believed only if the leader says so.

    Any replica may answer a direct get, one that is behind as well.
    """
    found = await get_from(bus, stream, sequence, count)
    if found and found[0].sequence == sequence:
        return found
    held = await leader_at(bus, stream, sequence)
    return [held] if held else found


async def leader_at(bus: Bus, stream: str, sequence: int) -> Stored | None:
    """The message with this sequence as the stream's leader has it. Takes rights that readers do not have."""
    return await _of_leader(bus, stream, {"seq": sequence})


async def leader_last(bus: Bus, stream: str, subject: str) -> Stored | None:
    """The last message on `subject` as the stream's leader has it; None when there is none, or no stream."""
    return await _of_leader(bus, stream, {_LAST: subject})


async def _of_leader(bus: Bus, stream: str, query: dict[str, object]) -> Stored | None:
    subject, doing = f"{bus.api_prefix}.STREAM.MSG.GET.{stream}", f"reading stream {stream}"
    try:
        with bus.health.asking("ask_leader"):
            answer = await bus.nc.request(subject, msgspec.json.encode(query), timeout=REQUEST_SECONDS)
    except NATS_ERRORS as error:
        raise translated(error, doing) from error
    found = msgspec.json.decode(answer.data, type=_LeadersAnswer)
    if found.error is not None and found.error.code != int(_NOT_FOUND):
        raise BusError(f"NATS failed while {doing}: {found.error.description}")
    return found.message.stored() if found.message else None


class _Error(msgspec.Struct):
    code: int
    description: str = ""


class _Message(msgspec.Struct):
    subject: str
    seq: int
    data: bytes = b""
    hdrs: bytes = b""

    def stored(self) -> Stored:
        lines = self.hdrs.decode("utf-8", "replace").split("\r\n")[1:]
        headers = {name: value.strip() for name, mark, value in (line.partition(":") for line in lines) if mark}
        return Stored(self.subject, self.seq, self.data, headers)


class _LeadersAnswer(msgspec.Struct):
    message: _Message | None = None
    error: _Error | None = None


async def _batch(bus: Bus, stream: str, query: dict[str, object]) -> list[Stored]:
    try:
        with bus.health.asking():
            return await _first_answer(bus, stream, query)
    except NoRespondersError:
        raise NoStreamError(f"there is no stream {stream}") from None
    except NATS_ERRORS as error:
        raise translated(error, f"reading stream {stream}") from error


async def _first_answer(bus: Bus, stream: str, query: dict[str, object]) -> list[Stored]:
    """Ask, and while nothing comes ask again, which reaches another replica perhaps: a dead one is asked until the
    cluster takes it for dead.
    """
    heard = asyncio.Event()
    asked: set[asyncio.Task[list[Stored]]] = set()
    try:
        while not any(task.done() for task in asked):
            if not heard.is_set() and len(asked) < _MOST_ASKED:
                asked.add(asyncio.create_task(_ask(bus, stream, query, heard)))
            await asyncio.wait(asked, timeout=ASK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return _answer_of(asked)
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


def _answer_of(asked: set[asyncio.Task[list[Stored]]]) -> list[Stored]:
    """What came in whole, else what the first of them says."""
    done = [task for task in asked if task.done()]
    return next((task for task in done if not task.exception()), done[0]).result()


async def _ask(bus: Bus, stream: str, query: dict[str, object], heard: asyncio.Event) -> list[Stored]:
    answers = _Answers(heard, single=_LAST in query)
    async with _inbox(bus, answers) as inbox:
        address, payload = _request(stream, query)
        await bus.nc.publish(bus.api_prefix + address.removeprefix(_API), payload, reply=inbox)
        return await answers.all()


def _request(stream: str, query: dict[str, object]) -> tuple[str, bytes]:
    """Where to ask, and with what: a subject is a part of the request's own, so that a reader's rights can name it."""
    subject = query.get(_LAST)
    if subject and "*" not in str(subject):
        return names.direct_get_subject(stream, str(subject)), b""
    return names.direct_get_subject(stream), msgspec.json.encode(query)


@asynccontextmanager
async def _inbox(bus: Bus, answers: _Answers) -> AsyncIterator[str]:
    inbox = bus.nc.new_inbox()
    subscription = await bus.nc.subscribe(inbox, cb=answers.take)
    try:
        yield inbox
    finally:
        await bus.unsubscribe(subscription)


class _Answers:
    """What comes to one request. By a callback: the library makes a task of each message that is waited for."""

    def __init__(self, heard: asyncio.Event, *, single: bool) -> None:
        self._heard = heard
        self._single = single
        self._found: list[Stored] = []
        self._over = asyncio.Event()
        self._error: Exception | None = None

    async def take(self, message: Msg) -> None:
        """The next one."""
        self._heard.set()
        try:
            if not self._over.is_set() and self._is_last(message):
                self._over.set()
        except (BusError, NoRespondersError, LookupError, ValueError) as error:  # raised where it is waited for
            self._error = error
            self._over.set()

    def _is_last(self, message: Msg) -> bool:
        status = (message.headers or {}).get(_STATUS)
        if status is None:
            self._found.append(_stored(message))
            return self._single
        if status == "503":
            raise NoRespondersError
        if status not in (_END_OF_BATCH, _NOT_FOUND):
            raise BusError(f"direct get refused: {status} {(message.headers or {}).get('Description', '')}")
        return True

    async def all(self) -> list[Stored]:
        """All that came. Raises nats.errors.TimeoutError when for REQUEST_SECONDS nothing does."""
        count = -1
        while not self._over.is_set():
            if count == len(self._found):
                raise TimeoutError
            count = len(self._found)
            with suppress(asyncio.TimeoutError):
                await wait_for(self._over.wait(), REQUEST_SECONDS)
        if self._error is not None:
            raise self._error
        return self._found


def _stored(message: Msg) -> Stored:
    headers = message.headers or {}
    subject, sequence = headers.get(names.HEADER_SUBJECT, ""), int(headers[names.HEADER_SEQUENCE])
    return Stored(subject, sequence, message.data, headers)


def no_such_list(name: str) -> UnknownListError:
    """The error for a list that nobody publishes."""
    return UnknownListError(f"no list named {name} is published", remedy="`gapscan lists` shows the names")
