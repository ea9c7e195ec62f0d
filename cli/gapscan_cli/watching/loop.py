"""The live table at work: views in, frames out, until somebody has seen enough."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Final

from gapscan.bus.client import Bus, BusOptions
from gapscan.client.current import FIRST_HEARTBEAT_SECONDS
from gapscan.errors import BusError
from gapscan.runtime import end
from gapscan.service.status import collect_hot
from gapscan_cli import output
from gapscan_cli.connection import patient_link
from gapscan_cli.following import check_possible, patient_views, shown_columns
from gapscan_cli.tailing import link_reporter
from gapscan_cli.telling import last_alerts
from gapscan_cli.watching.model import Frame, WatchModel
from gapscan_cli.watching.plain import block, signature

_PAINT_SECONDS: Final = 0.1  # at most this often, however fast the list moves
_PLAIN_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 5.0
_ALERTS: Final = 200  # the last ones, of all lists
_ALERTED_MS: Final = 600_000  # of market time: for so long a row stays marked
_REPAINT_SECONDS: Final = 1.0  # at least this often, so that ages are right

Show = Callable[[Frame], None]


async def watch_list(options: BusOptions, name: str, top: int | None, plain: bool) -> None:
    """Show the list until cancelled."""
    check_possible(name)
    async with patient_link(options, f"gapscan watch {name}", output.note) as bus:
        if plain or not sys.stdout.isatty():
            await _watch_plain(bus, name, top)
        else:
            await _watch_screen(bus, name, top)


class _Feed:
    """Keeps a model up to date in the background, and says when there is something to show."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.model = WatchModel(name)
        self.changed = asyncio.Event()
        self._bus = bus
        self._task = asyncio.ensure_future(self._pump())
        self._task.add_done_callback(lambda _: self.changed.set())
        self._asking = asyncio.ensure_future(self._ask())

    async def _pump(self) -> None:
        async for view in patient_views(self._bus, self.model.name, output.note):
            if not self.model.has_view:
                await self._read_columns()
            self.model.take(view, time.monotonic())
            self.changed.set()

    async def _ask(self) -> None:
        """Ask the feed now and then how live it is; without an answer, nothing is said about it. The list's definition
        may change, too."""
        while True:
            try:
                self.model.hot = await collect_hot(self._bus)
            except BusError:
                self.model.hot = None
            await self._read_alerts()
            await asyncio.sleep(_ASK_SECONDS)
            await self._read_columns()

    async def _read_alerts(self) -> None:
        """Which symbols of this list an alert told of in the last minutes; none where no alerts are kept."""
        try:
            last = await last_alerts(self._bus, _ALERTS)
        except BusError:
            last = []
        since = max((alert.as_of for alert in last), default=0) - _ALERTED_MS
        self.model.alerted = frozenset(
            alert.symbol for alert in last if alert.list == self.model.name and alert.as_of > since
        )

    async def _read_columns(self) -> None:
        self.model.columns = await shown_columns(self._bus, self.model.name) or self.model.columns

    def link_changed(self) -> None:
        self.model.link(self._bus.connected)
        self.changed.set()

    async def frames(self, pause: float) -> AsyncIterator[Frame]:
        """A frame after each change, `pause` seconds apart at least, _REPAINT_SECONDS at most."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REPAINT_SECONDS):
                    await self.changed.wait()
            self.changed.clear()
            if self._task.done():
                await self._task
            if self.model.has_view:
                yield self.model.frame(time.monotonic())
            await asyncio.sleep(pause)

    async def end(self) -> None:
        await end(self._task, self._asking)


@asynccontextmanager
async def _feed(bus: Bus, name: str) -> AsyncIterator[_Feed]:
    feed = _Feed(bus, name)
    stop_listening = bus.on_link_change(feed.link_changed)
    try:
        yield feed
    finally:
        stop_listening()
        await feed.end()


async def _watch_plain(bus: Bus, name: str, top: int | None) -> None:
    shown: tuple[object, ...] = ()
    began = time.monotonic()
    with _reported_link(bus):
        async with _feed(bus, name) as feed:
            async for frame in feed.frames(_PLAIN_SECONDS):
                if frame.age is None and time.monotonic() - began < FIRST_HEARTBEAT_SECONDS:
                    continue  # whether these rows are live is known in a moment
                if signature(frame) != shown:
                    shown = signature(frame)
                    output.say(block(frame, top))


@contextmanager
def _reported_link(bus: Bus) -> Iterator[None]:
    stop_listening = bus.on_link_change(link_reporter(bus))
    try:
        yield
    finally:
        stop_listening()


async def _watch_screen(bus: Bus, name: str, top: int | None) -> None:
    from gapscan_cli.watching.draw import draw
    from gapscan_cli.watching.screen import full_screen, on_resize, quit_keys

    me = asyncio.current_task()
    assert me is not None  # for the type checker: this runs in a task
    async with AsyncExitStack() as stack:
        stack.enter_context(quit_keys(me.cancel))
        feed = await stack.enter_async_context(_feed(bus, name))
        stack.enter_context(on_resize(feed.changed.set))
        screen = None
        async for frame in feed.frames(_PAINT_SECONDS):
            # The screen is taken when there is something to show: until then, stderr says what is waited for.
            screen = screen or stack.enter_context(full_screen())
            screen.paint(draw(frame, *screen.size, top))
