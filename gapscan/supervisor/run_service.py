"""Starting one service by name, in this process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Final, cast

from gapscan import config as settings
from gapscan.config import Config
from gapscan.errors import ConfigError, GapscanError
from gapscan.lazy import load_later
from gapscan.obs import hide, logger, setup_logging
from gapscan.runtime import end, run
from gapscan.supervisor.catalog import SERVICES, module_of

Main = Callable[[Config, asyncio.Event], Coroutine[Any, Any, None]]

GRACE_SECONDS: Final = 1.0


def run_service(name: str, config: Config) -> None:
    """Run service `name` until the process is asked to stop. Raises GapscanError when it cannot go on."""
    if name not in SERVICES:
        raise ConfigError(f"there is no service {name!r}", remedy="one of " + ", ".join(SERVICES))
    hide(settings.secrets_of(config))
    setup_logging(config.log.level, config.log.style)
    for variable in settings.service_links():
        logger(name).debug("%s is of Kubernetes, and no setting", variable)
    # Imported here, so that each process loads only what it runs.
    load_later("aiohttp")
    main = cast(Main, import_module(module_of(name)).main)

    async def body(stop: asyncio.Event) -> None:
        await _until_done(asyncio.create_task(main(config, stop)), stop)

    try:
        run(body)
    except BaseExceptionGroup as group:
        expected = group.subgroup(GapscanError)
        if expected is None:
            raise
        raise _first(expected) from None


async def _until_done(work: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait for the service to end. Asked to stop, it has GRACE seconds; one that still waits for NATS is cancelled."""
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait((work, asked), return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        await asyncio.wait((work,), timeout=GRACE_SECONDS)
    await end(work, asked)
    if not work.cancelled():
        work.result()


def _first(group: BaseExceptionGroup[GapscanError]) -> GapscanError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def main(arguments: list[str]) -> int:
    """`python -m gapscan.supervisor.run_service NAME`: settings come from the environment and gapscan.toml."""
    name = arguments[0] if arguments else ""
    try:
        loaded = settings.load()
        if loaded.warning:
            logger(name or "gapscan").warning(loaded.warning)
        run_service(name, loaded.config)
    except GapscanError as error:
        logger(name or "gapscan").error("%s", error)
        return 2 if isinstance(error, ConfigError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
