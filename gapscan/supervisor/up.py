"""`gapscan up`: the embedded server and all services as one supervised set of processes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from gapscan import __version__, providers, runfile
from gapscan.bus.client import connect
from gapscan.bus.topology import bucket_config, ensure
from gapscan.config import (
    Config,
    ServiceSection,
    as_environment,
    secrets_of,
    service_links,
)
from gapscan.errors import ConfigError
from gapscan.notify.channels import read_channels
from gapscan.obs import hide, logger, setup_logging
from gapscan.pids import birth_of
from gapscan.protocol.names import PREFIX
from gapscan.runtime import end, run, until_stopped
from gapscan.service import own_alerts_file, own_lists_file
from gapscan.service.connecting import retention
from gapscan.service.retrying import retrying
from gapscan.supervisor import ports
from gapscan.supervisor.catalog import SERVICES
from gapscan.supervisor.data_directory import end_orphans, made, only_one
from gapscan.supervisor.disk_watch import DiskWatch
from gapscan.supervisor.embedded import EmbeddedServer
from gapscan.supervisor.process import Process, service_process
from gapscan.supervisor.simulated import as_simulated

DEFAULT_NATS_PORT: Final = 4222
# All must be gone within 3 s of Ctrl-C; the server goes last, so that the services can say goodbye.
_SERVICE_GRACE: Final = 1.5
_SERVER_GRACE: Final = 1.0
_READY_SECONDS: Final = 30.0  # a replay reads its files first
_ALL_ADDRESSES: Final = ("0.0.0.0", "::")  # to listen on; not to go to

_log = logger("up")

Say = Callable[[str], None]


class UpOptions(Struct, frozen=True):
    """Where the set keeps its data, and its ports: None for the usual one, 0 for a free one."""

    data: Path
    nats_port: int | None = None
    http_port: int | None = None


def run_up(config: Config, options: UpOptions, say: Say) -> int:
    """Run everything until SIGINT, SIGTERM or SIGHUP; the exit code. `say` is given a line for each thing that runs.

    Raises ConfigError when the data directory or a port is taken.
    """
    hide(secrets_of(config))
    setup_logging(config.log.level, config.log.style)
    for variable in service_links():
        _log.debug("%s is of Kubernetes, and no setting", variable)
    options = structs.replace(options, data=made(options.data))
    with only_one(options.data):
        end_orphans(options.data)
        run(lambda stop: Up(config, options, say).run(stop))
    return 0


class Up:
    """The set. Ports, once taken, are kept over restarts of their owners."""

    def __init__(self, config: Config, options: UpOptions, say: Say) -> None:
        self._options = options
        self._say = say
        has_account = providers.has_account(config.provider)
        self.simulated = bool(config.provider.simulated or config.sim.replay or config.sim.recording or not has_account)
        self.config = as_simulated(config) if self.simulated else config
        self._key_variable = providers.key_variable(config.provider)
        self._http_port = 0
        self._processes: list[Process] = []
        self._metrics_urls: dict[str, str] = {}
        self._server = EmbeddedServer(config.nats.prefix or PREFIX)
        self._unwritten = 0  # how often the run file could not be written since it last was

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, keep it running, end it. Asked to stop while it starts, it ends what has started."""
        starting, asked = asyncio.create_task(self._start()), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
            await end(asked, *([] if starting.done() else [starting]))
            if not starting.cancelled():
                starting.result()
                disk = DiskWatch(self._store, self._server.restart)
                await until_stopped(stop, disk.run(), *(process.keep() for process in self._processes))
        finally:
            await self._end()

    async def _start(self) -> None:
        self._say(self._title())
        self._http_port = self._choose_http_port()
        await self._start_server()
        await retrying("up", "loading own lists", self._load_own_lists)
        await self._start_services()
        self._say(f"in a browser:  {self._http_url}")
        self._say("watch a list:  gapscan watch gappers_up     end:  Ctrl-C")

    def _title(self) -> str:
        if not self.simulated:
            return f"gapscan {__version__}"
        sim = self.config.sim
        why = "a replay" if sim.replay else "a recording" if sim.recording else f"no {self._key_variable}"
        return f"gapscan {__version__}   SIMULATED market ({why})"

    def _choose_http_port(self) -> int:
        given = self._options.http_port
        wanted = self.config.bridge.port if given is None else given
        if wanted and not ports.is_free(wanted):
            raise ConfigError(f"port {wanted} is taken", remedy="give --http-port another, or 0 for a free one")
        return wanted or ports.free_port()

    async def _start_server(self) -> None:
        wanted = DEFAULT_NATS_PORT if self._options.nats_port is None else self._options.nats_port
        if wanted and not ports.is_free(wanted):
            raise ConfigError(f"port {wanted} is taken", remedy="give --nats-port another, or 0 for a free one")
        self._clear_store()
        server = self._server.process(wanted, self._store, self._write_runfile)
        self._processes.append(server)
        await self._server.start(_READY_SECONDS)
        self._announce("nats", self._server.url, server)

    @property
    def _store(self) -> Path:
        """Where the server and the feed keep their data."""
        return self._options.data / "simulated" if self.simulated else self._options.data

    def _clear_store(self) -> None:
        """A simulated market begins anew: what is left of an earlier one is of another time, and must never show
        among real prices."""
        if self.simulated:
            shutil.rmtree(self._store, ignore_errors=True)
            self._store.mkdir()

    async def _load_own_lists(self) -> None:
        """Before a ranker asks for them. What is wrong with them is said, and costs no other list."""
        try:
            path = own_lists_file.own_file(self.config)
        except ConfigError as error:
            _log.warning("there are no own lists: %s", error)
            return
        async with connect(self._server.options, "gapscan up") as bus:
            for bucket in (bus.names.bucket_lists, bus.names.bucket_alerts):
                await ensure(bus, bucket_config(bucket, retention(self.config)))
            for fault in await own_lists_file.load(bus, path):
                _log.warning("own list left out: %s", fault)
            for fault in await own_alerts_file.load(bus, own_alerts_file.alerts_file(self.config)):
                _log.warning("own alert left out: %s", fault)

    @property
    def _http_url(self) -> str:
        host = self.config.bridge.host
        return f"http://{'127.0.0.1' if host in _ALL_ADDRESSES else host}:{self._http_port}/"

    async def _start_services(self) -> None:
        config = structs.replace(
            self.config,
            nats=self._server.section(self.config.nats),
            feed=structs.replace(self.config.feed, cache_dir=self.config.feed.cache_dir or str(self._store)),
            bridge=structs.replace(self.config.bridge, port=self._http_port),
            history=structs.replace(self.config.history, store_dir=self.config.history.store_dir or str(self._store)),
            service=ServiceSection(instance=str(self._options.data.resolve())),
        )
        listens = {"sim": config.sim.port, "bridge": config.bridge.port}
        for name, where in self._plan().items():
            process = self._service(name, config)
            self._processes.append(process)
            await process.start()
            self._announce(name, where, process)
            if port := listens.get(name):
                await ports.listening(port, _READY_SECONDS, process.lives)

    def _service(self, name: str, config: Config) -> Process:
        """A service with figures on a port of its own."""
        port = ports.free_port()
        section = structs.replace(config.service, metrics_port=port, metrics_host=ports.LOCAL)
        self._metrics_urls[name] = f"http://{ports.LOCAL}:{port}/metrics"
        return service_process(name, as_environment(structs.replace(config, service=section)), self._write_runfile)

    def _plan(self) -> dict[str, str]:
        """The services to run, and what to say of each."""
        plan = {
            "feed": f"scans every {self.config.feed.discovery_interval:g} s",
            "ranker": SERVICES["ranker"],
            "hot": SERVICES["hot"],
            "events": SERVICES["events"],
            **({"notify": SERVICES["notify"]} if self._has_channels() else {}),
            **({"recorder": SERVICES["recorder"]} if self.config.history.enabled else {}),
            "bridge": self._http_url,
        }
        return {"sim": f"http://{self.config.provider.websocket_host}", **plan} if self.simulated else plan

    def _has_channels(self) -> bool:
        """Whether alerts are to be delivered. What is wrong with the channels is said, and stops nothing."""
        try:
            return bool(read_channels(self.config))
        except ConfigError as error:
            _log.warning("alerts are not delivered: %s", error)
            return False

    def _announce(self, name: str, where: str, process: Process) -> None:
        metrics = self._metrics_urls.get(name, "")
        self._say(f"  {name:<9}{where:<33} pid {process.pid:<8}{metrics}".rstrip())

    def _write_runfile(self) -> None:
        """Say what runs, after each start. What runs is worth more than the file: where there is no room for it, it
        stays as it was until the next start, which is that of nats-server when there is room again."""
        try:
            runfile.write(self._options.data, self._running())
        except OSError as error:
            self._unwritten += 1
            if self._unwritten == 1:
                _log.warning("%s cannot be written: %s", self._options.data / runfile.FILE_NAME, error.strerror)
        else:
            if self._unwritten:
                _log.warning("%s is written again", runfile.FILE_NAME, extra={"failures": self._unwritten})
            self._unwritten = 0

    def _running(self) -> runfile.RunFile:
        services = {
            process.name: runfile.RunningProcess(process.pid, self._metrics_urls.get(process.name))
            for process in self._processes
            if process.pid is not None
        }
        server, login, pid = self._server.url, self._server.login, os.getpid()
        return runfile.RunFile(
            pid,
            server,
            self._http_url,
            self.simulated,
            services,
            login.user,
            login.password,
            birth_of(pid),
            self._server.options.prefix,
        )

    async def _end(self) -> None:
        server, services = self._processes[:1], self._processes[1:]
        for group, grace in ((services, _SERVICE_GRACE), (server, _SERVER_GRACE)):
            for process in group:
                process.ask_to_end()
            await asyncio.gather(*(process.ended(grace) for process in group))
        runfile.remove(self._options.data)
        self._server.close()
