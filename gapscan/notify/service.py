"""Delivery of alerts: each channel by itself, so that a slow or dead one costs no other. One process leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from nats.aio.msg import Msg
from prometheus_client import Metric

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.notify.channels import Channel, read_channels
from gapscan.notify.delivery import Delivery
from gapscan.notify.metrics import KINDS, notify_metrics
from gapscan.notify.sending import sender_of
from gapscan.obs import Tally, hide, logger
from gapscan.service.connecting import retention
from gapscan.service.leadership import Leadership
from gapscan.service.led_process import run_process
from gapscan.service.retrying import retrying

_log = logger("notify")


class Notify:
    """Leads when it may, stands by when it may not."""

    def __init__(self, bus: Bus, config: Config, channels: Sequence[Channel], tally: Tally | None = None) -> None:
        self.deliveries: dict[str, Delivery] = {}
        self._bus = bus
        self._config = config
        self._channels = channels
        self._tally = tally or Tally(_log)
        self._leadership = Leadership(bus, "notify", config, self._tally)
        self._leads = False

    async def run(self) -> None:
        """Lead and stand by in turn, for ever."""
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        await retrying("notify", "setting up streams", lambda: ensure_shared(self._bus, retention(self._config)))
        async with AsyncExitStack() as stack:
            self.deliveries = {channel.name: self._delivery(channel, stack) for channel in self._channels}
            await stack.enter_async_context(self._listening())
            self._leads = True
            try:
                await self._leadership.while_held(*(delivery.run() for delivery in self.deliveries.values()))
            finally:
                self._leads = False

    def _delivery(self, channel: Channel, stack: AsyncExitStack) -> Delivery:
        sender = sender_of(channel)
        stack.push_async_callback(sender.close)
        return Delivery(self._bus, channel, sender, self._tally)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Wake all channels when an alert comes. Raises BusError."""

        async def wake(_message: Msg) -> None:
            for delivery in self.deliveries.values():
                delivery.wake()

        try:
            subscription = await self._bus.nc.subscribe(self._bus.names.alert_subject("*"), cb=wake)
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to alerts") from error
        try:
            yield
        finally:
            await self._bus.unsubscribe(subscription)

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this process."""
        counts = dict(self._tally.counts)
        if not self._leads:
            return {**self._leadership.report_standby(), "counts": counts}
        channels = {name: delivery.report() for name, delivery in self.deliveries.items()}
        return {"role": "leader", "channels": channels, "counts": counts}

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return notify_metrics(self.deliveries if self._leads else {}, leads=self._leads)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Deliver alerts until `stop` is set. Raises ConfigError when the channels are wrong."""
    channels = read_channels(config)
    hide([secret for channel in channels for secret in (channel.address, channel.secret) if secret])
    for channel in channels:
        await sender_of(channel).close()  # said here, before anything starts
    await run_process("notify", KINDS, config, stop, lambda bus, tally: Notify(bus, config, channels, tally))
