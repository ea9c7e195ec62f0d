"""The controls under /sim/."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gapscan.sim import control
from tests.integration.sim.conftest import Serve


@pytest.fixture
async def api(serve: Serve) -> AsyncIterator[Any]:
    server = await serve(start="10:00")
    async with aiohttp.ClientSession(server.url) as session:
        yield server, session


async def test_status(api: Any) -> None:
    server, session = api
    server.faults.set("ws_late", minutes=2)
    async with session.get("/sim/status") as response:
        status = await response.json()
    assert status["simulated"] is True
    assert status["label"] == "synthetic, seed 7"
    assert status["market_time"] == server.clock.now()
    assert (status["symbols"], status["trading_date"]) == (200, "2026-11-20")
    assert status["faults"] == {"ws_late": {"minutes": 2.0}}


async def test_clock_at_and_advance(api: Any) -> None:
    server, session = api
    now = server.clock.now()
    async with session.post("/sim/clock", json={"advance_ms": 1500}) as response:
        assert (await response.json())["market_time"] == now + 1500
    await session.post("/sim/clock", json={"at": now - 60_000})
    assert server.clock.now() == now - 60_000


async def test_speed(serve: Serve) -> None:
    server = await serve(manual=False)
    async with aiohttp.ClientSession(server.url) as session:
        await session.post("/sim/clock", json={"speed": 7})
    assert server.clock.speed == 7


@pytest.mark.parametrize(
    "body",
    [
        '{"speed": 10001}',
        '{"at": 1}',
        '{"at": 5, "advance_ms": 5}',
        '{"speed": -1}',
        '{"spede": 2}',
        "later",
        '{"at": "noon"}',
    ],
)
async def test_bad_clock(api: Any, body: Any) -> None:
    server, session = api
    now = server.clock.now()
    async with session.post("/sim/clock", data=body) as response:
        assert response.status == 400
        assert set(await response.json()) == {"error", "where", "remedy"}
    assert server.clock.now() == now


async def test_faults_on_and_off(api: Any) -> None:
    server, session = api
    wanted = {"rest_status": {"status": 429, "count": 3}, "ws_silent": True}
    async with session.post("/sim/faults", json=wanted) as response:
        assert set(await response.json()) == set(wanted)
    await session.post("/sim/faults", json={"ws_silent": False})
    assert set(server.faults.describe()) == {"rest_status"}
    await session.delete("/sim/faults")
    assert server.faults.describe() == {}


@pytest.mark.parametrize("body", ['{"rest_fire": true}', '{"ws_late": {"minutes": 99}}', '{"ws_late": 5}', "[]"])
async def test_bad_faults(api: Any, body: Any) -> None:
    server, session = api
    async with session.post("/sim/faults", data=body) as response:
        assert response.status == 400
        assert (await response.json())["remedy"]
    assert server.faults.describe() == {}


@pytest.mark.parametrize(("remote", "near"), [("127.0.0.1", True), ("::1", True), ("10.0.0.5", False), (None, False)])
def test_loopback_only(remote: Any, near: Any) -> None:
    assert control.is_near(remote) is near
