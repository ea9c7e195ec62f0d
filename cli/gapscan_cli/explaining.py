"""`gapscan why`: the conditions of a list, and how a symbol meets them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.why_client import ask_near, ask_why
from gapscan.errors import BusError, ConfigError, UnknownSymbolError
from gapscan.protocol.alerts import Alert
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import Condition, ListWhy, NearMiss, Why, WhyRequest
from gapscan_cli import output, render
from gapscan_cli.following import check_possible, check_published
from gapscan_cli.telling import last_alerts, line_of

if TYPE_CHECKING:
    from rich.text import Text

Line = list[tuple[str, str]]  # parts with their styles

_GOOD, _BAD, _NEARLY, _FAINT, _PLAIN = "green", "red", "yellow", "dim", ""
_CONDITION: Final = 44  # cells for a condition's text
_ALERTS: Final = 5  # of the last ones
_OPERAND: Final = 12  # cells for a value or a threshold
_LATEST: Final = 253_402_200_000_000  # epoch ms, beyond which Python knows no time
_FIELD: Final = re.compile(r"-?([a-z]\w*)")
_COMPARED: Final = re.compile(r" (?:>=|<=|==|!=|>|<) ")


async def print_why(options: BusOptions, symbol: str, name: str | None, as_json: bool) -> None:
    """Print why `symbol` is in list `name`, or in each of the lists, or why not."""
    if name is not None:
        check_possible(name)
    why, alerts = await _ask(options, symbol, name)
    if not why.known:
        meant = f"did you mean {' or '.join(why.nearest)}?" if why.nearest else ""
        raise UnknownSymbolError(f"there is no symbol {symbol!r}", remedy=meant)
    if as_json:
        output.write(msgspec.json.encode(why) + output.LINE_END)
    else:
        _print([*lines_of(why), *_alert_lines(alerts)])


async def print_near(options: BusOptions, name: str, number: int, as_json: bool) -> None:
    """Print which symbols nearly are in list `name`."""
    check_possible(name)
    async with connect(options, "gapscan near") as bus:
        await check_published(bus, name)
        found = await ask_near(bus, name, number)
    if as_json:
        output.write(msgspec.json.encode(found) + output.LINE_END)
        return
    label = "   SIMULATED" if found.simulated else ""
    _print(
        [
            [
                (name, "bold"),
                (
                    f"   {render.moment(found.as_of)}   {'night' if found.night is True else found.session}{label}",
                    _PLAIN,
                ),
            ]
        ]
    )
    _print(
        [_near_line(miss) for miss in found.symbols] or [[("nobody lacks one condition by a tenth or less", _FAINT)]]
    )


def _near_line(miss: NearMiss) -> Line:
    value, threshold = (operand(shown).rjust(_OPERAND) for shown in (miss.condition.value, miss.condition.threshold))
    return [
        (f"  {miss.symbol:<8}", "bold"),
        (miss.condition.text.ljust(_CONDITION), _PLAIN),
        (f" {value}", _NEARLY),
        (f" {threshold}", _FAINT),
        (f"  {miss.distance:.2f} % away", _PLAIN),
    ]


async def _ask(options: BusOptions, symbol: str, name: str | None) -> tuple[Why, list[Alert]]:
    """The answer, and the last alerts of the symbol."""
    try:
        msgspec.convert({"symbol": symbol, "type": "why_request"}, WhyRequest)
    except msgspec.ValidationError:
        raise UnknownSymbolError(f"{render.text(symbol[:40])!r} cannot be a symbol") from None
    async with connect(options, "gapscan why") as bus:
        why = await ask_why(bus, symbol, name)
        if why.known and name is not None and not why.lists:
            await check_published(bus, name)
            raise ConfigError(f"list {name} is not ranked", remedy="`gapscan status` says why")
        return why, await _last_alerts(bus, why.symbol) if why.known else []


async def _last_alerts(bus: Bus, symbol: str) -> list[Alert]:
    """None where no alerts are kept, or may not be read."""
    try:
        return await last_alerts(bus, _ALERTS, symbol=symbol)
    except BusError:
        return []


def _alert_lines(alerts: Sequence[Alert]) -> Iterator[Line]:
    if alerts:
        yield []
        yield [("last alerts", "bold")]
        yield from ([("  " + line_of(alert), _PLAIN)] for alert in alerts)


def _print(lines: Sequence[Line]) -> None:
    from rich.text import Text

    console = output.console()
    # As all of the output in UTF-8, whatever the locale says; the console by itself would fail at a mark.
    with console.capture() as captured:
        for line in lines:
            console.print(_text(Text(), line), soft_wrap=True)
    output.write(captured.get().encode("utf-8", "replace"))


def _text(text: Text, line: Line) -> Text:
    for part, style in line:
        text.append(render.text(part), style)
    return text


def lines_of(why: Why) -> Iterator[Line]:
    """The whole answer, line by line."""
    label = "   SIMULATED" if why.simulated else ""
    yield [
        (why.symbol, "bold"),
        (f"   {render.moment(why.as_of)}   {'night' if why.night is True else why.session}{label}", _PLAIN),
    ]
    yield from _news_lines(why)
    yield []
    yield [("every list", "bold"), _verdict(all(found.passes for found in why.gate if found.depth == 0))]
    yield from map(_condition, why.gate)
    for each in why.lists:
        yield []
        yield [(each.list, "bold"), *_standing(each)]
        yield from map(_condition, [*(each.gate or ()), *each.conditions])
        if (distance := _distance(each)) is not None:
            yield [("  " + distance, _FAINT)]


def _news_lines(why: Why) -> Iterator[Line]:
    """The newest headline, with its page."""
    if not why.news:
        return
    newest = why.news[0]
    by = f", {newest.publisher}" if newest.publisher else ""
    yield [("  news ", "bold"), (f"{render.moment(newest.time)}{by}   ", _FAINT), (newest.title, _PLAIN)]
    if newest.url:
        yield [(f"       {newest.url}", _FAINT)]


def _verdict(passes: bool) -> tuple[str, str]:
    return ("   passes", _GOOD) if passes else ("   fails", _BAD)


def _standing(why: ListWhy) -> Line:
    """Where the symbol stands, in one word or two."""
    closed = [] if why.open else [("   closed in this session", _FAINT)]
    if why.rank is not None:
        since = f"   in it {_since(why.since, why.at_least)}" if why.since else ""
        return [(f"   rank {why.rank} of {why.size}", _GOOD), (since, _FAINT), *closed]
    if why.passes and why.size >= why.limit:
        return [(f"   passes, but the list is full at {why.limit}", _NEARLY), *closed]
    if why.passes:
        return [("   passes, but is not listed", _NEARLY), *closed]
    return [("   not in it", _BAD), *closed]


def _condition(found: Condition) -> Line:
    """A mark, the condition, the value, the threshold, and since when."""
    mark, style = ("✓", _GOOD) if found.passes else ("~", _NEARLY) if found.stays else ("✗", _BAD)
    indent = "  " * (found.depth + 1)
    head = [(f"{indent}{mark} ", style)]
    since = (f"  {_since(found.since, found.at_least)}" if found.since else "", _FAINT)
    width = _CONDITION - 2 * found.depth
    if found.kind != "test":
        return [*head, (f"{found.kind} of:".ljust(width + 2 * _OPERAND + 2), _PLAIN), since]
    time = any(map(_is_time, _COMPARED.split(found.text)))
    value, threshold = (operand(shown, time=time).rjust(_OPERAND) for shown in (found.value, found.threshold))
    unknown = [(f"  {_unknown(found.unknown_since)}", _NEARLY)] if found.unknown_since else []
    return [*head, (found.text.ljust(width), _PLAIN), (f" {value}", style), (f" {threshold}", _FAINT), since, *unknown]


def _unknown(ms: int) -> str:
    return f"unknown since {render.clock(ms)}, because the feed was away"


def _is_time(text: str) -> bool:
    """Whether what an expression or a sort key says is a moment: a field's, as it is."""
    named = _FIELD.fullmatch(text)
    return named is not None and named[1] in FIELDS and FIELDS[named[1]].show == "clock"


def operand(value: float | str | bool | None, *, time: bool = False) -> str:
    """A value or a threshold: numbers in full; with `time`, epoch ms as a time of day."""
    if value is None:
        return render.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if time and 0 < value < _LATEST:
        return render.clock(int(value))
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def _since(ms: int | None, at_least: bool) -> str:
    return f"since {'at least ' if at_least else ''}{render.clock(ms)}"


def _distance(why: ListWhy) -> str | None:
    """How far the symbol is from the list's last row, under the first sort key."""
    if why.value is None or why.last_value is None or why.rank is not None:
        return None
    order = "high to low" if why.key.startswith("-") else "low to high"
    key = why.key.removeprefix("-").strip()
    mine, last = (operand(value, time=_is_time(key)) for value in (why.value, why.last_value))
    return f"sorted by {key}, {order}: {mine}; the last of {why.size} rows has {last}"
