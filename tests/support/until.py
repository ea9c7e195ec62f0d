"""Waiting for what other tasks and processes do."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Final

PATIENCE: Final = 60.0  # seconds: only what never happens takes as long, on however busy a machine
_PAUSE: Final = 0.005


async def until(condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = PATIENCE) -> Any:
    """Wait until `condition()` is true, or what it is to be awaited for; its value.

    A test that waits in vain says for what: `what`, or what that says when the time is up.
    """
    try:
        async with asyncio.timeout(seconds):
            while not (value := await _now(condition)):
                await asyncio.sleep(_PAUSE)
            return value
    except TimeoutError:
        waited_for = what if isinstance(what, str) else what()
        raise AssertionError(f"waited {seconds:g} s in vain for {waited_for}") from None


async def _now(condition: Callable[[], Any]) -> Any:
    value = condition()
    return await value if inspect.isawaitable(value) else value
