"""The report of a backtest: one HTML file without anything from elsewhere, with its plots as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from gapscan.backtesting.plots import half_hours, horizons
from gapscan.backtesting.summary import Comparison, Figures, Horizon, ListSummary, Summary

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --own: #2a6fdb; --other: #888; }
html { background: Canvas; color: CanvasText; }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 60rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; } svg { width: 100%; height: auto; max-width: 40rem; display: block; }
.wide { overflow-x: auto; } table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child { text-align: left; position: sticky; left: 0; background: Canvas; } .quiet { font-size: .9rem; }
tbody th { font-weight: normal; } .quiet, figcaption { color: color-mix(in srgb, CanvasText 75%, Canvas); }
svg text { fill: currentColor; font: 11px system-ui, sans-serif; } figure { margin: .8rem 0; }
figcaption { font-size: .85rem; } a { color: inherit; }
@media (max-width: 40rem) {
  svg text { font-size: 17px; } th, td { padding: .25rem .4rem; }
  th:first-child { white-space: normal; }
}
"""


def report(summary: Summary) -> str:
    """The page."""
    title = f"Backtest {summary.first} to {summary.last}"
    parts = [
        "<!doctype html>", '<html lang="en">', '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>", f"<h1>{title}</h1>", _head(summary),
        _unknown(summary), _overview(summary), *(_list(one, at) for at, one in enumerate(summary.lists)),
        _comparisons(summary.comparisons), "</main></body></html>",
    ]  # fmt: skip
    return "\n".join(part for part in parts if part) + "\n"


def _head(summary: Summary) -> str:
    bought = "at the open of its next bar" if summary.entry_rule == "next_open" else "at the price that the list shows"
    slippage = f", {summary.slippage_bps:g} basis points worse" if summary.slippage_bps else ""
    lost = f" Missing: {_some(map(str, summary.missing))}." if summary.missing else ""
    faults = "".join(f"<li>{day}: {escape(fault)}</li>" for day, fault in summary.faults.items())
    return (
        f"<p>{len(summary.days)} days.{lost} Lists every {_minutes(summary.step_minutes)}; a symbol that enters is "
        f"bought {bought}{slippage}. Returns in percent. Beside each figure is the same of symbols chosen at random, "
        f"of the same price class and minute. Intervals are those of 95 % of draws of whole days. "
        f"{summary.relative_volume}</p>" + (f"<p>Days that were lost:</p><ul>{faults}</ul>" if faults else "")
    )


def _minutes(number: int) -> str:
    return "minute" if number == 1 else f"{number} minutes"


def _some(texts: Iterable[str]) -> str:
    shown = list(texts)
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def _overview(summary: Summary) -> str:
    """All lists at a glance: how often, and how far ahead of chance."""
    names = ("5m", "30m", "close")
    rows = (
        [f'<a href="#list-{at}">{_label(one)}</a>', f"{one.entries_a_day:.1f}"]
        + [percent(mean) for name in names for mean in _means(one.horizons[name])]
        for at, one in enumerate(summary.lists)
    )
    heads = ["mean return", "a day", *(head for name in names for head in (name, "random"))]
    return _table("All lists at a glance", heads, rows)


def _label(one: ListSummary | Comparison) -> str:
    """It may be broken where a variant begins to differ."""
    return escape(one.label).replace("[", "<wbr>[", 1)


def _means(horizon: Horizon) -> tuple[float | None, float | None]:
    return horizon.entries.mean, horizon.controls.mean


def _table(about: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls in itself, by keys too; each row begins with what it is of."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        for first, *cells in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(about)}"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _list(one: ListSummary, at: int) -> str:
    head = f'<h2 id="list-{at}">{escape(one.label)}</h2><p><code>{escape(one.where)}</code></p>'
    if not one.entries:
        return f"{head}<p>No entries.</p>"
    rows = [_row(name, horizon) for name, horizon in one.horizons.items() if horizon.entries.number]
    stay = (
        "" if one.median_stay_minutes is None else f"; half of them stayed {one.median_stay_minutes:g} minutes or more"
    )
    return (
        f"{head}<p>{one.entries} entries, {one.entries_a_day:.1f} a day{stay}.</p>"
        f"{half_hours(one.by_half_hour)}{horizons(one.horizons)}"
        f"{_table(f'What followed: {one.label}', _HEADS, rows)}"
    )


_HEADS: Final = (
    "after", "mean", "random", "ahead", "ahead, 95 %", "above 0", "random", "entries", "mean, 95 %", "quartiles",
    "best", "worst",
)  # fmt: skip


def _row(name: str, horizon: Horizon) -> list[str]:
    own, other = horizon.entries, horizon.controls
    return [
        name.replace("_", " "), percent(own.mean), percent(other.mean), percent(horizon.ahead),
        interval(horizon.ahead_interval), share(own.share_above_zero), share(other.share_above_zero), str(own.number),
        interval(own.mean_interval), _quartiles(own), percent(horizon.median_best), percent(horizon.median_worst),
    ]  # fmt: skip


def _quartiles(figures: Figures) -> str:
    return " | ".join(percent(value) for value in (figures.quartile_1, figures.median, figures.quartile_3))


def percent(value: float | None) -> str:
    """A return as it is shown."""
    return "" if value is None else f"{round(value, 2) + 0.0:+.2f}"  # no minus zero


def share(value: float | None) -> str:
    """A share as it is shown."""
    return "" if value is None else f"{value * 100:.0f} %"


def interval(ends: tuple[float, float] | None) -> str:
    """An interval as it is shown."""
    return "" if ends is None else " .. ".join(map(percent, ends))


def _comparisons(comparisons: list[Comparison]) -> str:
    if not comparisons:
        return ""
    rows = (
        [_label(one), str(one.in_both), str(one.only_here), str(one.only_in_base),
         "" if one.minutes_earlier is None else f"{one.minutes_earlier:+g}"]
        for one in comparisons
    )  # fmt: skip
    heads = ("variant", "in both", "here only", "without it only", "minutes earlier")
    return "<h2>Variants</h2><p>By symbol and day.</p>" + _table("Variants", heads, rows)


def _unknown(summary: Summary) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in (*summary.unknown, *summary.lacks))
    return f'<details class="quiet"><summary>What the data do not tell</summary><ul>{items}</ul></details>'
