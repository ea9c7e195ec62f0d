"""python -m tests.bench [--only NAME ...] [--json | --against REVISION]: the figures in one table, and the machine."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from tests.bench import (
    alerts,
    backtest,
    bridge,
    bus,
    core,
    fanout,
    faults,
    hot,
    market,
    memory,
    page,
    page_past,
    panels,
    rank_rivals,
    recording,
    soak,
    tape,
    tape_beside,
    tape_day,
    tape_memory,
    views,
)
from tests.bench.against import checkout, compared
from tests.bench.registry import Figure

BENCHMARKS = (
    core.BENCHMARKS
    | market.BENCHMARKS
    | memory.BENCHMARKS
    | bus.BENCHMARKS
    | hot.BENCHMARKS
    | fanout.BENCHMARKS
    | bridge.BENCHMARKS
    | views.BENCHMARKS
    | page.BENCHMARKS
    | page_past.BENCHMARKS
    | panels.BENCHMARKS
    | soak.BENCHMARKS
    | faults.BENCHMARKS
    | backtest.BENCHMARKS
    | tape.BENCHMARKS
    | tape_beside.BENCHMARKS
    | tape_memory.BENCHMARKS
    | alerts.BENCHMARKS
    | recording.BENCHMARKS
    | rank_rivals.BENCHMARKS
    | tape.SESSION
    | tape_day.BENCHMARKS
)
# Minutes each; run by name only.
LONG = frozenset(
    page.BENCHMARKS
    | page_past.BENCHMARKS
    | panels.BENCHMARKS
    | soak.BENCHMARKS
    | faults.BENCHMARKS
    | backtest.BENCHMARKS
    | tape.SESSION
    | tape_day.BENCHMARKS
    | tape_memory.BENCHMARKS
)


def machine() -> str:
    """CPU, cores, Python and operating system."""
    system = f"{platform.system()} {platform.release()}"
    return f"{_cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}, {system}"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def shown(value: float) -> str:
    """Three significant digits, and whole numbers whole."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def table_of(figures: Sequence[Figure]) -> Table:
    table = Table(title=machine(), title_justify="left")
    for heading in ("figure", "value", "unit", "goal", "met", "reference"):
        table.add_column(heading, justify="right" if heading in ("value", "goal") else "left")
    for figure in figures:
        sign = ">=" if figure.lower_bound else "<="
        goal = "" if figure.goal is None else f"{sign} {shown(figure.goal)}"
        met = {None: "", True: "yes", False: "NO"}[figure.met]
        table.add_row(figure.name, shown(figure.value), figure.unit, goal, met, figure.reference)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(BENCHMARKS), help="run this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--against", help="compare with this revision, or this checkout of one, run by run in turn")
    parser.add_argument("--runs", type=int, default=5, help="with --against: how often each build runs (default 5)")
    options = parser.parse_args()
    wanted = options.only or [name for name in BENCHMARKS if name not in LONG]
    if options.against:
        with checkout(options.against) as before:
            Console(width=160).print(machine(), compared(before, wanted, options.runs), sep="\n")
        return
    figures = [figure for name in wanted for figure in BENCHMARKS[name]()]
    if options.json:
        report = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
        print(msgspec.json.encode(report).decode())
    else:
        Console(width=160).print(table_of(figures))


if __name__ == "__main__":
    main()
