"""Questions to the ranker that leads, one after the other: why a symbol is in a list, who nearly is, and what a list
would have that nobody has added.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from nats.aio.msg import Msg

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.bus.nats_compat import server_has_all
from gapscan.errors import ProtocolError
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.messages import Message, Near, NearRequest, Preview, PreviewRequest, Why, WhyRequest
from gapscan.runtime import end
from gapscan.service.micro import Endpoint

_WAITING: Final = 64  # questions; what comes on top is dropped, and its asker asks again
_PREVIEWS: Final = 16
_PAUSE: Final = 0.02  # seconds between two answers: many askers must not hold up the ranking

_log = logger("ranker")

AnswerWhy = Callable[[WhyRequest], Why]
AnswerNear = Callable[[NearRequest], Near]
AnswerPreview = Callable[[PreviewRequest], Preview]
Answer = Callable[[Message], Message]


def why_endpoint(bus: Bus) -> Endpoint:
    """The questions as an endpoint of the ranker's service."""
    schemas = {"request_schema": "schemas/why_request.schema.json", "response_schema": "schemas/why.schema.json"}
    return Endpoint(name="why", subject=bus.names.why, metadata=schemas)


def preview_endpoint(bus: Bus) -> Endpoint:
    """Previews as an endpoint of their own: readers of lists have no right to ask it, for it costs a ranking."""
    schemas = {
        "request_schema": "schemas/preview_request.schema.json",
        "response_schema": "schemas/preview.schema.json",
    }
    return Endpoint(name="preview", subject=bus.names.preview, metadata=schemas)


@asynccontextmanager
async def answering(
    bus: Bus, answer: AnswerWhy, tally: Tally, endpoint: Endpoint | None = None, near: AnswerNear | None = None
) -> AsyncIterator[None]:
    """Answer what is asked about lists that there are, for as long as the block runs. Raises BusError."""

    def answered(question: Message) -> Message:
        if isinstance(question, NearRequest) and near:
            return near(question)
        if isinstance(question, WhyRequest):
            return answer(question)
        raise _no_question(question)

    async with _answering(bus, answered, tally, endpoint or why_endpoint(bus), _WAITING):
        yield


@asynccontextmanager
async def answering_previews(
    bus: Bus, answer: AnswerPreview, tally: Tally, endpoint: Endpoint | None = None
) -> AsyncIterator[None]:
    """Answer what lists would have, for as long as the block runs. Raises BusError."""

    def answered(question: Message) -> Message:
        if isinstance(question, PreviewRequest):
            return answer(question)
        raise _no_question(question)

    async with _answering(bus, answered, tally, endpoint or preview_endpoint(bus), _PREVIEWS):
        yield


def _no_question(message: Message) -> ProtocolError:
    return ProtocolError(f"a {type(message).__name__.lower()} is no question here")


@asynccontextmanager
async def _answering(bus: Bus, answered: Answer, tally: Tally, endpoint: Endpoint, most: int) -> AsyncIterator[None]:
    """Answer questions for as long as the block runs: the ranker that leads does. Raises BusError.

    There is no queue group: a leader that was frozen would get a share of the questions, and answer none of them.
    When the block begins, the server knows who answers: it would tell who asks earlier that nobody does.
    """
    waiting: asyncio.Queue[Msg] = asyncio.Queue(most)

    async def on_message(message: Msg) -> None:
        try:
            waiting.put_nowait(message)
        except asyncio.QueueFull:
            tally.trouble("why_dropped", "more is asked than can be answered; questions are dropped")

    try:
        subscription = await bus.nc.subscribe(endpoint.subject, cb=on_message)
    except NATS_ERRORS as error:
        raise translated(error, f"listening to {endpoint.subject}") from error
    task = asyncio.create_task(_answer_all(waiting, answered, tally, endpoint), name=endpoint.name)
    try:
        with suppress(*NATS_ERRORS):  # without a link nobody can ask; it is announced when the link is back
            await server_has_all(bus.nc, REQUEST_SECONDS)
        yield
    finally:
        await end(task)
        await bus.unsubscribe(subscription)


async def _answer_all(waiting: asyncio.Queue[Msg], answered: Answer, tally: Tally, endpoint: Endpoint) -> None:
    while True:
        message = await waiting.get()
        try:
            with endpoint.measured():
                await message.respond(encode(answered(decode(message.data))))
            tally.count("why_answered")
        except ProtocolError as error:
            tally.trouble("why_unreadable", f"a question cannot be read: {error.message}")
        except Exception:  # noqa: BLE001  # a question must not end the ranking
            tally.count("why_failed")
            _log.exception("a question could not be answered")
        await asyncio.sleep(_PAUSE)
