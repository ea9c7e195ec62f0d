"""Lists' pasts that clients have played. A play is a list of its own to them: of versions and cursors as any other.

What a client gets of it, in full or in part, after a pause or because it is slow, is thereby what it would get of a
list that stands now; only the names of the messages are others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from itertools import count
from typing import Final

from msgspec import UNSET

from gapscan.bridge.encodings import Message
from gapscan.bridge.history import ListHistory, ListStatus, MessageKinds, Position
from gapscan.bridge.limits import PLAYS
from gapscan.bridge.past import OpenTape, gap_message, refusal
from gapscan.bridge.server import HEARTBEAT_SECONDS, BridgeServer
from gapscan.bridge.session import BrowserSession
from gapscan.client.past import PastView, market_ms
from gapscan.client.player import Player, Scene
from gapscan.errors import ConfigError, GapscanError
from gapscan.lists.wish import Wish
from gapscan.market.moments import moment_ms
from gapscan.market.sessions import trading_date
from gapscan.obs import logger
from gapscan.protocol import websocket
from gapscan.protocol.codes import (
    NOT_SUBSCRIBED,
    TOO_MANY_PLAYS,
    UNAVAILABLE,
)
from gapscan.protocol.past import PastDelta, PastSnapshot, Play, Playing
from gapscan.protocol.tape import Gap
from gapscan.protocol.websocket import RefusedError
from gapscan.runtime import end, run_together

_TOGETHER: Final = 2  # moments that are read for all plays at once: what is read must not hold the live lists up

_log = logger("bridge")


class PlayedHistory(ListHistory):
    """A played list, in messages that are no list's that stands now."""

    kinds = MessageKinds(PastSnapshot, PastDelta)


class Plays:
    """All plays of all clients."""

    def __init__(self, bridge: BridgeServer, open_tape: OpenTape) -> None:
        self._bridge = bridge
        self._open_tape = open_tape
        self._plays: dict[str, _Play] = {}
        self._numbers = count(1)
        self._room = asyncio.Semaphore(_TOGETHER)
        self._tasks: set[asyncio.Task[None]] = set()

    def act(self, session: BrowserSession, action: Play) -> None:
        """Begin a play, or do with one what its client wants. Raises RefusedError."""
        play = self._plays.get(action.list)
        if play is not None and play.session is session:
            play.control(action)
        elif "@" in action.list:
            raise RefusedError(NOT_SUBSCRIBED, "there is no such play of this client", action.list)
        else:
            self._begin(session, action)

    def _begin(self, session: BrowserSession, action: Play) -> None:
        self._check_room(session, action.list)
        play = _Play(self._bridge, session, action, next(self._numbers), self._room)
        self._plays[play.name] = play
        self._bridge.versions.plays[play.name] = play.history
        self._bridge.tally.count("plays")
        play.task = asyncio.create_task(self._run(play), name=f"play {play.name}")
        self._tasks.add(play.task)
        play.task.add_done_callback(self._tasks.discard)

    def _check_room(self, session: BrowserSession, name: str) -> None:
        most = self._bridge.limits.plays
        if len(self._plays) >= most:
            raise RefusedError(TOO_MANY_PLAYS, f"this bridge plays {most} pasts at once", name)
        if sum(play.session is session for play in self._plays.values()) >= PLAYS:
            raise RefusedError(TOO_MANY_PLAYS, f"{PLAYS} pasts are played for this client", name)

    async def _run(self, play: _Play) -> None:
        try:
            await play.run(self._open_tape)
        except GapscanError as error:
            play.session.refuse(refusal(error, play.known_as))
        except Exception:  # noqa: BLE001  # a play must end neither the connection nor the bridge
            self._bridge.tally.count("client_crashed")
            _log.exception("playing the past failed")
            play.session.refuse(RefusedError(UNAVAILABLE, "the past could not be played", play.known_as))
        finally:
            self._drop(play)

    def stop(self, session: BrowserSession, names: Iterable[str]) -> None:
        """End these of a client's plays; names of lists are passed over."""
        for name in names:
            play = self._plays.get(name)
            if play is not None and play.session is session:
                self._drop(play)

    def _drop(self, play: _Play) -> None:
        """Forget a play, and end its task."""
        if self._plays.pop(play.name, None) is None:
            return
        self._bridge.drop_play(play.session, play.name)
        if play.task is not None and play.task is not asyncio.current_task():
            play.over = True
            play.task.cancel()

    async def forget(self, session: BrowserSession) -> None:
        """A client has gone."""
        mine = [play for play in self._plays.values() if play.session is session]
        self.stop(session, [play.name for play in mine])
        await end(*(play.task for play in mine if play.task is not None))

    async def close(self) -> None:
        """Play nothing more."""
        for play in tuple(self._plays.values()):
            self._drop(play)
        await end(*self._tasks)


