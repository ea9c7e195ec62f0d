"""A user's own alerts from the command line: the file is changed first, then whoever watches is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import typer

from gapscan import config as settings
from gapscan.bus.alert_definitions import read_alerts
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_entries
from gapscan.errors import BusError, ConfigError, UnknownListError
from gapscan.protocol.alerts import HIDDEN_PREFIX, AlertDefinition
from gapscan.ranking.alerts import check_alerts
from gapscan.service import own_alerts_file, own_lists_file
from gapscan_cli import exits, output
from gapscan_cli.alert_targets import accepted
from gapscan_cli.completion import nearest
from gapscan_cli.connection import find_nats
from gapscan_cli.own_lists import given, in_editor_until, written

_SECTION: Final = own_alerts_file.SECTION
_TEMPLATE: Final = """\
# Alerts of your own: what `gapscan alerts` and your channels tell you of.
#
# [alerts.gapper_in]
# list = "gappers_up"            # or, over any symbol: where = "price < 5 and volume > 1_000_000"
# on = "enter"                   # leave, first, rank, halted, resumed; or when: a condition turns true
# when = "rvol >= 3"
# dwell = 10                     # seconds of market time for which it must stay so
# cooldown = 600                 # until the same symbol is told of again
# text = "{symbol} gaps {gap_percent} % on rvol {rvol}"
"""


@dataclass(frozen=True, slots=True)
class OwnAlerts:
    """Where the user's file is, and how to reach the NATS that is to know. `asked`: the user named that NATS."""

    path: Path
    nats: BusOptions | None
    asked: bool
    config: settings.Config = field(default_factory=settings.Config)

    @classmethod
    def of(
        cls,
        alerts_file: str | None,
        nats: str | None,
        data: Path | None,
        config_file: Path | None,
        context: str | None = None,
    ) -> OwnAlerts:
        """What the options say. Raises ConfigError."""
        loaded = settings.load(config_file)
        path = settings.expanded(alerts_file) if alerts_file else own_alerts_file.alerts_file(loaded.config)
        try:
            options = find_nats(nats, config_file, data, context)
        except BusError:
            options = None
        return cls(path, options, any(one is not None for one in (nats, data, context)), loaded.config)

    def read(self) -> tuple[str, list[AlertDefinition]]:
        """The user's file and what it defines; faulty alerts are left out."""
        text = own_lists_file.read_own(self.path)
        return text, check_alerts(text, str(self.path))[0]


def add_alerts(desk: OwnAlerts, file: str, replace: bool) -> int:
    """Take the alerts of `file` in."""
    addition, source = given(file)
    new = checked(addition, source)
    if new is None:
        return exits.USER
    if not new:
        raise ConfigError(f"{source} has no alerts", remedy="an alert is a table, [alerts.NAME]")
    if not accepted(desk.config, desk.nats, new, source):
        return exits.USER

    def merged(text: str) -> str:
        result = own_lists_file.merged(text, addition, replace=replace, section=_SECTION)
        if checked(result, str(desk.path)) is None:
            raise typer.Exit(exits.USER)
        return result

    own_lists_file.change_own(desk.path, merged)
    return _tell(desk, new, [])


def edit_alerts(desk: OwnAlerts, name: str | None) -> int:
    """Let the user edit the file, or one alert of it. What is faulty takes no place."""

    def whole(part: str) -> str | None:
        if checked(part, "the edited text") is None:
            return None
        return written(desk.path, text, own_lists_file.replaced(text, name, part, _SECTION) if name else part)

    text, before = desk.read()
    if name and name not in own_lists_file.tables_of(text, _SECTION):
        raise _not_own(desk, name, text)
    part = own_lists_file.block_of(text, name, _SECTION) if name else text or _TEMPLATE
    edited = in_editor_until(whole, part, desk.path)
    if edited is None:
        return exits.USER
    if edited == text:
        output.say("nothing changed")
        return exits.OK
    after = desk.read()[1]
    changed = own_alerts_file.changed(before, after)
    accepted(desk.config, desk.nats, changed, str(desk.path))  # it is said, and the edit is not lost
    gone = {definition.name for definition in before} - {definition.name for definition in after}
    return _tell(desk, changed, sorted(gone))


def remove_own(desk: OwnAlerts, name: str) -> int:
    """Remove one of the user's alerts, from the file and from NATS."""
    text, _ = desk.read()
    mine = own_lists_file.tables_of(text, _SECTION)
    if name in mine:
        own_lists_file.change_own(desk.path, lambda now: own_lists_file.without(now, name, _SECTION))
    elif name not in _known(desk):
        raise _not_own(desk, name, text)
    return _tell(desk, [], [name])


def check_file(desk: OwnAlerts, file: str | None) -> int:
    """Say whether the alerts of `file`, or the user's own, are right."""
    text, source = given(file) if file else (own_lists_file.read_own(desk.path), str(desk.path))
    good = checked(text, source)
    if good is None or not accepted(desk.config, desk.nats, good, source):
        return exits.USER
    names = ", ".join(definition.name for definition in good) or "no alerts"
    output.say(f"ok: {source}: {names}")
    return exits.OK


def checked(text: str, source: str) -> list[AlertDefinition] | None:
    """The alerts of the text; None when it has faults, which are all said."""
    try:
        good, faults = check_alerts(text, source)
    except ConfigError as error:
        good, faults = [], [error]
    for fault in faults:
        output.note(exits.lines_of(fault))
    return None if faults else good


def _known(desk: OwnAlerts) -> set[str]:
    try:
        return asyncio.run(_with_nats(desk, _names))
    except BusError:
        return set()


async def _names(bus: Bus) -> set[str]:
    """The alerts on NATS, and those of which only the list is left: removing one may have been cut short."""
    lists = [entry.name for entry in await read_entries(bus) or [] if entry.definition and entry.definition.hidden]
    return {*(await read_alerts(bus) or {}), *(name.removeprefix(HIDDEN_PREFIX) for name in lists)}


def _not_own(desk: OwnAlerts, name: str, text: str) -> UnknownListError:
    meant = nearest(name, own_lists_file.tables_of(text, _SECTION))
    remedy = f"did you mean {meant}?" if meant else "`gapscan alerts check` shows yours"
    return UnknownListError(f"there is no alert named {name!r} in {desk.path}", remedy=remedy)


def _tell(desk: OwnAlerts, changed: Sequence[AlertDefinition], removed: Sequence[str]) -> int:
    """Publish what changed, and say what came of it."""

    async def work(bus: Bus) -> set[str]:
        if await read_alerts(bus) is None:
            raise BusError("gapscan has never run on that NATS")
        await own_alerts_file.publish(bus, changed, removed)
        return set()

    try:
        asyncio.run(_with_nats(desk, work))
    except BusError as error:
        output.say(f"{desk.path} is changed; the next `gapscan up` takes it up")
        output.note(f"nobody is told: {error.message}")
        return exits.WORLD if desk.asked else exits.OK
    for definition in changed:
        output.say(f"{definition.name}: watched for in {definition.list}")
    for name in removed:
        output.say(f"{name}: removed")
    return exits.OK


async def _with_nats(desk: OwnAlerts, work: Callable[[Bus], Awaitable[set[str]]]) -> set[str]:
    if desk.nats is None:
        raise BusError("no gapscan is running there")
    async with connect(desk.nats, "gapscan alerts") as bus:
        return await work(bus)
