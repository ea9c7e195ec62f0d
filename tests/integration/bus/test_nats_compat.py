"""A cancel that arrives together with an answer is not lost inside nats-py, and a subscription can be waited for."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import nats.aio.client
import nats.aio.subscription
import nats.js.client
import nats.js.kv
import pytest
from nats.aio.msg import Msg

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.nats_compat import server_has_all, wait_for
from tests.support.nats import NatsServer

MODULES = [nats.aio.client, nats.aio.subscription, nats.js.client, nats.js.kv]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
async def test_a_cancel_beside_the_answer_wins(module: Any) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(module.asyncio.wait_for(answer, 60))
    await asyncio.sleep(0)
    answer.set_result("answer")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_answer_and_the_timeout_come_through() -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answer.set_result("answer")
    assert await wait_for(answer, 60) == "answer"
    assert await wait_for(asyncio.sleep(0, "slept"), None) == "slept"
    with pytest.raises(TimeoutError):
        await wait_for(asyncio.sleep(60), 0.001)


async def _answer(message: Msg) -> None:
    await message.respond(b"")


async def _ask_for_ever(bus: Bus, asked: asyncio.Semaphore) -> NoReturn:
    while True:
        await bus.nc.request("echo", b"", timeout=5)
        asked.release()


async def test_a_group_that_asks_all_the_time_ends_with_one_cancel(nats_server: NatsServer) -> None:
    """Cancelled at the moment an answer is in, again and again, at another await each time."""
    async with connect(BusOptions(nats_server.url), "test") as bus:
        await bus.nc.subscribe("echo", cb=_answer)
        for turns in range(40):
            asked = asyncio.Semaphore(0)
            tasks = [asyncio.create_task(_ask_for_ever(bus, asked)) for _ in range(4)]
            for _ in range(turns):
                await asked.acquire()
            for task in tasks:
                task.cancel()
            done, pending = await asyncio.wait(tasks, timeout=20)
            assert len(done) == 4
            assert not pending


async def test_a_subscription_is_there_once_the_server_has_all(nats_server: NatsServer) -> None:
    """The other connection's question would get "no responders" at once: it may be read first."""
    options = BusOptions(nats_server.url)
    async with connect(options, "answers") as answers, connect(options, "asks") as asks:
        for number in range(300):
            await answers.nc.subscribe(f"echo.{number}", cb=_answer)
            await server_has_all(answers.nc, 20)
            await asks.nc.request(f"echo.{number}", b"", timeout=20)
