"""`gapscan status`: the report of the services, for people and for scripts."""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec

from gapscan.bus.client import BusOptions, connect
from gapscan.errors import BusError
from gapscan.service.account_status import Backfill, Plan
from gapscan.service.status import (
    Coverage,
    Curves,
    Details,
    Hot,
    Lateness,
    ListReport,
    Reference,
    ServiceStatus,
    StatusReport,
    collect,
)
from gapscan_cli import exits, output, render

_BREAKS: Final = 5  # of the live link, that are shown
_SHOWN: Final = ("role", "leader", "symbols", "interval", "last_error", "waiting_for", "pid", "host")


async def print_status(options: BusOptions, as_json: bool) -> int:
    """Print the report; the exit code says whether all is healthy."""
    try:
        async with connect(options, "gapscan status") as bus:
            report = await collect(bus)
    except BusError as error:
        if as_json:
            output.write(msgspec.json.encode({"healthy": False, "problems": [str(error)]}) + output.LINE_END)
        raise
    output.write(msgspec.json.encode(report) + output.LINE_END if as_json else report_text(report).encode())
    return exits.OK if report.healthy else exits.WORLD


def report_text(report: StatusReport) -> str:
    """The report for people: the verdict first, then services, lists and problems."""
    lines = [
        _verdict(report),
        f"market    {render.moment(report.as_of)}   {report.session or 'no session known'}{_speed(report.lateness)}",
        _coverage(report.coverage),
        _reference(report.reference),
        *_curves(report.curves),
        _details(report.details),
        *_backfill(report.backfill),
        *_plan(report.plan),
        _hot(report.hot),
        _late(report.lateness),
        "",
        *_services(report.services),
        *_ledger(report.services),
        "",
        *_lists(report.lists),
        *(f"{name:<24}refused: {why}" for name, why in report.refused.items()),
        *(f"{name:<24}alert: {why}" for name, why in report.alert_faults.items()),
        *(["", *(f"problem: {problem}" for problem in report.problems)] if report.problems else []),
    ]
    return "".join(f"{render.text(line)}\n" if line else "\n" for line in lines)


def _verdict(report: StatusReport) -> str:
    verdict = "healthy" if report.healthy else "NOT HEALTHY"
    if report.lateness.state == "delayed":
        verdict += f"   DELAYED by {render.span(report.lateness.delayed_by)}"
    return f"{verdict}   SIMULATED" if report.simulated else verdict


def _coverage(coverage: Coverage) -> str:
    told = f"coverage  {coverage.fresh} of {coverage.expected} symbols have a price today"
    counts = ((coverage.past, "of an earlier day"), (coverage.future, "of the future"))
    left_out = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"{told}; left out: {left_out}" if left_out else told


def _reference(reference: Reference) -> str:
    state = f"of {reference.date}" if reference.date else "none yet"
    loading = "" if reference.complete else ", still loading"
    return (
        f"reference {state}{loading}   {reference.known} of {reference.needed} symbols known, "
        f"averages of {reference.baseline_sessions} sessions"
    )


def _curves(curves: Curves) -> list[str]:
    """A line for those who have flat files."""
    if curves.state == "off":
        return []
    what = f"of {curves.sessions} sessions" if curves.sessions else "none yet"
    state = "" if curves.state == "ready" else f", {curves.state}"
    counts = (
        (curves.missing, "sessions without a file"),
        (curves.bad_files, "bad files"),
        (curves.bad_lines, "bad lines"),
    )
    left_out = "".join(f", {number} {what}" for number, what in counts if number)
    return [f"curves    {what}{state}   {curves.symbols} symbols{left_out}{_ranked_otherwise(curves)}"]


def _ranked_otherwise(curves: Curves) -> str:
    """By which curves the ranker measures, where they are not the feed's."""
    if curves.state != "ready" or (curves.ranker_date, curves.ranker_symbols) == (curves.date, curves.symbols):
        return ""
    has = f"{curves.ranker_symbols} symbols of {curves.ranker_date}" if curves.ranker_date else "none"
    return f"; the ranker has {has}"


def _details(details: Details) -> str:
    missing = ((details.waiting, "waiting"), (details.failed, "failed"), (details.unknown, "unknown to the provider"))
    parts = [f"{number} {what}" for number, what in missing if number]
    parts += [f"float {details.float}"] if details.float not in ("", "ok") else []
    return f"details   {', '.join([f'{details.known} of {details.needed} symbols in lists', *parts])}"


