"""The bridge: follows every list on NATS, and serves browsers. It keeps nothing that NATS does not have."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

from nats.aio.msg import Msg

from gapscan.bridge import metrics
from gapscan.bridge.http import Door, serving
from gapscan.bridge.hub import Hub, Position, Standing
from gapscan.bridge.limits import Limits
from gapscan.bridge.listener import open_socket
from gapscan.bridge.origin import own_hosts
from gapscan.bridge.room import Room
from gapscan.bridge.writer import Writer, open_writer
from gapscan.bus.asking import ask_why
from gapscan.bus.client import Bus
from gapscan.bus.definitions import definition_news, read_definitions
from gapscan.bus.follow import Follower, ListView
from gapscan.config import BridgeSection, Config
from gapscan.errors import BusError, GapscanError, ProtocolError
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Bars, ListDefinition, Why
from gapscan.protocol.websocket import ListInfo
from gapscan.runtime import Backoff, end, until_stopped
from gapscan.services.common import RETRY_FIRST, RETRY_LIMIT, patient_bus, reporting

DEFINITIONS_SECONDS: Final = 2.0
_FIRST_SECONDS: Final = 0.2  # between looks for definitions while there are none

_log = logger("bridge")


class Bridge:
    """What happens on NATS, told to a room of browsers."""

    def __init__(self, config: Config, writer: Writer | None = None) -> None:
        section = config.bridge
        self.tally = Tally(_log)
        self.room = Room(Hub(), section.window, _limits(section), self.tally, writer=writer)
        self._config = config
        self._bus: Bus | None = None
        self._followers: dict[str, asyncio.Task[None]] = {}

    def conditions(self) -> Mapping[str, bool]:
        """What must hold for clients to get what they ask for."""
        return {
            "nats_connected": self._bus is not None and self._bus.connected,
            "lists_known": self.room.hub.ready,
        }

    def door(self) -> Door:
        """Who may come in."""
        section = self._config.bridge
        origins = _names(section.origins)
        hosts = own_hosts([section.host, *_names(section.hosts)], origins)
        return Door(origins, hosts, section.token, section.window, self.ask, self.conditions)

    async def ask(self, symbol: str, name: str | None) -> Why:
        """Why `symbol` is in list `name`, or why not, as the leading ranker says. Raises GapscanError."""
        if self._bus is None:
            raise BusError("NATS is not reached")
        return await ask_why(self._bus, symbol, name)

    async def run(self) -> None:
        """Follow for ever. NATS is waited for while the page is served already."""
        async with patient_bus(self._config, "bridge") as bus:
            self._bus = bus
            await bus.nc.subscribe(names.FEED_BARS, cb=self._on_bars)
            async with reporting(bus, "bridge", self.report):
                await self._follow_all(bus)

    async def _follow_all(self, bus: Bus) -> None:
        try:
            async with definition_news(bus) as news:
                while True:
                    await self._read_definitions(bus)
                    await news.wait(DEFINITIONS_SECONDS if self.room.hub.ready else _FIRST_SECONDS)
        finally:
            await end(*self._followers.values())

    async def _read_definitions(self, bus: Bus) -> None:
        try:
            definitions = await read_definitions(bus)
        except GapscanError as error:
            self.tally.trouble("definitions_failed", f"the lists' definitions cannot be read: {error.message}")
            return
        if not definitions and not self.room.hub.ready:
            return  # no ranker has been here yet
        self.room.define([_info(definition) for definition in definitions])
        await self._follow({definition.name for definition in definitions}, bus)

    async def _follow(self, wanted: set[str], bus: Bus) -> None:
        """One follower for each list."""
        for name in self._followers.keys() - wanted:
            await end(self._followers.pop(name))
        for name in wanted:
            task = self._followers.get(name)
            if task is None or task.done():
                self._followers[name] = asyncio.create_task(self._follow_list(name, bus), name=f"follow {name}")

    async def _follow_list(self, name: str, bus: Bus) -> None:
        backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        while True:
            try:
                async with aclosing(Follower(bus, name).views()) as views:
                    async for view in views:
                        backoff.reset()
                        self._show(view)
            except GapscanError as error:
                self.tally.trouble("follow_failed", f"list {name} cannot be followed: {error.message}")
            except Exception:  # noqa: BLE001  # one list's trouble must not end the others'
                self.tally.count("failures")
                _log.exception("following list %s failed", name)
            self.room.lost(name)
            await asyncio.sleep(backoff.next())

    def _show(self, view: ListView) -> None:
        standing = Standing(view.as_of, view.state, view.simulated)
        self.room.put(view.list, Position(view.epoch, view.sequence), view.as_of, view.rows, standing)

    async def _on_bars(self, message: Msg) -> None:
        if not self.room.wants_cells:
            return
        try:
            self.room.put_bars(decode_as(Bars, message.data))
        except (ProtocolError, ValueError) as error:
            self.tally.trouble("bad_bars", f"bars cannot be read: {error}")

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this bridge."""
        return metrics.report(self.room)


def _limits(section: BridgeSection) -> Limits:
    return Limits(
        section.clients, section.lists, section.message_bytes, section.messages_per_second, section.slow_after
    )


def _names(given: str | list[str] | None) -> frozenset[str]:
    """Origins or hosts, from a list or from text with commas."""
    parts = given.split(",") if isinstance(given, str) else given or []
    return frozenset(part.strip().rstrip("/") for part in parts if part.strip())


def _info(definition: ListDefinition) -> ListInfo:
    return ListInfo(definition.name, definition.description, definition.sort, definition.sessions, definition.limit)


def _allow_many_files() -> None:
    """Each client is an open file; the usual limit of a process is far below what the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a bridge until `stop` is set."""
    _allow_many_files()
    listening = open_socket(config.bridge.host, config.bridge.port)
    host, port = listening.getsockname()[:2]
    with open_writer(io_uring=config.bridge.io_uring) as writer:
        bridge = Bridge(config, writer)
        async with serving(listening, bridge.room, bridge.door()):
            _log.info("serving browsers", extra={"url": f"http://{host}:{port}"})
            await until_stopped(stop, bridge.run(), bridge.room.run())
