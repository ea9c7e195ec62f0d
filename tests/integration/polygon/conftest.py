"""A supervisor of Polygon's stream on the simulated market."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gapscan.runtime import end
from gapscan.sim import SimServer
from tests.support.rig import Rig, market

Start = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def rig() -> AsyncIterator[Start]:
    """Starts a rig and waits until it is whole; options as for LinkOptions."""
    async with AsyncExitStack() as stack:

        async def start(
            market_options: dict[str, Any] | None = None,
            settings: dict[str, Any] | None = None,
            whole: bool = True,
            before: Callable[[SimServer], None] = lambda sim: None,
            **options: Any,
        ) -> Rig:
            sim = await stack.enter_async_context(market(**(market_options or {})))
            before(sim)
            rig = Rig(sim, options, settings or {})
            task = asyncio.create_task(rig.supervisor.run())
            stack.push_async_callback(end, task)
            if whole:
                await rig.whole()
            return rig

        yield start
