"""What Prometheus reads of a process: the counts of its tally, its state, and the process itself.

The kinds of counts of each service are declared in the `metrics` module of its room: what has not happened yet is
served as 0, so that a first failure shows as an increase.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gapscan import __version__
from gapscan.bus.client import Bus
from gapscan.config import ServiceSection
from gapscan.errors import ConfigError
from gapscan.obs import Tally
from gapscan.service.lateness import Stage, report

if TYPE_CHECKING:
    from aiohttp import web

PREFIX: Final = "gapscan_"
_GRACE_SECONDS: Final = 0.1  # at the end, for a scrape that is under way

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, which nobody asks for


@dataclass(frozen=True)
class Family:
    """Counts whose names begin alike, `error.bad_json`, as one metric with a label. `known` are those that may come."""

    metric: str
    label: str
    text: str
    known: Collection[str] = ()


@dataclass(frozen=True)
class Kinds:
    """What a service counts. All that is not among `counts` and `families` is a failure: those share one metric.

    `counts` have the text that explains them; `families` are by what their names have before the first dot.
    """

    counts: Mapping[str, str]
    failures: Collection[str]
    families: Mapping[str, Family] = field(default_factory=dict)


# What the tally's owner has of others.
LEADERSHIP_COUNTS: Final = {"terms": "times that this process began to lead"}
LEADERSHIP_FAILURES: Final = frozenset({"terms_lost", "terms_failed"})
ALL_LISTS_FAILURES: Final = frozenset(
    {"definitions_failed", "definitions_unreadable", "follow_crashed", "follow_failed", "lists_unknown"}
)

Collect = Callable[[], Iterable[Metric]]


def gauge(name: str, text: str, value: float) -> Metric:
    """A number that goes up and down, without labels; `name` is without the prefix."""
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def gauges(name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]) -> Metric:
    """The same for each combination of the labels' values: pairs of these and the number."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for combination, value in values:
        family.add_metric(combination, value)
    return family


class Metrics:
    """All figures of a process. Collected on the event loop, where nothing changes meanwhile."""

    def __init__(self, service: str, tally: Tally | None = None, kinds: Kinds | None = None) -> None:
        self._service = service
        self._bus: Bus | None = None
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # Linux; elsewhere it has nothing
        self.add(self._common)
        if tally is not None and kinds is not None:
            self.add(lambda: _counted(service, tally, kinds))

    def add(self, collect: Collect) -> None:
        """Serve what `collect` says too."""
        self._registry.register(_Collected(collect))

    def observe(self, bus: Bus) -> None:
        """The connection to NATS, from now on."""
        self._bus = bus

    def _common(self) -> Iterator[Metric]:
        bus = self._bus
        about = (self._service, __version__)
        yield gauges("build_info", "1, with the service and gapscan's version", ("service", "version"), [(about, 1)])
        yield gauge("nats_connected", "1 while NATS is connected", bus is not None and bus.connected)
        text = "returns of the connection to NATS"
        yield CounterMetricFamily(f"{PREFIX}nats_reconnects", text, value=bus.reconnects if bus else 0)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The figures as text, and its content type, for a request with this Accept header."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def response(self, request: web.Request) -> web.Response:
        """The answer to a scrape."""
        from aiohttp import web

        body, content_type = self.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


class _Collected(Collector):
    def __init__(self, collect: Collect) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def _counted(service: str, tally: Tally, kinds: Kinds) -> Iterator[Metric]:
    prefix, left = f"{PREFIX}{service}_", dict(tally.counts)
    for kind, text in kinds.counts.items():
        yield CounterMetricFamily(prefix + kind, text, value=left.pop(kind, 0))
    for start, family in kinds.families.items():
        values = dict.fromkeys(family.known, 0) | {
            kind.partition(".")[2]: left.pop(kind) for kind in tuple(left) if kind.startswith(f"{start}.")
        }
        yield _labelled(prefix + family.metric, family.text, family.label, values)
    values = dict.fromkeys(sorted(kinds.failures), 0) | left
    yield _labelled(f"{prefix}failures", "what went wrong, by kind; the log says more of it", "kind", values)


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


@asynccontextmanager
async def serving(section: ServiceSection, metrics: Metrics) -> AsyncIterator[None]:
    """Serve /metrics where the settings say, if they do. Raises ConfigError when the port cannot be had."""
    if not section.metrics_port:
        yield
        return
    from aiohttp import web  # most processes serve none, and nothing takes them longer to load

    async def answer(request: web.Request) -> web.Response:
        return metrics.response(request)

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await _listen(runner, section.metrics_host, section.metrics_port)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    from aiohttp import web

    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigError(
            f"cannot serve metrics on {host}:{port}: {error.strerror}",
            remedy="set another metrics_port in [service], or 0 for none",
        ) from None


def stage_metrics(name: str, stages: Mapping[str, Stage]) -> Iterable[Metric]:
    """One metric for all stages of a service, with the labels stage and percentile."""
    values = [
        ((stage, percentile), seconds)
        for stage, found in report(stages).items()
        for percentile, seconds in (("50", found.p50), ("99", found.p99))
    ]
    text = "seconds of each stage, of the last minute: what the market sends is late by their sum"
    yield gauges(f"{name}_lateness_seconds", text, ("stage", "percentile"), values)
