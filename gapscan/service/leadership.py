"""A job of which there is one: whoever gets its lease leads, the others stand by and take over when it is gone."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from gapscan.bus.client import Bus
from gapscan.bus.lease import LeaseHolder
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.errors import BusError, FencedError, GapscanError
from gapscan.obs import Tally, logger
from gapscan.runtime import Backoff, end
from gapscan.service.connecting import retention
from gapscan.service.retrying import RETRY_FIRST, retrying


class LeaseLostError(GapscanError):
    """Another process leads now."""


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


def lease_for(bus: Bus, job: str, config: Config, *, patient: bool = False) -> LeaseHolder:
    """This process's claim to `job`."""
    instance = config.service.instance
    holder = f"{instance}/{job}" if instance else f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    return LeaseHolder(bus, job, holder, config.ranker.lease, patient)


class Leadership:
    """One process's share in a job: leads when it may, stands by when it may not.

    A `patient` one goes on leading while NATS is away. Its lease is not `in_force` then.
    """

    def __init__(self, bus: Bus, job: str, config: Config, tally: Tally, *, patient: bool = False) -> None:
        self._bus = bus
        self._job = job
        self._config = config
        self._tally = tally
        self._lease = lease_for(bus, job, config, patient=patient)
        self._holding: asyncio.Task[None]  # of the present term

    @property
    def leader(self) -> str:
        """Who leads, as far as this process knows."""
        return self._lease.held_by

    @property
    def in_force(self) -> bool:
        """Whether this process leads and was heard to within the life of its lease: no other one leads then."""
        return self._lease.in_force

    async def confirm(self) -> bool:
        """Ask NATS whether this process leads. Raises BusError when it does not say."""
        return await self._lease.renew()

    def report_standby(self) -> dict[str, Any]:
        """What `gapscan status` shows of a process that stands by: who leads, and for how many seconds nothing was
        heard of him."""
        return {
            "role": "standby",
            "leader": self.leader,
            "lease": self._config.ranker.lease,
            "unrenewed": round(self._lease.unrenewed, 1),
        }

    async def run(self, term: Callable[[], Awaitable[None]]) -> None:
        """Lead and stand by in turn, for ever. `term` leads once, until another writer shows or the lease is lost.

        After one that failed soon the next waits, longer and longer, up to the life of a lease: another may do better.

        The lease is renewed from the moment that it is taken: to recover what is led may take longer than it lasts.
        Raises ConfigError when another process of the same name leads.
        """
        async with self._lease.answering():
            await self._take_turns(term)

    async def _take_turns(self, term: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(RETRY_FIRST, self._config.ranker.lease)
        while True:
            await self._stand_by()
            began = time.monotonic()
            self._holding = asyncio.create_task(self._hold())
            self._tally.count("terms")
            try:
                await term()
            except* (FencedError, LeaseLostError) as lost:
                self._tally.trouble("terms_lost", f"standing by: {lost.exceptions[0]}")
            except* BusError as failed:
                if failed.subgroup(lambda error: isinstance(error, BusError) and not error.retry):
                    raise
                self._tally.trouble("terms_failed", f"standing by: {failed.exceptions[0]}")
            finally:
                await end(self._holding)
                with suppress(BusError):
                    await self._lease.release()
            gc.collect()  # a term refers to itself in many ways, and is large
            if time.monotonic() - began > self._config.ranker.lease:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    async def while_held(self, *jobs: Coroutine[Any, Any, None]) -> None:
        """Run `jobs` together until the first of them fails, or the lease is lost (LeaseLostError).

        To be called by the term that `run` runs.
        """
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await asyncio.wait([*tasks, self._holding], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(*tasks)
        failures = [error for task in (*tasks, self._holding) if (error := _failure(task))]
        if failures:
            raise failures[0]

    async def _hold(self) -> None:
        await self._lease.keep()
        raise LeaseLostError(f"{self.leader} leads now")

    async def _stand_by(self) -> None:
        said = ""
        while not await retrying(self._job, "taking the lease", self._claim):
            if said != self.leader:
                said = self.leader
                logger(self._job).warning("standing by: another one leads", extra={"leader": said})
            await asyncio.sleep(self._config.ranker.lease / 3)

    async def _claim(self) -> bool:
        try:
            return await self._lease.try_acquire()
        except BusError:
            # A server that lost its disk has no bucket for leases either.
            await ensure_shared(self._bus, retention(self._config))
            raise
