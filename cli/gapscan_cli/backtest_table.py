"""What a backtest found, as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gapscan_cli import output

if TYPE_CHECKING:
    from rich.table import Table

    from gapscan.backtesting.summary import Comparison, Horizon, ListSummary, Summary

_SHADES: Final = " ▁▂▃▄▅▆▇█"
_HALF_HOURS: Final = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(4 * 60, 20 * 60, 30))
_SHOWN: Final = ("5m", "30m", "close")


def show(summary: Summary) -> None:
    """Print the figures, and what the data could not tell."""
    console = output.console()
    head = f"{summary.first} to {summary.last}: {len(summary.days)} days"
    if summary.missing:
        head += f", {len(summary.missing)} without minutes"
    if summary.faults:
        head += f", {len(summary.faults)} lost"
    output.say(head)
    if console.is_terminal:
        console.print(_table(summary))
    else:
        _lines(summary)
    for one in summary.comparisons:
        output.say(_compared(one))
    output.note(summary.relative_volume)
    for text in summary.unknown:
        output.note(text)
    for text in summary.lacks[:5]:
        output.note(text)
    if len(summary.lacks) > 5:
        output.note(f"... and {len(summary.lacks) - 5} more in summary.json")


def _compared(one: Comparison) -> str:
    """By symbol and day."""
    earlier = one.minutes_earlier or 0.0
    when = f", {abs(earlier):g} minutes {'earlier' if earlier > 0 else 'later'} in the middle" if earlier else ""
    return f"{one.label}: {one.in_both} in both, {one.only_here} here only, {one.only_in_base} in {one.base} only{when}"


def _table(summary: Summary) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("list", overflow="fold")
    table.add_column("a day", justify="right")
    table.add_column(f"{_HALF_HOURS[0]} to 20:00, by half hour", no_wrap=True)
    for name in _SHOWN:
        table.add_column(f"{name} % (random)", justify="right")
    table.add_column("5m > 0", justify="right")
    for one in summary.lists:
        table.add_row(*_cells(one))
    return table


def _lines(summary: Summary) -> None:
    """One line a list, for pipes: tab-separated."""
    output.say("\t".join(("list", "a day", "by half hour", *(f"{name} % (random)" for name in _SHOWN), "5m > 0")))
    for one in summary.lists:
        output.say("\t".join(_cells(one)))


def _cells(one: ListSummary) -> list[str]:
    means = [_mean(one.horizons[name]) for name in _SHOWN]
    above = one.horizons["5m"].entries.share_above_zero
    return [
        one.label, f"{one.entries_a_day:.1f}", histogram(one.by_half_hour), *means,
        "" if above is None else f"{above * 100:.0f} %",
    ]  # fmt: skip


def _mean(horizon: Horizon) -> str:
    from gapscan.backtesting.report import percent

    own = percent(horizon.entries.mean)
    return own and f"{own} ({percent(horizon.controls.mean)})"


def histogram(entries: Mapping[str, int]) -> str:
    """A character for each half hour of the day, as high as it has entries; none at all is a space."""
    most = max(entries.values(), default=0)
    heights = (entries.get(clock, 0) * (len(_SHADES) - 2) / most if most else 0.0 for clock in _HALF_HOURS)
    there = (entries.get(clock, 0) > 0 for clock in _HALF_HOURS)
    return "".join(
        _SHADES[round(height) + 1] if is_there else " " for height, is_there in zip(heights, there, strict=True)
    )
