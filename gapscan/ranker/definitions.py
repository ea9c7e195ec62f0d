"""What the leading ranker ranks: the lists that come with gapscan, and those that users add while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import islice
from typing import Any, Final

from gapscan.bus.client import Bus
from gapscan.bus.definitions import Entry, read_entries, remove_list, retire_list, write_definition
from gapscan.bus.topology import Retention, bucket_config, ensure, list_names
from gapscan.errors import ConfigError
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.spec import MAX_OWN, ListSet, ListSpec, compile_list
from gapscan.service.all_lists import watch_definitions

REREAD_SECONDS: Final = 1.0  # between two readings, when no change was noticed

_log = logger("ranker")


class Definitions:
    """The lists to rank, kept in step with the bucket. `specs` has them in order; `changed` is set when they change.

    A definition that cannot be ranked is refused, and costs no other list. Lists that come with gapscan are put back
    when somebody removes or changes them.
    """

    def __init__(self, bus: Bus, shipped: ListSet, retention: Retention, tally: Tally) -> None:
        self.specs: tuple[ListSpec, ...] = shipped.specs
        self.changed = asyncio.Event()
        self.refused: dict[str, str] = {}
        self._bus = bus
        self._shipped = {spec.name: spec for spec in shipped.specs}
        self._retention = retention
        self._tally = tally
        self._own: dict[str, ListSpec] = {}
        self._compiled_from: dict[str, ListDefinition | str] = {}  # what each own list was compiled from, or its fault

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows: how many own lists are ranked, and why others are not."""
        return {"own": len(self._own), "refused": dict(self.refused)}

    async def recover(self) -> None:
        """Bring bucket and ranker together, and clear away what lists that are defined no longer have left behind.

        Lists of an earlier gapscan that no longer come with it are removed. Those that come with this one are written
        by `follow`: when the caller has made them, so that nobody asks for a list in vain. Raises BusError.
        """
        await ensure(self._bus, bucket_config(self._bus.names.bucket_lists, self._retention))
        entries = await read_entries(self._bus) or []
        for entry in entries:
            if entry.name not in self._shipped and not _is_own(entry):
                _log.info("list no longer comes with gapscan", extra={"list": entry.name})
                await remove_list(self._bus, entry.name)
        self._apply(entries)
        for name in await list_names(self._bus) - {entry.name for entry in entries} - self._shipped.keys():
            await retire_list(self._bus, name)

    async def follow(self) -> None:
        """Stay in step with the bucket, for ever."""
        await watch_definitions(self._bus, self._reread, self._tally)

    async def _reread(self, removed: Set[str]) -> float:
        """Take over what the bucket holds, but for lists that were just removed. One that was added again at once
        follows with the next reading: what was kept of the old one must be gone before."""
        entries = await read_entries(self._bus)
        if not entries:
            # A server that lost its disk: nobody removes the lists that come with gapscan.
            await ensure(self._bus, bucket_config(self._bus.names.bucket_lists, self._retention))
            entries = [Entry(name, spec.definition) for name, spec in self._own.items()]
            for spec in self._own.values():
                await write_definition(self._bus, spec.definition)
        await self._put_back({entry.name: entry for entry in entries})
        self._apply([entry for entry in entries if entry.name not in removed])
        return REREAD_SECONDS

    def _apply(self, entries: Sequence[Entry]) -> None:
        before = self.specs
        self._compile(entries)
        self.specs = (*self._shipped.values(), *self._own.values())
        if [spec.definition for spec in self.specs] != [spec.definition for spec in before]:
            self.changed.set()

    async def _put_back(self, found: Mapping[str, Entry]) -> None:
        for name, spec in self._shipped.items():
            if name not in found or found[name].definition != spec.definition:
                await write_definition(self._bus, spec.definition)

    def _compile(self, entries: Iterable[Entry]) -> None:
        """Compile the own lists that are new or changed; keep the others as they are."""
        own = {entry.name: entry for entry in entries if entry.name not in self._shipped and _is_own(entry)}
        self._compiled_from = {name: content for name, content in self._compiled_from.items() if name in own}
        self.refused = {name: why for name, why in self.refused.items() if name in own}
        specs: dict[str, ListSpec] = {}
        for name, entry in islice(own.items(), MAX_OWN):
            spec = self._own.get(name) if self._compiled_from.get(name) == _content(entry) else self._compiled(entry)
            if spec is not None:
                specs[name] = spec
        for name in islice(own, MAX_OWN, None):
            self._refuse(name, f"there are more than {MAX_OWN} own lists", "too many")
        self._own = specs

    def _compiled(self, entry: Entry) -> ListSpec | None:
        self.refused.pop(entry.name, None)
        self._compiled_from[entry.name] = _content(entry)
        try:
            if entry.definition is None:
                raise ConfigError(entry.fault)
            return compile_list(entry.definition)
        except ConfigError as error:
            self._refuse(entry.name, str(error), _content(entry))
            return None

    def _refuse(self, name: str, why: str, content: ListDefinition | str) -> None:
        if self.refused.get(name) != why:
            self._tally.count("lists_refused")
            _log.warning("list is not ranked: %s", why, extra={"list": name})
        self.refused[name] = why
        self._compiled_from[name] = content


def _is_own(entry: Entry) -> bool:
    """Whether a user added it; what cannot be read is nobody else's."""
    return entry.definition is None or entry.definition.own


def _content(entry: Entry) -> ListDefinition | str:
    return entry.definition or entry.fault
