"""The plots of a report, as SVG: when a list fired, and what followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gapscan.backtesting.summary import Horizon

_WIDTH, _HEIGHT = 640, 150
_LEFT, _BOTTOM, _TOP = 46, 22, 10
_FIRST, _LAST = 4 * 60, 20 * 60  # minutes of the day
_HALF_HOUR: Final = 30
_Interval = tuple[float, float]


def half_hours(entries: Mapping[str, int]) -> str:
    """A bar for each half hour of the day."""
    most = max(entries.values())
    wide = (_WIDTH - _LEFT) / ((_LAST - _FIRST) / _HALF_HOUR)
    bars = []
    for clock, number in entries.items():
        at = (int(clock[:2]) * 60 + int(clock[3:]) - _FIRST) / _HALF_HOUR
        height = number / most * (_HEIGHT - _BOTTOM - _TOP)
        bars.append(
            f'<rect x="{_LEFT + at * wide + 1:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" width="{wide - 2:.1f}" '
            f'height="{height:.1f}" fill="var(--own)"><title>{clock}: {number}</title></rect>'
        )
    hours = "".join(
        f'<text x="{_LEFT + (minute - _FIRST) / _HALF_HOUR * wide:.1f}" y="{_HEIGHT - 6}">{minute // 60:02}</text>'
        for minute in range(_FIRST, _LAST, 120)
    )
    top = f'<text x="0" y="{_TOP + 8}">{most}</text>'
    return _svg("Entries by half hour, New York time.", "".join(bars) + hours + top)


def horizons(found: Mapping[str, Horizon]) -> str:
    """The mean return after each horizon with its interval, beside that of symbols chosen at random."""
    shown = {name: each for name, each in found.items() if each.entries.mean is not None}
    if not shown:
        return ""
    spans = [_span(figures.mean, figures.mean_interval) for each in shown.values()
             for figures in (each.entries, each.controls)]  # fmt: skip
    low, high = min(0.0, *(span[0] for span in spans)), max(0.0, *(span[1] for span in spans))
    high = high if high > low else low + 1.0

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)

    wide = (_WIDTH - _LEFT) / len(shown)
    marks = [f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y(0):.1f}" y2="{y(0):.1f}" stroke="var(--line)"/>']
    for at, (name, each) in enumerate(shown.items()):
        x = _LEFT + (at + 0.5) * wide
        marks.append(_mark(x - 7, each.entries.mean, each.entries.mean_interval, "var(--own)", y))
        marks.append(_mark(x + 7, each.controls.mean, each.controls.mean_interval, "var(--other)", y))
        marks.append(f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{name.replace("_", " ")}</text>')
    marks += [f'<text x="0" y="{y(value) + 4:.1f}">{value:+.2f}</text>' for value in (low, high)]
    return _svg("Mean return in percent with its interval, beside symbols chosen at random (grey).", "".join(marks))


def _span(mean: float | None, interval: _Interval | None) -> _Interval:
    return interval or ((0.0, 0.0) if mean is None else (mean, mean))


def _mark(
    x: float, mean: float | None, interval: _Interval | None, colour: str, place: Callable[[float], float]
) -> str:
    if mean is None:
        return ""
    low, high = _span(mean, interval)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{place(low):.1f}" y2="{place(high):.1f}" stroke="{colour}" '
        f'stroke-width="2"/><circle cx="{x:.1f}" cy="{place(mean):.1f}" r="4" fill="{colour}"/>'
    )


def _svg(meaning: str, content: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{meaning}"><title>{meaning}</title>'
        f"{content}</svg><figcaption>{meaning}</figcaption></figure>"
    )