def _backfill(backfill: Backfill) -> list[str]:
    """A line while something is missing that was asked for, or cannot be asked for."""
    parts = [f"{backfill.waiting} requests to make"] if backfill.waiting else []
    parts += [f"{backfill.failed} in vain"] if backfill.failed else []
    parts += [backfill.state] if backfill.state not in ("", "ok", "off") else []
    return [f"missed    filled in with bars of {backfill.filled} symbols; {', '.join(parts)}"] if parts else []


def _plan(plan: Plan) -> list[str]:
    """What the plan withholds; no line where it gives all."""
    verdicts = {"quotes": plan.quotes, "trades": plan.trades, "halts": plan.halts, "bars of the past": plan.bars}
    withheld = [name for name, verdict in verdicts.items() if verdict == "withheld"]
    parts = [f"withholds {', '.join(withheld)}"] if withheld else []
    parts += [f"is {render.span(plan.delayed_by)} late"] if plan.delayed_by else []
    return [f"plan      {'; '.join(parts)}"] if parts else []


def _hot(hot: Hot) -> str:
    age = "none yet" if hot.newest_bar_age is None else f"newest {render.span(hot.newest_bar_age)} old"
    return (
        f"hot       {hot.desired} symbols desired, {hot.confirmed} confirmed, {hot.receiving} receiving   "
        f"{hot.bars_per_second:.0f} bars/s, {age}   {hot.reconnects} reconnects"
    )


def _speed(lateness: Lateness) -> str:
    """The speed that a simulated day reaches, where it is another than that of time."""
    return "" if lateness.speed == 1.0 else f"   at {lateness.speed:.3g} times its speed"


def _late(lateness: Lateness) -> str:
    """How long each stage takes: the median, and what 99 of 100 are within."""
    stages = (f"{name.replace('_', ' ')} {each.p50:.2f} s ({each.p99:.2f})" for name, each in lateness.stages.items())
    return f"lateness  {', '.join(stages) or 'no data in the last minute'}"


def _ledger(services: dict[str, ServiceStatus]) -> list[str]:
    """The last breaks of the live link: when, for how long, why, what they touched, and how they were repaired."""
    feeds = services["feed"].instances if "feed" in services else []
    entries = [entry for feed in feeds for entry in feed.get("link", {}).get("ledger", [])]
    return [_break(entry) for entry in entries[-_BREAKS:]]


def _break(entry: dict[str, Any]) -> str:
    ended = entry.get("to")
    lasted = f"{(ended - entry['from']) / 1000:.1f} s" if ended else "still open"
    began = time.strftime("%H:%M:%S", time.localtime(entry["from"] / 1000))
    return f"  link break at {began}: {entry['reason']}, {lasted}, {entry['symbols']} symbols, {entry['repaired']}"


def _services(services: dict[str, ServiceStatus]) -> list[str]:
    if not services:
        return ["no service answers"]
    return [
        _service(name, status.healthy, instance) for name, status in services.items() for instance in status.instances
    ]


def _service(name: str, healthy: bool, instance: dict[str, Any]) -> str:
    shown = [f"{key} {instance[key]}" for key in _SHOWN if instance.get(key) not in (None, "")]
    return f"{name:<10}{'ok' if healthy else 'TROUBLE':<9}{'   '.join(shown)}"


def _lists(lists: dict[str, ListReport]) -> list[str]:
    if not lists:
        return ["no list is published"]
    title = f"{'list':<24}{'state':<8}{'rows':>6}{'sequence':>10}{'lag':>6}{'snapshot':>10}{'published':>11}"
    return [title, *(_list(name, status) for name, status in lists.items())]


def _list(name: str, status: ListReport) -> str:
    """Lag is what the stream lacks of the ranker's deltas; snapshot is how many deltas it is behind."""
    lag = max(0, status.sequence - status.stream_sequence)
    behind = max(0, status.sequence - status.snapshot_sequence)
    return (
        f"{name:<24}{status.state:<8}{status.rows:>6}{status.sequence:>10}{lag:>6}"
        f"{-behind:>10}{render.amount(status.published_bytes) + 'B':>11}"
    )
