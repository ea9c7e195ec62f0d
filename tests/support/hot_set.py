"""The hot set as its manager writes it, change by change."""

from __future__ import annotations

from gapscan.bus.client import Bus
from gapscan.bus.hotset import HotPublisher
from gapscan.bus.topology import Retention


class Writer:
    """The hot manager's publisher, led by hand."""

    def __init__(self, bus: Bus) -> None:
        self.publisher = HotPublisher(bus)
        self._recovered = False

    @property
    def symbols(self) -> set[str]:
        """The hot set as it is stored."""
        return self.publisher.symbols

    @property
    def sequence(self) -> int:
        """The sequence of the last command."""
        return self.publisher.sequence

    async def recover(self) -> None:
        """Continue where the stream ends."""
        await self.publisher.recover(Retention())
        self._recovered = True

    async def send(self, action: str, *symbols: str) -> None:
        """Publish a command that subscribes to these symbols, or unsubscribes."""
        if not self._recovered:
            await self.recover()
        change = self.symbols.union if action == "subscribe" else self.symbols.difference
        await self.publisher.publish(change(symbols), 0)
