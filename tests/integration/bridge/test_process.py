"""The service as it is deployed: a process of its own, on its own event loop, killed and stopped for real."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from gapscan.bridge.io_uring import IoUring
from gapscan.bus.client import Bus
from gapscan.config import BridgeSection, Config, NatsSection, ServiceSection, as_environment
from gapscan.protocol.codes import SHUTDOWN
from gapscan.supervisor import ports
from tests.support.bridge import Browser, RawClient, wide_list
from tests.support.lists import Published
from tests.support.nats import NatsServer

PATIENCE = 30.0
CROWD = 80  # so many at least that one system call serves them


class BridgeProcess:
    """A bridge that can be killed, and started again on its port."""

    def __init__(self, nats_url: str, *, io_uring: bool = True) -> None:
        self.port = ports.free_port()
        section = BridgeSection(port=self.port, window=0.02, slow_after=0.5, io_uring=io_uring)
        config = Config(nats=NatsSection(url=nats_url), bridge=section, service=ServiceSection(instance="test"))
        self._env = {**os.environ, **as_environment(config)}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def start(self) -> None:
        assert self._process is None or self._process.returncode is not None, "it runs still"
        command = (sys.executable, "-m", "gapscan.supervisor.run_service", "bridge")
        self._process = await asyncio.create_subprocess_exec(*command, env=self._env)
        await ports.listening(self.port, PATIENCE)

    async def end(self, *, kill: bool = False) -> int:
        """Its exit code. One that does not stop when asked is killed."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill() if kill else self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), PATIENCE)
        finally:
            if self._process.returncode is None:
                self._process.kill()

    async def figure(self, name: str) -> float:
        """One of /metrics; 0 when it is not there."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        lines = (await reader.read()).decode().splitlines()
        writer.close()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " ")), 0.0)


@asynccontextmanager
async def bridge_process(nats_url: str, *, io_uring: bool = True) -> AsyncIterator[BridgeProcess]:
    process = BridgeProcess(nats_url, io_uring=io_uring)
    try:
        await process.start()
        yield process
    finally:
        await process.end(kill=True)


@asynccontextmanager
async def browsing(process: BridgeProcess, published: Published) -> AsyncIterator[Browser]:
    browser = Browser(process.url, {published.publisher.name: published})
    await browser.open()
    await browser.subscribe(published.publisher.name)
    try:
        yield browser
    finally:
        await browser.close()


async def test_exact_through_a_kill_and_a_stop(bus: Bus, nats_server: NatsServer) -> None:
    wide = await wide_list(bus)
    await wide.step(3)
    async with bridge_process(nats_server.url) as process, browsing(process, wide) as browser:
        await browser.reaches(wide)
        for _ in range(100):
            await wide.step()
        await browser.reaches(wide)
        await process.end(kill=True)
        assert await browser.closed() == 1006
        await wide.step(5)
        await process.start()
        await browser.open()
        await browser.subscribe("wide")
        await browser.reaches(wide)
        assert await process.end() == 0
        assert await browser.closed() == SHUTDOWN.code


async def test_a_client_that_never_reads(bus: Bus, nats_server: NatsServer) -> None:
    wide = await wide_list(bus)
    await wide.step()
    async with bridge_process(nats_server.url) as process, browsing(process, wide) as good:
        await good.reaches(wide)
        client = RawClient(process)
        await client.connect(receive_buffer=4096)
        await client.upgrade()
        await client.send({"action": "subscribe", "lists": [{"list": "wide"}]})
        while not await process.figure('gapscan_bridge_closes_total{code="slow"}'):
            await wide.step(20)
            await client.send({"action": "resync", "list": "wide"})
            await asyncio.sleep(0.06)
        await wide.step(3)
        await good.reaches(wide)
        async with asyncio.timeout(PATIENCE):
            while await process.figure("gapscan_bridge_clients") > 1:
                await asyncio.sleep(0.05)
        client.close()


@pytest.mark.parametrize("way", ["write", "io_uring"])
async def test_a_crowd_is_exact_whoever_stalls_in_it(bus: Bus, nats_server: NatsServer, way: str) -> None:
    """Some read in fits and starts, some never, some vanish: the rest are current, and all copies are exact."""
    if way == "io_uring":
        try:
            IoUring().close()
        except OSError as error:
            pytest.skip(f"no io_uring here: {error.strerror}")
    wide = await wide_list(bus)
    await wide.step()
    async with bridge_process(nats_server.url, io_uring=way == "io_uring") as process, AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(browsing(process, wide)) for _ in range(CROWD)]
        dead = [await deaf_client(process) for _ in range(4)]
        assert await process.figure(f'gapscan_bridge_writer{{writer="{way}"}}') == 1
        fitful, leavers, readers = crowd[:5], crowd[5:10], crowd[10:]
        for turn in range(60):
            for browser in fitful:
                assert browser.ws is not None
                transport = browser.ws.transport
                transport.resume_reading() if turn % 20 == 19 else transport.pause_reading()
            if turn % 12 == 0:
                leaver = leavers[turn // 12]
                assert leaver.ws is not None
                leaver.ws.transport.abort()
            for client in dead:
                with suppress(ConnectionError):
                    await client.send({"action": "resync", "list": "wide"})
            await wide.step(2)
            await asyncio.sleep(0.02)
        for browser in [*fitful, *readers]:
            await browser.reaches(wide)
            assert browser.close_code is None
        for client in dead:
            client.close()


async def deaf_client(process: BridgeProcess) -> RawClient:
    """One that asks for much and reads nothing."""
    client = RawClient(process)
    await client.connect(receive_buffer=4096)
    await client.upgrade()
    await client.send({"action": "subscribe", "lists": [{"list": "wide"}]})
    return client
