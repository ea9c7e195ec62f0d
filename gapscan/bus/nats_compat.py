"""What nats-py does not do as one expects.

Up to Python 3.11 `asyncio.wait_for`, which nats-py uses for every request, swallows a cancel that arrives together
with the answer. The task then lives on, and the TaskGroup that cancelled it waits for ever, since it cancels once.

Its `subscribe` returns before anything is sent. Its `flush` is no barrier either: the PING overtakes what is buffered.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from types import ModuleType
from typing import Final, TypeVar

from nats.aio.client import Client

T = TypeVar("T")

_REPAIRED_IN: Final = (3, 12)


async def wait_for(awaitable: Awaitable[T], timeout: float | None) -> T:
    """Like `asyncio.wait_for` of Python 3.12: a cancel always raises CancelledError; late raises TimeoutError."""
    async with asyncio.timeout(timeout):
        return await awaitable


def propagate_cancels() -> None:
    """Give nats-py, and nobody else, the `wait_for` above; nothing to do from Python 3.12 on."""
    if sys.version_info >= _REPAIRED_IN:
        return
    repaired = ModuleType(asyncio.__name__, asyncio.__doc__)
    repaired.__dict__.update(asyncio.__dict__, wait_for=wait_for)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "nats" and getattr(module, "asyncio", None) is asyncio:
            module.asyncio = repaired  # type: ignore[attr-defined]


async def server_has_all(nc: Client, timeout: float) -> None:
    """Wait until the server has read all that was sent: then messages of others come to a new subscription.

    The first flush's PING may be ahead of what is in the library's buffer. When its answer is there, the buffer has
    been written, and the second one's PING comes after it. Raises nats.errors.TimeoutError after `timeout` seconds.
    """
    for _ in range(2):
        await nc.flush(timeout)  # type: ignore[arg-type]  # seconds; fractions work
