"""Whether there is what alerts name: the lists that they look at, and the channels that they are sent to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_entries
from gapscan.bus.direct_get import NoStreamError, get_last_of_each
from gapscan.config import Config
from gapscan.errors import BusError, ConfigError
from gapscan.notify.channels import channel_names
from gapscan.protocol import names
from gapscan.protocol.alerts import AlertDefinition
from gapscan.ranking.spec import shipped_lists
from gapscan.service import own_lists_file
from gapscan_cli import exits, output
from gapscan_cli.completion import nearest


@dataclass(frozen=True, slots=True)
class Targets:
    """The lists and channels that are known. `sure`: a running gapscan says which lists there are."""

    lists: frozenset[str]
    channels: frozenset[str]
    sure: bool


def accepted(config: Config, nats: BusOptions | None, definitions: Sequence[AlertDefinition], source: str) -> bool:
    """Say which alerts name what is not there; False when it is certain that one would never tell anything.

    A channel may come later, and where no gapscan runs a list may be one of the place where it does.
    """
    if not any(not one.where or one.channels for one in definitions):
        return True
    targets = _targets(config, nats)
    lists = list(_without_list(definitions, targets.lists))
    for fault in (*lists, *_without_channel(definitions, targets.channels)):
        output.note(exits.lines_of(ConfigError(f"{source}: {fault.message}", remedy=fault.remedy)))
    return not (lists and targets.sure)


def _targets(config: Config, nats: BusOptions | None) -> Targets:
    lists = {*shipped_lists().names, *_own_lists(config)}
    try:
        there, channels = asyncio.run(_on_nats(nats)) if nats else (None, set())
    except BusError:
        there, channels = None, set()
    return Targets(
        frozenset(lists | (there or set())), frozenset(channels | _own_channels(config)), sure=there is not None
    )


def _own_lists(config: Config) -> set[str]:
    try:
        return set(own_lists_file.tables_of(own_lists_file.read_own(own_lists_file.own_file(config))))
    except (ConfigError, ValueError):
        return set()  # whoever reads it says what is wrong with it


def _own_channels(config: Config) -> set[str]:
    try:
        return set(channel_names(config))
    except ConfigError:
        return set()


async def _on_nats(nats: BusOptions) -> tuple[set[str] | None, set[str]]:
    """The lists that are defined there, None when gapscan has never run there; the channels that were delivered to."""
    async with connect(nats, "gapscan alerts") as bus:
        entries = await read_entries(bus)
        return None if entries is None else {entry.name for entry in entries}, await _channels(bus)


async def _channels(bus: Bus) -> set[str]:
    bucket = bus.names.bucket_channels
    try:
        stored = await get_last_of_each(bus, names.bucket_stream(bucket), names.key_subject(bucket))
    except NoStreamError:
        return set()
    return {names.key_of(bucket, one.subject) for one in stored if one.data}


def _without_list(definitions: Sequence[AlertDefinition], lists: frozenset[str]) -> Iterator[ConfigError]:
    for one in definitions:
        if not one.where and one.list not in lists:
            yield _missing(f"alert {one.name}, list: there is no list {one.list}", one.list, lists, "gapscan lists")


def _without_channel(definitions: Sequence[AlertDefinition], channels: frozenset[str]) -> Iterator[ConfigError]:
    for one in definitions:
        for channel in one.channels:
            if channel not in channels:
                text = f"alert {one.name}, channels: there is no channel {channel}"
                yield _missing(text, channel, channels, "channels.toml")


def _missing(text: str, name: str, known: frozenset[str], where: str) -> ConfigError:
    meant = nearest(name, sorted(known))
    return ConfigError(text, remedy=f"did you mean {meant}?" if meant else f"`{where}` has those that there are")