class _Play:
    """One play of one client."""

    def __init__(
        self, bridge: BridgeServer, session: BrowserSession, action: Play, number: int, room: asyncio.Semaphore
    ) -> None:
        self.name = f"{action.list}@{number}"
        self.history = PlayedHistory(self.name)
        self.session = session
        self.task: asyncio.Task[None] | None = None
        self.over = False
        self._bridge = bridge
        self._action = action
        self._room = room
        self._epoch = f"play.{number}"
        self._sequence = 0
        self._player: Player | None = None
        self._shown: PastView | None = None
        self._id = action.id  # of what was done last
        self._next_id = action.id  # of what was asked last

    @property
    def known_as(self) -> str:
        """By which name the client knows it."""
        return self.name if self._shown else self._action.list

    def control(self, action: Play) -> None:
        """Another time, another speed. Raises RefusedError for a time that is none."""
        player = self._player
        if player is None:
            return
        self._next_id = action.id or self._next_id
        if action.speed is not None:
            player.set_speed(action.speed)
        if action.time is not None:
            try:
                player.seek(moment_ms(action.time, player.time, trading_date(player.time)))
            except ConfigError as error:
                raise refusal(error, self.name) from None
        else:
            self._id = self._next_id
            self._tell()

    async def run(self, open_tape: OpenTape) -> None:
        """Play, until it is ended. Raises GapscanError when it cannot begin, or what is recorded does not fit."""
        action = self._action
        reader = await open_tape(action.list)
        when = await market_ms(reader, "now" if action.time is None else action.time)
        speed = 1.0 if action.speed is None else action.speed
        self._player = Player(reader, when, speed, clock=self._bridge.clock, room=self._room)
        await run_together(self._show_all(self._player), self._tell_always())

    async def _show_all(self, player: Player) -> None:
        async with aclosing(player.scenes()) as scenes:
            async for scene in scenes:
                if self.over:
                    return
                self._show(scene)

    async def _tell_always(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._tell()

    def _show(self, scene: Scene) -> None:
        if scene.error is not None:
            if self._shown is None:
                raise scene.error
            self.session.refuse(refusal(scene.error, self.name))
        if scene.sought:
            self._id = self._next_id
        first, changed = self._shown is None, scene.view is not None and self._put(scene.view)
        if first:
            self._tell()
            action = self._action
            self._bridge.subscribe(self.session, self.name, None, Wish.of(action.limit, action.fields))
        elif scene.sought or scene.gap:
            self._bridge.flush(self.name)
        elif changed:
            self._bridge.due(self.name)
        if not first and (scene.sought or scene.gap or not changed):
            self._tell(scene.gap)

    def _put(self, view: PastView) -> bool:
        """A version of the list, if it is another one than before."""
        before, self._shown = self._shown, view
        if before is not None and (before.epoch, before.sequence) == (view.epoch, view.sequence):
            return False
        self._sequence += 1
        self.history.set_status(ListStatus(view.when, "closed", view.simulated))
        return self.history.put(Position(self._epoch, self._sequence), view.as_of, view.rows, self._bridge.clock())

    def _tell(self, gap: Gap | None = None) -> None:
        """Say how it stands."""
        player, view = self._player, self._shown
        if player is None or view is None:
            return
        playing = Playing(
            list=self.name,
            of=self._action.list,
            time=player.time,
            speed=player.speed,
            state=player.state,
            epoch=self._epoch,
            sequence=self._sequence,
            tape_epoch=view.epoch,
            tape_sequence=view.sequence,
            simulated=view.simulated,
            gap=UNSET if gap is None else gap_message(gap),
            id=UNSET if self._id is None else self._id,
        )
        self.session.send(Message(websocket.encode(playing)))
