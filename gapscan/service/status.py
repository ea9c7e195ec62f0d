"""What runs and how it is: asked of the services themselves, and checked against what NATS holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import NoStreamError, get_last
from gapscan.bus.snapshots import read_snapshot
from gapscan.errors import BusError, ProtocolError
from gapscan.protocol.messages import Snapshot
from gapscan.service.account_status import Backfill, Plan
from gapscan.service.alert_faults import alert_faults
from gapscan.service.lateness import Percentiles
from gapscan.service.problems import (
    Instance,
    instance_problems,
    leading_feed,
    leading_ranker,
    service_problems,
    storage_problems,
)

ANSWER_SECONDS: Final = 0.5  # services answer in milliseconds; who has not by then is not there

Stages = dict[str, Percentiles]


class Coverage(Struct):
    """Symbols with a price today, of those that the reference data knows; symbols of the last scan that are left out
    because of their time: of an earlier day (`past`), or of the future."""

    fresh: int = 0
    expected: int = 0
    past: int = 0
    future: int = 0


class Reference(Struct):
    """The feed's reference data: the market's symbols that it knows, of all that there are, the day that it is of, and
    the sessions in its averages. It is complete when nothing of that is still to come."""

    known: int = 0
    needed: int = 0
    complete: bool = False
    date: str | None = None
    baseline_sessions: int = 0


class Curves(Struct):
    """The feed's volume curves (state `off`: there are no flat files to read them from): the day that they are for, the
    sessions in them, sessions that have no file, files and lines that could not be read, and symbols; the day and the
    symbols of those that the ranker has, by which it measures."""

    state: str = "off"
    date: str | None = None
    sessions: int = 0
    missing: int = 0
    bad_files: int = 0
    bad_lines: int = 0
    symbols: int = 0
    ranker_date: str | None = None
    ranker_symbols: int = 0


class Details(Struct):
    """Company details: symbols in lists that have some, and all of those; who is being asked about, was asked about in
    vain, or is unknown to the provider; whether the account has floats."""

    known: int = 0
    needed: int = 0
    waiting: int = 0
    failed: int = 0
    unknown: int = 0
    float: str = ""


class Hot(Struct):
    """The live half of the feed: symbols that are to come live, that the provider confirmed, that had a bar in the
    last minute; bars a second; seconds of market time since the newest bar ended; reconnects."""

    desired: int = 0
    confirmed: int = 0
    receiving: int = 0
    bars_per_second: float = 0.0
    newest_bar_age: float | None = None
    reconnects: int = 0


class Lateness(Struct):
    """How late the data are: the feed's state (live, delayed by `delayed_by` seconds of market time, or stale, and
    `reason`), how fast their market runs (1.0: as time does), and what each stage took in the last minute, in seconds
    of wall time, in their order.
    """

    state: str = ""
    reason: str = ""
    delayed_by: float = 0.0
    speed: float = 1.0
    stages: dict[str, Percentiles] = {}


class ListReport(Struct):
    """One list: its sequence in the stream, the one its snapshot reflects, and how many rows it has."""

    state: str
    epoch: str
    rows: int
    sequence: int
    stream_sequence: int
    snapshot_sequence: int
    as_of: int
    published: int
    published_bytes: int


class ServiceStatus(Struct):
    """One kind of service and its instances."""

    healthy: bool
    instances: list[Instance]


class StatusReport(Struct):
    """The state of everything. `healthy` is false as soon as there is a problem.

    `refused` has the lists that are defined and not ranked, and why: a fault of a user's definition harms nobody else
    and is no problem; a stream in the way of a list is. `alert_faults` has the same of alerts, and
    those whose list or channel is not there.
    """

    healthy: bool
    simulated: bool
    session: str
    as_of: int
    hot: Hot
    coverage: Coverage
    reference: Reference
    curves: Curves
    details: Details
    backfill: Backfill
    plan: Plan
    lateness: Lateness
    lists: dict[str, ListReport]
    services: dict[str, ServiceStatus]
    refused: dict[str, str] = field(default_factory=dict)
    alert_faults: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


async def collect(bus: Bus) -> StatusReport:
    """Ask all services on this NATS. Raises BusError when NATS does not answer."""
    services = await _services(bus)
    ranker = leading_ranker(services.get("ranker", []))
    unread: set[str] = set()
    lists = await _lists(bus, ranker, unread)
    problems = [*storage_problems(services), *service_problems(services), *_list_problems(lists), *sorted(unread)]
    feed = leading_feed(services.get("feed", []))
    return StatusReport(
        healthy=not problems,
        simulated=bool(ranker.get("simulated")),
        session=str(ranker.get("session", "")),
        as_of=int(ranker.get("as_of", 0)),
        hot=hot_of(services.get("feed", [])),
        coverage=msgspec.convert(ranker.get("coverage", {}) | feed.get("left_out", {}), Coverage),
        reference=msgspec.convert(feed.get("reference", {}), Reference),
        curves=_curves(feed, ranker),
        details=msgspec.convert(feed.get("details", {}), Details),
        backfill=msgspec.convert(feed.get("backfill", {}), Backfill),
        plan=msgspec.convert(feed.get("plan", {}), Plan),
        lateness=_lateness(feed, ranker, services.get("bridge", [])),
        lists=lists,
        services={
            name: ServiceStatus(not instance_problems(name, instances), instances)
            for name, instances in sorted(services.items())
        },
        refused={**ranker.get("definitions", {}).get("refused", {}), **ranker.get("refused", {})},
        alert_faults=alert_faults(services),
        problems=problems,
    )


async def _services(
    bus: Bus, only: str = "", enough: Callable[[dict[str, list[Instance]]], Any] = lambda _found: False
) -> dict[str, list[Instance]]:
    """The answers of this set's services to NATS's discovery, by service: all, or those until it is `enough`."""
    inbox = bus.nc.new_inbox()
    found: dict[str, list[Instance]] = {}
    try:
        subscription = await bus.nc.subscribe(inbox)
        try:
            await bus.nc.publish(f"$SRV.STATS.{only}" if only else "$SRV.STATS", b"", reply=inbox)
            deadline = time.monotonic() + ANSWER_SECONDS
            while (left := deadline - time.monotonic()) > 0 and not enough(found):
                _note(found, (await subscription.next_msg(timeout=left)).data, bus.names.service(""))
        finally:
            await bus.unsubscribe(subscription)
    except TimeoutError:
        pass
    except NATS_ERRORS as error:
        raise translated(error, "asking the services") from error
    return found


def _note(found: dict[str, list[Instance]], answer: bytes, prefix: str) -> None:
    try:
        stats = msgspec.json.decode(answer)
        name, endpoints = stats["name"], stats.get("endpoints") or []
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError):
        return
    if isinstance(name, str) and name.startswith(prefix) and endpoints:
        found.setdefault(name.removeprefix(prefix), []).append(endpoints[0].get("data") or {})


async def collect_hot(bus: Bus) -> Hot | None:
    """The live half of the feed alone, or None when no feed answers. Raises BusError."""
    name = bus.names.service("feed")
    feeds = (await _services(bus, name, lambda found: leading_feed(found.get("feed", [])))).get("feed", [])
    return hot_of(feeds) if leading_feed(feeds) else None


def hot_of(feeds: Iterable[Instance]) -> Hot:
    """How the hot set stands, by the feed that leads."""
    feed = leading_feed(feeds)
    shown = {**feed.get("hot", {}), **feed.get("link", {})}
    # A feed without a live half, and one of another version, does not have all of these.
    return Hot(**{name: shown[name] for name in Hot.__struct_fields__ if name in shown})


def _curves(feed: Instance, ranker: Instance) -> Curves:
    ranked = {f"ranker_{name}": value for name, value in ranker.get("curves", {}).items()}
    return msgspec.convert(feed.get("curves", {}) | ranked, Curves)


def _lateness(feed: Instance, ranker: Instance, bridges: Iterable[Instance]) -> Lateness:
    """Of several bridges, the slowest counts."""
    found = msgspec.convert(feed.get("lateness", {}), Lateness)
    stages = [found.stages, *(msgspec.convert(each.get("stages", {}), Stages) for each in (ranker, *bridges))]
    for name, percentiles in (item for each in stages for item in each.items()):
        known = found.stages.get(name, percentiles)
        found.stages[name] = max(known, percentiles, key=lambda each: each.p50)
    return found


async def _lists(bus: Bus, ranker: Instance, unread: set[str]) -> dict[str, ListReport]:
    reports: Mapping[str, Instance] = ranker.get("lists", {})
    statuses = await asyncio.gather(*(_list(bus, name, report, unread) for name, report in reports.items()))
    return dict(zip(reports, statuses, strict=True))


async def _list(bus: Bus, name: str, report: Instance, unread: set[str]) -> ListReport:
    """What cannot be read costs no more than a line in `unread`, one for all lists."""
    try:
        last = await get_last(bus, bus.names.list_stream(name), bus.names.delta_subject(name))
        stream_sequence = last.sequence if last else report["sequence"]
    except NoStreamError:
        stream_sequence = -1
    except BusError as error:
        stream_sequence = report["sequence"]
        unread.add(f"streams of lists cannot be read: {error.message}")
    snapshot: Snapshot | None = None
    try:
        snapshot = await read_snapshot(bus, name)
        if snapshot is None:
            unread.add(f"bucket {bus.names.bucket_snapshots} is gone, or snapshots in it; the ranker makes them anew")
    except (BusError, ProtocolError) as error:
        unread.add(f"bucket {bus.names.bucket_snapshots} cannot be read: {error.message}")
    return ListReport(
        state=report["state"],
        epoch=report["epoch"],
        rows=report["rows"],
        sequence=report["sequence"],
        stream_sequence=stream_sequence,
        snapshot_sequence=snapshot.sequence if snapshot else -1,
        as_of=report["as_of"],
        published=report["published"],
        published_bytes=report["published_bytes"],
    )


def _list_problems(lists: Mapping[str, ListReport]) -> list[str]:
    found = []
    for name, status in lists.items():
        if status.state == "stale":
            found.append(f"list {name} is stale")
        if status.stream_sequence < status.sequence:
            found.append(f"list {name}: the stream is at {status.stream_sequence}, the ranker at {status.sequence}")
    return found
