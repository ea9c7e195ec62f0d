"""A job that one process does at a time: whoever holds its lease. Others stand by and take over when it lapses.

The lease is a value with a time to live in a key-value bucket. It decides who tries; what guards the data is the
sequence that every publish expects. What no sequence can guard, such as a message that is not stored, its holder does
only while he is certain.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from gapscan.bus import keyvalue
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.publish import OvertakenError
from gapscan.errors import BusError, ConfigError, ProtocolError
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Lease

_FREE: Final = ""  # the holder of a lease that was given back
_RENEWALS: Final = 3  # tries within one time to live
_ANSWER_SECONDS: Final = 1.0  # for a process that lives to say so; of one that has ended, the server says it at once


@dataclass
class LeaseHolder:
    """One process's claim to `job`. `holder` names it; the same name takes over at once from one that is dead.

    One that is `patient` does not give up its claim because NATS is away: if somebody else got it, NATS will say so.
    """

    bus: Bus
    job: str
    holder: str
    seconds: float
    patient: bool = False
    held_by: str = _FREE
    _revision: int = 0
    _expires: float = 0.0  # monotonic; the server counts from later on
    _seen: tuple[int, float] = (0, 0.0)  # the revision of another's lease, and since when it is that, monotonic
    _address: str = field(init=False)

    def __post_init__(self) -> None:
        self._address = self.bus.nc.new_inbox()

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Let a process of the same name know that this one lives. Raises BusError."""

        async def answer(message: Msg) -> None:
            if message.reply:
                await self.bus.nc.publish(message.reply, f"process {os.getpid()} on {socket.gethostname()}".encode())

        try:
            subscription = await self.bus.nc.subscribe(self._address, cb=answer)
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to what others of this name ask") from error
        try:
            yield
        finally:
            await self.bus.unsubscribe(subscription)

    @property
    def held(self) -> bool:
        """Whether this process holds the lease, as far as it knows."""
        return self.held_by == self.holder

    @property
    def in_force(self) -> bool:
        """Whether nobody else can have the lease at this moment: a process that stood still may only believe it."""
        return self.held and time.monotonic() < self._expires

    @property
    def unrenewed(self) -> float:
        """For how many seconds another's lease was not seen renewed; 0 for one's own."""
        revision, since = self._seen
        return 0.0 if self.held or not revision else time.monotonic() - since

    async def try_acquire(self) -> bool:
        """Take the lease if it is free. Raises BusError; ConfigError when another process of this name has it."""
        current, revision = await self._current()
        if current.holder not in (_FREE, self.holder):
            self.held_by = current.holder
            if self._seen[0] != revision:
                self._seen = (revision, time.monotonic())
            return False
        if current.holder == self.holder and current.address not in ("", self._address):
            await self._refuse_namesake(current.address)
        return await self._write(self.holder, revision)

    async def _refuse_namesake(self, address: str) -> None:
        try:
            answer = await self.bus.nc.request(address, b"", timeout=_ANSWER_SECONDS)
        except (NoRespondersError, TimeoutError):
            return  # it is dead: its successor is here
        except NATS_ERRORS as error:
            raise translated(error, "asking the lease's holder") from error
        other = answer.data.decode("utf-8", "replace")
        raise ConfigError(
            f"another process has the name {self.holder!r} for the job {self.job}: {other}",
            remedy="end it, or give this one another `instance` in [service]",
        )

    async def renew(self) -> bool:
        """Hold on for another `seconds`; False when another process has it. Raises BusError."""
        return await self._write(self.holder, self._revision) or await self.try_acquire()

    async def keep(self) -> None:
        """Renew for as long as the lease can be held; returns when it is lost. Raises ConfigError as `try_acquire`."""
        loop = asyncio.get_running_loop()
        expires = loop.time() + self.seconds
        while self.patient or loop.time() < expires:
            await asyncio.sleep(self.seconds / _RENEWALS)
            try:
                if not await self.renew():
                    return
            except BusError:
                continue
            expires = loop.time() + self.seconds

    async def release(self) -> None:
        """Give the lease back, so that another need not wait for it to lapse. Raises BusError."""
        if self.held:
            await self._write(_FREE, self._revision)

    async def _current(self) -> tuple[Lease, int]:
        stored = await keyvalue.get(self.bus, self.bus.names.bucket_leases, self.job)
        if stored is None:
            return Lease(self.job, _FREE), 0
        try:
            return decode_as(Lease, stored.data), stored.sequence
        except ProtocolError:
            return Lease(self.job, _FREE), stored.sequence

    async def _write(self, holder: str, revision: int) -> bool:
        headers = {
            names.HEADER_EXPECTED_SUBJECT_SEQUENCE: str(revision),
            names.HEADER_TTL: f"{math.ceil(self.seconds)}s",  # the server knows whole seconds only
        }
        lease = encode(Lease(self.job, holder, self._address))
        began = time.monotonic()
        try:
            self._revision = await keyvalue.put(self.bus, self.bus.names.bucket_leases, self.job, lease, headers)
        except OvertakenError:
            return False
        self.held_by = holder
        self._expires = began + self.seconds
        return True
