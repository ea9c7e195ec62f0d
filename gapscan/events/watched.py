"""The alerts that are watched for: kept in step with their bucket, compiled once, a faulty one costs no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from gapscan.bus.alert_definitions import read_alerts
from gapscan.bus.client import Bus
from gapscan.errors import BusError, ConfigError
from gapscan.obs import Tally, logger
from gapscan.protocol.alerts import MAX_ALERTS, AlertDefinition
from gapscan.ranking.alerts import AlertSpec, compile_alert

REREAD_SECONDS: Final = 1.0

_log = logger("events")


class WatchedAlerts:
    """The alerts by the list that they look at. `changed` is called when they are others."""

    def __init__(self, bus: Bus, tally: Tally, changed: Callable[[], None]) -> None:
        self.refused: dict[str, str] = {}
        self._bus = bus
        self._tally = tally
        self._changed = changed
        self._read: dict[str, AlertDefinition | str] = {}
        self._specs: dict[str, AlertSpec] = {}

    def of(self, name: str) -> list[AlertSpec]:
        """Those that look at list `name`."""
        return [spec for spec in self._specs.values() if spec.definition.list == name]

    def count(self) -> int:
        """How many are watched for."""
        return len(self._specs)

    async def follow(self) -> None:
        """Stay in step, for ever."""
        while True:
            await asyncio.sleep(REREAD_SECONDS)
            try:
                await self.read()
            except BusError as error:
                self._tally.trouble("alerts_unread", f"alerts cannot be read: {error.message}")

    async def read(self) -> None:
        """Take over what the bucket holds. Raises BusError."""
        found = await read_alerts(self._bus) or {}
        if found == self._read:
            return
        self._read, self.refused = found, {}
        kept = {name: spec for name, spec in self._specs.items() if found.get(name) == spec.definition}
        specs = {name: kept.get(name) or self._compiled(name, one) for name, one in sorted(found.items())}
        good = [spec for spec in specs.values() if spec is not None]
        self._specs = {spec.definition.name: spec for spec in good[:MAX_ALERTS]}
        self._refuse_others(good[MAX_ALERTS:])
        self._changed()

    def _compiled(self, name: str, found: AlertDefinition | str) -> AlertSpec | None:
        try:
            if isinstance(found, str):
                raise ConfigError(found)
            return compile_alert(found)
        except ConfigError as error:
            self.refused[name] = str(error)
            _log.warning("alert is not watched for: %s", error, extra={"alert": name})
            return None

    def _refuse_others(self, others: Sequence[AlertSpec]) -> None:
        for spec in others:
            self.refused[spec.definition.name] = f"there are more than {MAX_ALERTS} alerts"

    def report(self, lists: Collection[str]) -> dict[str, Any]:
        """What `gapscan status` shows of them; `lists` are those that are defined."""
        definitions = [spec.definition for spec in self._specs.values()]
        return {
            "watched": len(self._specs),
            "refused": dict(self.refused),
            "without_list": {one.name: one.list for one in definitions if lists and one.list not in lists},
            "channels": {one.name: list(one.channels) for one in definitions if one.channels},
        }
