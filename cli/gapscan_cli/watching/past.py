"""`gapscan watch --from`: a list's past on the screen, played, with pause, seek and speed by keys."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Final

from gapscan.bus.client import BusOptions, connect
from gapscan.client.past import market_ms
from gapscan.client.player import MOST_SPEED, Player, Scene
from gapscan.client.tape_reader import PastView, TapeReader
from gapscan.errors import GapscanError, NotRecordedError
from gapscan.market.sessions import session_at
from gapscan.runtime import end
from gapscan_cli import output
from gapscan_cli.following import check_possible, shown_columns
from gapscan_cli.watching.loop import watch_list
from gapscan_cli.watching.model import NO_MARK, Frame, ShownRow
from gapscan_cli.watching.plain import block

_PAINT_SECONDS: Final = 0.1
_PLAIN_SECONDS: Final = 1.0
_SPEEDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_STEPS: Final = {"left": -10, "right": 10, "down": -60, "up": 60}  # seconds of market time
HELP: Final = "space pause   ←→ 10 s   ↑↓ 1 min   +- speed   l live   q quit"


async def watch_past(options: BusOptions, name: str, start: str, speed: float, top: int | None, *, plain: bool) -> None:
    """Play the list from a time on until cancelled, or until its user wants it live. Raises as `gapscan.at`."""
    check_possible(name)
    async with connect(options, f"gapscan watch {name}") as bus:
        reader = await TapeReader.open(bus, name)
        screen = not plain and sys.stdout.isatty()
        interval = _PAINT_SECONDS if screen else _PLAIN_SECONDS
        player = Player(reader, await market_ms(reader, start), speed, interval)
        show = PastShow(player, await shown_columns(bus, name))
        if not screen:
            await _print_all(show, top)
        await _play_on_screen(show, top)
    await watch_list(options, name, top, plain)


class PastShow:
    """What is shown of a play: its newest rows, how it stands, and what was wrong last."""

    def __init__(self, player: Player, columns: tuple[str, ...]) -> None:
        self.player = player
        self.changed = asyncio.Event()
        self.live = False  # its user has seen enough of the past
        self.note = ""
        self._view: PastView | None = None
        self._columns = columns

    def take(self, scene: Scene) -> bool:
        """The next scene; whether the rows are others. Raises why there are none, if there never were any."""
        if scene.error is not None:
            if self._view is None:
                raise scene.error
            self.note = scene.error.message
        elif scene.sought:
            self.note = ""
        if scene.gap is not None:
            self.note = "passed over a gap, of which nothing is known"
        before, self._view = self._view, scene.view or self._view
        self.changed.set()
        return self._view is not before

    def press(self, key: str) -> None:
        """What a key does."""
        player = self.player
        if key == " ":
            player.set_speed(0.0 if player.speed else self._speed)
        elif key in _STEPS:
            player.seek(player.heading + _STEPS[key] * 1000)
        elif key in ("+", "="):
            self._faster(1)
        elif key == "-":
            self._faster(-1)
        elif key in ("l", "L"):
            self.live = True
        self.changed.set()

    _speed = 1.0  # that a pause leads back to

    def begin(self, speed: float) -> None:
        """The speed that was asked for at the start."""
        self._speed = min(speed, MOST_SPEED) or 1.0

    def _faster(self, steps: int) -> None:
        now = self._speed
        others = [speed for speed in _SPEEDS if (speed > now if steps > 0 else speed < now)]
        if others:
            self._speed = others[0] if steps > 0 else others[-1]
            if self.player.speed:
                self.player.set_speed(self._speed)

    def frame(self) -> Frame:
        """As it stands now. Raises NotRecordedError before the first rows."""
        view, player = self._view, self.player
        if view is None:
            raise NotRecordedError(f"nothing of {player.reader.shelf.name} is read yet")
        how = {"playing": f"{player.speed:g}x", "paused": "paused", "waiting": "the tape ends here"}[player.state]
        return Frame(
            name=view.list,
            state="past",
            reason=f"{how}   {self.note}".strip(),
            session=str(session_at(player.time)),
            as_of=player.time,
            age=None,
            epoch=view.epoch,
            sequence=view.sequence,
            rows=tuple(ShownRow(rank, row, NO_MARK) for rank, row in enumerate(view.rows, 1)),
            resyncs=0,
            holes=0,
            mismatches=0,
            simulated=view.simulated,
            columns=self._columns,
        )


async def _print_all(show: PastShow, top: int | None) -> None:
    async with aclosing(show.player.scenes()) as scenes:
        async for scene in scenes:
            if show.take(scene):
                output.say(block(show.frame(), top))
            elif show.player.state == "waiting":
                output.note("the tape ends here: what is recorded next is shown as it comes")


async def _play_on_screen(show: PastShow, top: int | None) -> None:
    from gapscan_cli.watching.draw import draw
    from gapscan_cli.watching.screen import full_screen, on_resize, single_keys

    me = asyncio.current_task()
    assert me is not None  # for the type checker: this runs in a task
    show.begin(show.player.speed)
    pumping = asyncio.ensure_future(_pump(show))
    try:
        await _first(show, pumping)
        async with AsyncExitStack() as stack:
            stack.enter_context(single_keys(show.press, me.cancel))
            stack.enter_context(on_resize(show.changed.set))
            screen = stack.enter_context(full_screen())
            while not show.live:
                screen.paint(draw(show.frame(), *screen.size, top, hint=HELP))
                await _moved(show)
                if pumping.done():
                    await pumping
    finally:
        await end(pumping)


async def _pump(show: PastShow) -> None:
    async with aclosing(show.player.scenes()) as scenes:
        async for scene in scenes:
            show.take(scene)


async def _first(show: PastShow, pumping: asyncio.Task[None]) -> None:
    """Wait for the first rows. Raises GapscanError when there are none."""
    await asyncio.wait([pumping, asyncio.ensure_future(show.changed.wait())], return_when=asyncio.FIRST_COMPLETED)
    if pumping.done() and isinstance(pumping.exception(), GapscanError):
        pumping.result()


async def _moved(show: PastShow) -> None:
    """Until something is to be painted, and the time moves anyway."""
    await asyncio.sleep(_PAINT_SECONDS)
    show.changed.clear()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PAINT_SECONDS * 2):
            await show.changed.wait()
