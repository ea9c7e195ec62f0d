"""What is printed of the past: a list at a time, when a symbol was in lists, what is kept and whether it is whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import NoStreamError
from gapscan.bus.tape import tape_info
from gapscan.client.history import Kept, kept, verified
from gapscan.client.past import PastView, Stay, at, find_stays
from gapscan.client.tape_lists import recorded_lists
from gapscan.errors import NotRecordedError
from gapscan.lists.verification import Verification
from gapscan_cli import exits, output, render
from gapscan_cli.following import check_possible

_FAULTS_SHOWN = 20
_REASONS = {
    "fell_behind": "a condition failed",
    "rank": "others took its place",
    "idle": "it had not traded for long",
    "closed": "the list's hours were over",
    "removed": "the list was removed",
}


async def past_view(bus: Bus, name: str, moment: str, day: str | None) -> PastView:
    """The list as it was. Raises as `gapscan.at`."""
    check_possible(name)
    view = await at(name, moment, day=day, bus=bus)
    if not view.complete:
        output.note(f"warning: the past of {name} ends here, more may come")
    return view


async def print_when(options: BusOptions, symbol: str, name: str | None, day: str, as_json: bool) -> None:
    """Print when a symbol was in lists."""
    if name is not None:
        check_possible(name)
    async with connect(options, f"gapscan when {symbol}") as bus:
        found = await find_stays(bus, symbol, day, name)
    for of, fault in found.faults.items():
        output.note(f"warning: the past of {render.text(of)} cannot be read: {render.text(fault)}")
    stays = found.stays
    if as_json:
        output.write(msgspec.json.encode([msgspec.to_builtins(stay) for stay in stays]) + output.LINE_END)
        return
    output.say("\n".join(_stay_lines(stays)) if stays else _in_none(symbol, name))


def _in_none(symbol: str, name: str | None) -> str:
    capitals = symbol.upper()
    hint = f" (symbols are case-sensitive: {render.text(capitals)} is another one)" if symbol != capitals else ""
    return f"{render.text(symbol)} was {'not in ' + name if name else 'in no list'}{hint}"


def _stay_lines(stays: Sequence[Stay]) -> list[str]:
    title = f"{'list':<24}{'in':>10}{'out':>10}{'for':>8}{'rank':>6}{'to':>6}{'price':>11}{'to':>11}"
    return [title, *(_stay_line(stay) for stay in stays)]


def _stay_line(stay: Stay) -> str:
    came = render.clock(stay.entered) if stay.entered else "not told" if stay.unrecorded else "before"
    went = render.clock(stay.left) if stay.left else "is in"
    lasted = render.span(stay.seconds) if stay.seconds is not None else render.MISSING
    ranks = f"{render.text(stay.rank_in):>6}{render.text(stay.rank_out):>6}"
    prices = f"{render.price(stay.price_in):>11}{render.price(stay.price_out):>11}"
    why = f"   {_REASONS.get(stay.reason, render.text(stay.reason))}" if stay.reason else ""
    # Of a removed list, the reason says it: it went after all that is recorded.
    doubt = "   at some time in a gap" if stay.uncertain and stay.reason != "removed" else ""
    return f"{stay.list:<24}{came:>10}{went:>10}{lasted:>8}{ranks}{prices}{why}{doubt}"


async def print_history(options: BusOptions, as_json: bool) -> None:
    """Print what is kept of each list."""
    async with connect(options, "gapscan history") as bus:
        found = await kept(bus, await recorded_lists(bus))
        sizes = await _sizes(bus)
    if as_json:
        content = {"lists": [msgspec.to_builtins(each) for each in found], "bytes": sizes}
        output.write(msgspec.json.encode(content) + output.LINE_END)
        return
    if not found:
        raise NotRecordedError("nothing is recorded", remedy="`gapscan run recorder` records, as `gapscan up` does")
    output.say("\n".join([*_kept_lines(found), *_size_lines(sizes)]))


async def _sizes(bus: Bus) -> dict[str, int]:
    """Bytes of each tape, where whoever asks may know them."""
    sizes = {}
    for simulated in (False, True):
        if (info := await tape_info(bus, simulated=simulated)) is not None:
            sizes["simulated" if simulated else "real"] = info.state.bytes
    return sizes


def _kept_lines(found: Sequence[Kept]) -> list[str]:
    lines = [f"{'list':<24}{'from':<29}{'to':<29}{'messages':>10}{'gaps':>6}"]
    for each in found:
        label = "   SIMULATED" if each.simulated else ""
        times = f"{render.moment(each.begin):<29}{render.moment(each.end):<29}"
        lines.append(f"{each.list:<24}{times}{each.messages:>10}{len(each.gaps):>6}{label}")
        lines += [f"  gap from {render.moment(g.begin)} to {render.moment(g.end)}: {g.reason}" for g in each.gaps]
    return lines


def _size_lines(sizes: dict[str, int]) -> list[str]:
    return [f"{render.amount(size)}B before compression, {tape} market" for tape, size in sizes.items()]


async def print_verified(options: BusOptions) -> int:
    """Look at all that is recorded; the exit code says whether it is whole."""
    faults = messages = 0
    async with connect(options, "gapscan history verify") as bus:
        for simulated in (False, True):
            verification = Verification()
            try:
                async for _, found in verified(bus, simulated=simulated, verification=verification):
                    faults += len(found)
                    messages += 1
                    for fault in found[: max(0, _FAULTS_SHOWN - faults + len(found))]:
                        output.say(render.text(fault))
            except NoStreamError:
                continue
            _say_heads(verification, simulated=simulated)
    if not messages:
        raise NotRecordedError("nothing is recorded")
    output.say(f"{messages} messages, {faults} faults" if faults else f"{messages} messages, all as they were recorded")
    return exits.WORLD if faults else exits.OK


def _say_heads(verification: Verification, *, simulated: bool) -> None:
    label = "   SIMULATED" if simulated else ""
    for name, proof in sorted(verification.lists.items()):
        output.say(f"{render.text(name):<24}to number {proof.number:<9}{proof.hash[:16]}{label}")
