"""A NATS micro service (ADR-32): found by $SRV.PING, described by $SRV.INFO, measured by $SRV.STATS.

nats.micro of nats-py is not used: its end cancels whoever is answering, an endpoint cannot be without a queue group nor
come and go, and an exception's text goes to the asker.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, Final

import msgspec
from msgspec import Struct, field
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from gapscan import __version__
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.obs import logger

_log = logger("service")

Document = dict[str, Any]
Answer = Callable[[bytes], bytes]

ERROR_HEADER: Final = "Nats-Service-Error"
ERROR_CODE_HEADER: Final = "Nats-Service-Error-Code"
_PREFIX: Final = "$SRV"
_TYPE: Final = "io.nats.micro.v1."
_DRAIN_SECONDS: Final = 0.5  # for what has come to be answered


class Endpoint(Struct, kw_only=True, eq=False):
    """One subject that is answered, and what came of it. Times are ns. Without a `queue_group` all instances hear."""

    name: str
    subject: str
    queue_group: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    data: Callable[[], Document] | None = None
    requests: int = 0
    errors: int = 0
    last_error: str = ""
    busy: int = 0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count what the block does as the answer to one request; of what it raises only the kind is kept."""
        began = time.perf_counter_ns()
        self.requests += 1
        try:
            yield
        except Exception as error:
            self.errors += 1
            self.last_error = type(error).__name__
            raise
        finally:
            self.busy += time.perf_counter_ns() - began

    def info(self) -> Document:
        """As INFO shows it."""
        return {**self._identity(), "metadata": dict(self.metadata)}

    def stats(self) -> Document:
        """As STATS shows it."""
        figures = {
            "num_requests": self.requests,
            "num_errors": self.errors,
            "last_error": self.last_error,
            "processing_time": self.busy,
            "average_processing_time": self.busy // self.requests if self.requests else 0,
        }
        return {**self._identity(), **figures, **({"data": self.data()} if self.data else {})}

    def _identity(self) -> Document:
        return {"name": self.name, "subject": self.subject, "queue_group": self.queue_group}


class MicroService:
    """One instance of a service. `endpoints` says those that there are at the moment: others may answer them."""

    def __init__(
        self,
        bus: Bus,
        name: str,
        description: str,
        metadata: Mapping[str, str],
        endpoints: Callable[[], Iterable[Endpoint]],
    ) -> None:
        self._bus = bus
        self._name = name
        self._description = description
        self._metadata = dict(metadata)
        self._endpoints = endpoints
        self._id = bus.nc.new_inbox().rpartition(".")[2]
        self._started = dt.datetime.now(dt.UTC)

    def ping(self) -> Document:
        """The answer to PING."""
        return self._identity("ping_response")

    def info(self) -> Document:
        """The answer to INFO."""
        endpoints = [endpoint.info() for endpoint in self._endpoints()]
        return {**self._identity("info_response"), "description": self._description, "endpoints": endpoints}

    def stats(self) -> Document:
        """The answer to STATS."""
        endpoints = [endpoint.stats() for endpoint in self._endpoints()]
        started = self._started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {**self._identity("stats_response"), "started": started, "endpoints": endpoints}

    def _identity(self, kind: str) -> Document:
        who = {"name": self._name, "id": self._id, "version": __version__, "metadata": self._metadata}
        return {"type": _TYPE + kind, **who}

    @asynccontextmanager
    async def answering(self, *answers: tuple[Endpoint, Answer]) -> AsyncIterator[None]:
        """Answer discovery, and these endpoints, for as long as the block runs; what came before its end, too.

        Raises BusError.
        """
        subscriptions: list[Subscription] = []
        try:
            for subject, document in self._control_subjects():
                subscriptions += [await self._listen(subject, "", _encoded(document))]
            for endpoint, answer in answers:
                subscriptions += [await self._listen(endpoint.subject, endpoint.queue_group, answer, endpoint)]
            yield
        finally:
            await self._drain(subscriptions)

    def _control_subjects(self) -> Iterator[tuple[str, Callable[[], Document]]]:
        for verb, document in (("PING", self.ping), ("INFO", self.info), ("STATS", self.stats)):
            for whom in ("", f".{self._name}", f".{self._name}.{self._id}"):
                yield f"{_PREFIX}.{verb}{whom}", document

    async def _listen(self, subject: str, queue: str, answer: Answer, endpoint: Endpoint | None = None) -> Subscription:
        async def on_request(message: Msg) -> None:
            if message.reply:
                await self._respond(message, answer, endpoint)

        try:
            return await self._bus.nc.subscribe(subject, queue=queue, cb=on_request)
        except NATS_ERRORS as error:
            raise translated(error, f"listening to {subject}") from error

    async def _respond(self, message: Msg, answer: Answer, endpoint: Endpoint | None) -> None:
        """Answer one request. It is the edge: whatever is wrong with one answer, the next one is given."""
        payload, headers = b"", None
        try:
            with endpoint.measured() if endpoint else nullcontext():
                payload = answer(message.data)
        except Exception as error:  # noqa: BLE001
            # Its text may hold what the asker must not see; the log has it.
            _log.error("%s cannot be answered: %r", message.subject, error)
            headers = {ERROR_HEADER: "the service failed; its log says why", ERROR_CODE_HEADER: "500"}
        with suppress(*NATS_ERRORS):  # the link was lost at this moment: whoever asked asks again
            await self._bus.nc.publish(message.reply, payload, headers=headers)

    async def _drain(self, subscriptions: Iterable[Subscription]) -> None:
        with suppress(*NATS_ERRORS):  # without a link nobody waits for an answer
            async with asyncio.timeout(_DRAIN_SECONDS):
                if self._bus.connected:
                    await asyncio.gather(*(subscription.drain() for subscription in subscriptions))  # type: ignore[no-untyped-call]
        await self._bus.unsubscribe(*subscriptions)


def _encoded(document: Callable[[], Document]) -> Answer:
    return lambda _request: msgspec.json.encode(document())
