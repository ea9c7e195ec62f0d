"""A user's own alerts: a TOML file beside that of the lists, kept in the same way, and what of it is on NATS."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gapscan.bus.alert_definitions import read_alerts, remove_alert, write_alert
from gapscan.bus.client import Bus
from gapscan.bus.definitions import read_definition, remove_list, write_definition
from gapscan.config import Config, expanded, user_config_dir
from gapscan.errors import ConfigError
from gapscan.protocol.alerts import HIDDEN_PREFIX, AlertDefinition
from gapscan.ranking.alerts import check_alerts, hidden_list
from gapscan.service.own_lists_file import read_own, tables_of

SECTION: Final = "alerts"
FILE_NAME: Final = "alerts.toml"


def alerts_file(config: Config) -> Path:
    """Where the user's alerts are. Raises ConfigError when nothing says it, and the user has no home."""
    given = config.events.alerts_file
    return expanded(given) if given else user_config_dir() / FILE_NAME


async def publish(bus: Bus, wanted: Iterable[AlertDefinition], removed: Iterable[str]) -> None:
    """Tell whoever watches of new and changed alerts, with the lists that they need, and remove others.

    Raises BusError.
    """
    for definition in wanted:
        if definition.where:
            await write_definition(bus, hidden_list(definition))
        await write_alert(bus, definition)
        if not definition.where:
            await _remove_hidden(bus, HIDDEN_PREFIX + definition.name)
    for name in removed:
        await remove_alert(bus, name)
        await _remove_hidden(bus, HIDDEN_PREFIX + name)


async def _remove_hidden(bus: Bus, name: str) -> None:
    """Remove the list of an alert; a user's own list of an earlier version may have such a name too."""
    definition = await read_definition(bus, name)
    if definition is not None and definition.hidden:
        await remove_list(bus, name)


async def load(bus: Bus, path: Path) -> list[str]:
    """Make the alerts of the file the only ones there are; what is wrong with it.

    A faulty alert stays as it was. Raises BusError.
    """
    try:
        text = read_own(path)
        good, faults = check_alerts(text, str(path))
    except ConfigError as error:
        return [str(error)]
    found = await read_alerts(bus) or {}
    await publish(bus, good, found.keys() - tables_of(text, SECTION).keys())
    return [str(fault) for fault in faults]


def changed(before: Iterable[AlertDefinition], after: Iterable[AlertDefinition]) -> list[AlertDefinition]:
    """What is new or another one in `after`."""
    old = {definition.name: definition for definition in before}
    return [definition for definition in after if old.get(definition.name) != definition]
