"""The bridge: follows every list on NATS, and serves browsers. It keeps nothing that NATS does not have."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import Any, Final

from gapscan.bridge import metrics
from gapscan.bridge.alert_reader import AlertReader
from gapscan.bridge.bar_reader import BarReader
from gapscan.bridge.broadcast import Broadcaster, open_writer
from gapscan.bridge.connection_gate import open_socket
from gapscan.bridge.editing import EditPolicy
from gapscan.bridge.forwarding import Proxies
from gapscan.bridge.history import ListStatus, Position
from gapscan.bridge.http import serving
from gapscan.bridge.limits import Limits
from gapscan.bridge.origin import own_hosts
from gapscan.bridge.own_lists import OwnLists
from gapscan.bridge.past import PastLists
from gapscan.bridge.policy import AccessPolicy
from gapscan.bridge.questions import Told
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.symbol_facts import SymbolFacts
from gapscan.bridge.trials import Source
from gapscan.bridge.versions import VersionStore
from gapscan.bus.bars_client import ask_bars
from gapscan.bus.client import Bus, options_of
from gapscan.bus.definitions import Entry
from gapscan.bus.why_client import ask_near, ask_preview, ask_why
from gapscan.client.api import ListView
from gapscan.client.tape_reader import TapeReader
from gapscan.config import Config, directory_of
from gapscan.config.links import links_of
from gapscan.config.origins import check_origins, names_of
from gapscan.config.proxies import proxies_of
from gapscan.errors import BusError, UnknownListError
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition, Preview, SymbolBars
from gapscan.protocol.websocket import AskNear, AskWhy, ListInfo, Question
from gapscan.runtime import AdaptiveInterval, run_together, until_stopped
from gapscan.service.all_lists import ListWatches
from gapscan.service.connecting import lasting_bus
from gapscan.service.metrics import Metrics
from gapscan.service.metrics import serving as serving_metrics
from gapscan.service.own_lists_file import own_file, publish
from gapscan.service.reporting import reporting

NEAR_MISSES: Final = 50  # of a list, for a client
PREVIEWED: Final = 20  # symbols of a list that nobody has added

_log = logger("bridge")


class Bridge:
    """What happens on NATS, passed on to browsers. It is the watcher of all lists."""

    def __init__(self, config: Config, writer: Broadcaster | None = None) -> None:
        section = config.bridge
        self.tally = Tally(_log)
        pace = AdaptiveInterval(section.window, section.cpu_budget)
        self.bridge = BridgeServer(VersionStore(), pace, Limits.of(section), self.tally, writer=writer)
        self.metrics = Metrics("bridge", self.tally, metrics.KINDS)
        self.metrics.add(lambda: metrics.bridge_metrics(self.bridge, self.conditions()))
        self._past = PastLists(self.open_tape)
        self._facts = SymbolFacts(lambda: self._reached, self.bridge.versions, self.bridge.clock, self._past.days)
        self._config = config
        self._bus: Bus | None = None
        self._rewinds: Counter[tuple[str, str]] = Counter()  # by list and epoch

    def conditions(self) -> Mapping[str, bool]:
        """What must hold for clients to get what they ask for."""
        return {
            "nats_connected": self._bus is not None and self._bus.connected,
            "lists_known": self.bridge.versions.ready,
        }

    def trouble(self) -> str:
        """Why NATS is not there, if it is not, or which lists are stale."""
        if self._bus is None:
            return "NATS was not reached yet"
        stale = sorted(n for n, history in self.bridge.versions.histories.items() if history.state == "stale")
        return self._bus.trouble or (f"stale: {', '.join(stale)}" if stale else "")

    def policy(self) -> AccessPolicy:
        """Who may come in."""
        section = self._config.bridge
        check_origins(section)
        origins = names_of(section.origins)
        hosts = own_hosts([section.host, *names_of(section.hosts)], origins)
        links, proxies = links_of(section), Proxies(proxies_of(section))
        return AccessPolicy(
            origins,
            hosts,
            section.token,
            section.window,
            self.ask,
            self._past,
            self.ask_bars,
            self._facts,
            self.ask_preview,
            OwnLists(
                lambda: own_file(self._config), self.publish_own, lambda name: name in self.bridge.versions.histories
            ),
            self.conditions,
            self.metrics,
            links,
            self.trouble,
            self.tried_on,
            EditPolicy(section.edit, section.edit_token, section.host, names_of(section.hosts), proxies),
            section.compress,
            proxies,
        )

    def tried_on(self) -> Source:
        """What definitions are tried on: flat files, or the replayed days, and the tape of the lists' market."""
        files = directory_of(self._config.feed.flat_files) or directory_of(self._config.sim.replay or "")
        known = [each.status.simulated for each in self.bridge.versions.histories.values() if each.current is not None]
        return Source(str(files) if files else None, options_of(self._config.nats), known[0] if known else None)

    @property
    def _reached(self) -> Bus:
        if self._bus is None:
            raise BusError("NATS is not reached")
        return self._bus

    async def ask(self, question: Question) -> Told:
        """What the leading ranker says of a symbol, or the tape of the past. Raises GapscanError."""
        if isinstance(question, AskWhy):
            return await ask_why(self._reached, question.symbol, question.list)
        if isinstance(question, AskNear):
            return await ask_near(self._reached, question.list, NEAR_MISSES)
        return await self._past.answer(question)

    async def ask_bars(self, symbol: str) -> SymbolBars:
        """The minute bars of a symbol, as the leading feed has them of the provider. Raises GapscanError."""
        return await ask_bars(self._reached, symbol)

    async def ask_preview(self, definition: ListDefinition) -> Preview:
        """What a list of this definition would have, as the leading ranker says. Raises GapscanError."""
        return await ask_preview(self._reached, definition, PREVIEWED)

    async def publish_own(self, wanted: Sequence[ListDefinition], removed: Sequence[str]) -> None:
        """Tell the rankers of own lists. Raises BusError."""
        await publish(self._reached, wanted, removed)

    async def open_tape(self, name: str) -> TapeReader:
        """The tape of the market that the list is of now. Raises UnknownListError, BusError."""
        if names.LIST_NAME.fullmatch(name) is None:
            raise UnknownListError(f"there is no list {name!r}")
        history = self.bridge.versions.histories.get(name)
        simulated = history.status.simulated if history is not None and history.current is not None else None
        return await TapeReader.open(self._reached, name, simulated)

    async def run(self) -> None:
        """Follow for ever. NATS is waited for while the page is served already."""
        async with lasting_bus(self._config, "bridge") as bus:
            self._bus = bus
            self.metrics.observe(bus)
            async with reporting(bus, "bridge", self.report):
                alerts, bars = AlertReader(bus, self.bridge.alerts, self.tally), BarReader(bus, self.bridge, self.tally)
                await run_together(ListWatches(bus, self, self.tally).run(), alerts.run(), bars.run())

    def defined(self, entries: Sequence[Entry]) -> Set[str]:
        """Which lists there are; those that can be read are shown."""
        definitions = [entry.definition for entry in entries if entry.definition and not entry.definition.hidden]
        if definitions or self.bridge.versions.ready:  # else no ranker has been here yet
            self.bridge.define([_info(definition) for definition in definitions])
        return {definition.name for definition in definitions}

    def on_view(self, earlier: ListView | None, view: ListView) -> None:
        """A list has changed."""
        status = ListStatus(view.as_of, view.state, view.simulated, view.lateness, view.stored_at)
        self.bridge.put(view.list, Position(self._epoch(earlier, view), view.sequence), view.as_of, view.rows, status)

    def _epoch(self, earlier: ListView | None, view: ListView) -> str:
        """For browsers, a list that went back to sequences that they know begins anew."""
        at = view.list, view.epoch
        if earlier is not None and earlier.epoch == view.epoch and not view.continues(earlier):
            self._rewinds[at] += 1
        return f"{view.epoch}.{self._rewinds[at]}" if at in self._rewinds else view.epoch

    def lost(self, name: str) -> None:
        """A list is not followed at present."""
        self.bridge.lost(name)

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this bridge."""
        return metrics.report(self.bridge)


def _info(definition: ListDefinition) -> ListInfo:
    return ListInfo(
        definition.name,
        definition.description,
        definition.sort,
        definition.sessions,
        definition.limit,
        definition.columns,
    )


def _allow_many_files() -> None:
    """Each client is an open file; the usual limit of a process is far below what the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a bridge until `stop` is set."""
    _allow_many_files()
    listening = open_socket(config.bridge.host, config.bridge.port)
    host, port = listening.getsockname()[:2]
    with open_writer(io_uring=config.bridge.io_uring) as writer:
        bridge = Bridge(config, writer)
        async with (
            serving_metrics(config.service, bridge.metrics),
            serving(listening, bridge.bridge, bridge.policy()),
        ):
            _log.info("serving browsers", extra={"url": f"http://{host}:{port}"})
            await until_stopped(stop, bridge.run(), bridge.bridge.run())
