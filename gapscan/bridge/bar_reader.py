"""Hearing the feed's bars for the bridge, while a client wants single cells of them."""

from __future__ import annotations

from nats.aio.msg import Msg

from gapscan.bridge.server import BridgeServer
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.errors import ProtocolError
from gapscan.obs import Tally
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Bars


class BarReader:
    """Subscribes for as long as somebody wants them: in a busy market, to hear bars costs more than to send lists."""

    def __init__(self, bus: Bus, bridge: BridgeServer, tally: Tally) -> None:
        self._bus = bus
        self._bridge = bridge
        self._tally = tally

    async def run(self) -> None:
        """Hear for ever. Raises BusError."""
        while True:
            await self._until(wanted=True)
            try:
                subscription = await self._bus.nc.subscribe(self._bus.names.feed_bars, cb=self._on_bars)
            except NATS_ERRORS as error:
                raise translated(error, "subscribing to bars") from error
            try:
                await self._until(wanted=False)
            finally:
                await self._bus.unsubscribe(subscription)

    async def _until(self, *, wanted: bool) -> None:
        while self._bridge.wants_cells != wanted:
            self._bridge.cell_readers_changed.clear()
            await self._bridge.cell_readers_changed.wait()

    async def _on_bars(self, message: Msg) -> None:
        try:
            self._bridge.put_bars(decode_as(Bars, message.data))
        except (ProtocolError, ValueError) as error:
            self._tally.trouble("bad_bars", f"bars cannot be read: {error}")
