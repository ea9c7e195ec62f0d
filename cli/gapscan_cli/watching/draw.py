"""How a frame looks: lines of styled text that fit a given width and height. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.text import Text

from gapscan.client.view import Lateness
from gapscan.service.status import Hot
from gapscan_cli.render import GAP, PRICE, SYMBOL, Column, columns_for, moment, span
from gapscan_cli.watching.model import Frame, Mark, ShownRow

_RANK: Final = 4
_MOVE: Final = 4
_MARGIN: Final = _RANK + 1 + _MOVE + 1
_CHROME: Final = 3  # lines beside the rows: header, titles, footer
_OLD_SECONDS: Final = 60.0
_RISE, _FALL = "green", "red"
_REASONS: Final = {"delayed": "bold yellow", "past": "bold magenta"}
_SIMULATED: Final = Text(" SIMULATED ", "bold black on yellow")
_STATES: Final = {
    "live": ("● LIVE", "bold green"),
    "delayed": (" DELAYED ", "bold black on yellow"),
    "stale": (" STALE ", "bold white on red"),
    "closed": ("○ CLOSED", "bold"),
    "past": (" PAST ", "bold white on magenta"),
}


def draw(frame: Frame, width: int, height: int, top: int | None = None, hint: str = "q quits") -> list[Text]:
    """The screen: exactly `height` lines (if there is room for any rows), none wider than `width`.

    `hint` says which keys there are.
    """
    room = max(0, height - _CHROME)
    shown = frame.rows[: min(room, top or room)]
    columns = columns_for(width - _MARGIN, frame.columns)
    # An old list must not look like a live one.
    dim = frame.state == "stale"
    body = [_titles(columns), *(_row(row, columns, dim, alerted=row.row["symbol"] in frame.alerted) for row in shown)]
    body += [Text("")] * (room - len(shown))
    lines = [header(frame, width), *body, footer(frame, len(shown), width, hint)]
    return [_cut(line, width) for line in lines[:height]]


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    line.no_wrap = True
    return line


def header(frame: Frame, width: int) -> Text:
    """Name, state, session and market time; SIMULATED at the right edge, whatever else must give way."""
    word, style = _STATES[frame.state]
    parts = [Text(frame.name, "bold"), Text(word, style)]
    if frame.reason:
        old = "" if frame.age is None or frame.state == "delayed" else f", {span(frame.age)} old"
        parts.append(Text(frame.reason + old, _REASONS.get(frame.state, "bold red")))
    parts += [Text(frame.session), Text(moment(frame.as_of))]
    label = _SIMULATED if frame.simulated else Text()
    room = max(0, width - label.cell_len)
    line = _joined(parts, room)
    line.truncate(room, overflow="ellipsis", pad=True)
    return line + label


def footer(frame: Frame, shown: int, width: int, hint: str = "q quits") -> Text:
    """Proof, age and place in the stream; what does not fit is left out from the right."""
    if frame.state == "past":
        place = [Text(f"{shown}/{len(frame.rows)} rows"), Text(f"seq {frame.sequence}"), Text(f"epoch {frame.epoch}")]
        return _joined([Text("✓ verified", "green"), Text(hint, "dim"), *place], width)
    proof = Text("not up to date", "bold red") if frame.state == "stale" else Text("✓ verified", "green")
    parts = [
        proof,
        _age(frame.age),
        Text(f"seq {frame.sequence}"),
        Text(f"epoch {frame.epoch}"),
        Text(f"{shown}/{len(frame.rows)} rows"),
        _count("resyncs", frame.resyncs),
        _count("holes", frame.holes),
        *([_count("mismatches", frame.mismatches)] if frame.mismatches else []),
        *([_live(frame.hot)] if frame.hot else []),
        *_late(frame.lateness),
        Text(hint, "dim"),
    ]
    return _joined(parts, width)


def _age(age: float | None) -> Text:
    if age is None:
        return Text("age unknown", "bold yellow")
    return Text(f"age {span(age)}", "bold yellow" if age > _OLD_SECONDS else "")


def _live(hot: Hot) -> Text:
    """Symbols with live data, of those that are to have it, and how fast it comes."""
    missing = hot.confirmed < hot.desired
    return Text(f"hot {hot.confirmed}/{hot.desired}, {hot.bars_per_second:.0f} bars/s", "yellow" if missing else "")


def _late(lateness: Lateness) -> list[Text]:
    """How far prices are behind the exchange, and how much of that is ours."""
    if lateness.behind is None or lateness.ours is None:
        return []
    return [Text(f"{lateness.behind + lateness.ours:.1f} s late, {lateness.ours:.2f} s ours")]


def _count(name: str, number: int) -> Text:
    return Text(f"{name} {number}", "yellow" if number else "dim")


def _joined(parts: Iterable[Text], width: int) -> Text:
    """The parts from the left, two spaces between them, for as long as they fit."""
    line = Text()
    for part in parts:
        gap = Text("  " if line.cell_len else "")
        if line.cell_len and line.cell_len + gap.cell_len + part.cell_len > width:
            break
        line = line + gap + part
    return line


def _titles(columns: Sequence[Column]) -> Text:
    line = Text(f"{'#':>{_RANK}}".ljust(_MARGIN - 1))
    for column in columns:
        line.append_text(_cell(Text(column.title), column))
    line.stylize("bold underline")
    return line


def _row(shown: ShownRow, columns: Sequence[Column], dim: bool, *, alerted: bool) -> Text:
    line = Text(f"{shown.rank:>{_RANK}}", "dim")
    line.append_text(Text("!", "bold yellow") if alerted else Text(" "))
    line.append_text(move(shown.mark))
    for column in columns:
        line.append_text(_cell(Text(column.cell(shown.row), _style(column, shown)), column))
    if dim:
        line.stylize("dim")
    return line


def _cell(text: Text, column: Column) -> Text:
    """The text in its column, with the gap before it; too long a number runs into the gap, never is cut."""
    indent = GAP if column is not SYMBOL else 1
    if column.left:
        text.truncate(column.width, overflow="ellipsis", pad=True)
        return Text(" " * indent) + text
    return Text(" " * max(1, indent + column.width - text.cell_len)) + text


def move(mark: Mark) -> Text:
    """Arrow and distance of a row that moved, a star for one that came in."""
    if mark.new:
        return Text("new".ljust(_MOVE), "bold black on cyan")
    if mark.moved:
        arrow, style = ("▲", _RISE) if mark.moved > 0 else ("▼", _FALL)
        return Text(f"{arrow}{abs(mark.moved)}".ljust(_MOVE), style)
    return Text(" " * _MOVE)


def _style(column: Column, shown: ShownRow) -> str:
    mark = shown.mark
    if column is SYMBOL:
        return "bold cyan" if mark.new else "bold"
    if column is PRICE and mark.price:
        return f"bold black on {_RISE if mark.price > 0 else _FALL}"
    values: dict[str, Any] = dict(shown.row)
    value = values.get(column.signed) if column.signed else None
    style = "" if not value else _RISE if value > 0 else _FALL
    return f"{style} dim".strip() if values.get("stale") else style
