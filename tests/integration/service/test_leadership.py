"""A job of which there is one, whatever happens to a leader that has only begun."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.lease import LeaseHolder
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config, NatsSection, RankerSection, ServiceSection
from gapscan.errors import BusError, ConfigError, TopologyError
from gapscan.obs import Tally, logger
from gapscan.runtime import end
from gapscan.service.connecting import retention
from gapscan.service.leadership import Leadership, lease_for
from tests.support.nats import NatsServer
from tests.support.until import until

LEASE = 2.0


def a_config(server: NatsServer, name: str, lease: float = LEASE) -> Config:
    return Config(
        nats=NatsSection(url=server.url), ranker=RankerSection(lease=lease), service=ServiceSection(instance=name)
    )


def a_share(bus: Bus, config: Config) -> Leadership:
    return Leadership(bus, "ranker", config, Tally(logger("ranker")))


async def test_who_recovers_for_longer_than_the_lease_lasts_keeps_it(nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "test") as bus:
        first, second = (a_share(bus, a_config(nats_server, name)) for name in ("first", "second"))
        await ensure_shared(bus, retention(a_config(nats_server, "first")))
        begun, led = [], []

        def term(share: Leadership, name: str, recovery: float) -> Callable[[], Awaitable[None]]:
            async def lead() -> None:
                begun.append(name)
                await asyncio.sleep(recovery)
                led.append(name)
                await share.while_held(asyncio.sleep(LEASE))

            return lead

        leading = asyncio.create_task(first.run(term(first, "first", 2.5 * LEASE)))
        await until(lambda: begun, "the first one's lease")
        waiting = asyncio.create_task(second.run(term(second, "second", 0.0)))
        try:
            await until(lambda: led, "somebody leading")
            assert led == begun == ["first"], "its recovery took longer than a lease, and nobody came between"
        finally:
            await end(leading, waiting)


async def test_of_two_with_one_name_the_second_one_ends_and_says_why(nats_server: NatsServer) -> None:
    config = a_config(nats_server, "one", lease=1.0)
    async with (
        connect(BusOptions(nats_server.url), "first") as bus,
        connect(BusOptions(nats_server.url), "second") as other_bus,
    ):
        await ensure_shared(bus, retention(config))
        first, second = a_share(bus, config), a_share(other_bus, config)
        terms: list[str] = []

        async def lead() -> None:
            terms.append("first")
            await first.while_held(_for_ever())

        job = asyncio.create_task(first.run(lead))
        try:
            await until(lambda: terms, "the first one's term")
            with pytest.raises(
                ConfigError, match=f"another process has the name 'one/ranker'.*process {os.getpid()} on"
            ):
                await second.run(_for_ever)
            await asyncio.sleep(2.0)
            assert not job.done()
            assert terms == ["first"], "the first one went on"
        finally:
            await end(job)


async def test_who_has_the_name_of_a_dead_one_takes_over_at_once(nats_server: NatsServer) -> None:
    config = a_config(nats_server, "one", lease=30.0)
    async with connect(BusOptions(nats_server.url), "second") as bus:
        await ensure_shared(bus, retention(config))
        async with connect(BusOptions(nats_server.url), "first") as gone:
            lease = lease_for(gone, "ranker", config)
            async with lease.answering():
                assert await lease.try_acquire()
        begun = asyncio.Event()

        async def lead() -> None:
            begun.set()
            await _for_ever()

        job = asyncio.create_task(a_share(bus, config).run(lead))
        try:
            async with asyncio.timeout(5):
                await begun.wait()
        finally:
            await end(job)


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def test_nats_failing_in_a_recovery_ends_the_term_and_not_the_service(nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "test") as bus:
        config = a_config(nats_server, "one", lease=1.0)
        await ensure_shared(bus, retention(config))
        share = a_share(bus, config)
        tries: list[int] = []

        async def lead() -> None:
            tries.append(len(tries))
            if len(tries) == 1:
                raise BusError("NATS did not answer in time")
            await share.while_held(_for_ever())

        job = asyncio.create_task(share.run(lead))
        try:
            await until(lambda: len(tries) == 2, "a second term")
            assert not job.done()
        finally:
            await end(job)


async def test_what_no_waiting_can_heal_ends_the_service(nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "test") as bus:
        config = a_config(nats_server, "one", lease=1.0)
        await ensure_shared(bus, retention(config))

        async def lead() -> None:
            raise TopologyError("a stream is in the way")

        with pytest.raises(ExceptionGroup) as raised:
            await a_share(bus, config).run(lead)
        assert raised.group_contains(TopologyError)


async def test_a_lease_is_in_force_no_longer_than_it_was_renewed_for(nats_server: NatsServer) -> None:
    """Whoever stands still, or does not hear NATS, may go on believing that it has it."""
    async with connect(BusOptions(nats_server.url), "test") as bus:
        config = a_config(nats_server, "one", lease=1.0)
        await ensure_shared(bus, retention(config))
        lease = LeaseHolder(bus, "ranker", "one", 1.0)
        assert await lease.try_acquire()
        assert lease.in_force
        time.sleep(1.1)  # noqa: ASYNC251 - nothing of this process goes on
        assert lease.held
        assert not lease.in_force
        assert await lease.renew()
        assert lease.in_force
