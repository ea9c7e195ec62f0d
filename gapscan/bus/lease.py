"""A job that one process does at a time: whoever holds its lease. Others stand by and take over when it lapses.

The lease is a value with a time to live in a key-value bucket. It decides who tries; what guards the data is the
sequence that every publish expects.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from gapscan.bus import keyvalue
from gapscan.bus.client import Bus
from gapscan.bus.publish import OvertakenError
from gapscan.errors import BusError, ProtocolError
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Lease

_FREE: Final = ""  # the holder of a lease that was given back
_RENEWALS: Final = 3  # tries within one time to live


@dataclass
class LeaseHolder:
    """One process's claim to `job`. `holder` names it; the same name takes over from itself at once."""

    bus: Bus
    job: str
    holder: str
    seconds: float
    held_by: str = _FREE
    _revision: int = 0

    @property
    def held(self) -> bool:
        """Whether this process holds the lease, as far as it knows."""
        return self.held_by == self.holder

    async def try_acquire(self) -> bool:
        """Take the lease if it is free. Raises BusError."""
        current, revision = await self._current()
        if current not in (_FREE, self.holder):
            self.held_by = current
            return False
        return await self._write(self.holder, revision)

    async def renew(self) -> bool:
        """Hold on for another `seconds`; False when another process has it. Raises BusError."""
        return await self._write(self.holder, self._revision) or await self.try_acquire()

    async def keep(self) -> None:
        """Renew for as long as the lease can be held; returns when it is lost."""
        loop = asyncio.get_running_loop()
        expires = loop.time() + self.seconds
        while loop.time() < expires:
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

    async def _current(self) -> tuple[str, int]:
        stored = await keyvalue.get(self.bus, names.BUCKET_LEASES, self.job)
        if stored is None:
            return _FREE, 0
        try:
            return decode_as(Lease, stored.data).holder, stored.sequence
        except ProtocolError:
            return _FREE, stored.sequence

    async def _write(self, holder: str, revision: int) -> bool:
        headers = {
            names.HEADER_EXPECTED_SUBJECT_SEQUENCE: str(revision),
            names.HEADER_TTL: f"{max(1, round(self.seconds))}s",
        }
        lease = encode(Lease(self.job, holder))
        try:
            self._revision = await keyvalue.put(self.bus, names.BUCKET_LEASES, self.job, lease, headers)
        except OvertakenError:
            return False
        self.held_by = holder
        return True
