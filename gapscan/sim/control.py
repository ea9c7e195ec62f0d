"""The endpoints under /sim/: state of the simulation, its clock and its faults. For this machine only."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
from aiohttp import web

from gapscan.config import check_values
from gapscan.errors import ConfigError, GapscanError
from gapscan.sim.clock import Clock
from gapscan.sim.faults import Faults

_FIVE_YEARS_MS = 5 * 366 * 86_400_000


class ClockChange(msgspec.Struct, forbid_unknown_fields=True):
    """`at` in epoch ms, or `advance_ms` from now; `speed` in market seconds per wall second."""

    at: int | None = None
    advance_ms: int | None = None
    speed: float | None = None


def require_loopback(request: web.Request) -> None:
    """Refuse callers from elsewhere."""
    if not is_near(request.remote):
        raise web.HTTPForbidden(text="the controls of the simulation answer to this machine only")


def is_near(remote: str | None) -> bool:
    """Whether an address is this machine's loopback."""
    try:
        return ipaddress.ip_address(remote or "").is_loopback
    except ValueError:
        return False


def bad_request(what: str, where: str, remedy: str) -> web.Response:
    """A refusal that says what is wrong, where, and what to do."""
    body = {"error": what, "where": where, "remedy": remedy}
    return web.Response(status=400, body=msgspec.json.encode(body), content_type="application/json")


def change_clock(clock: Clock, body: bytes) -> web.Response:
    """Carry out POST /sim/clock."""
    where = "POST /sim/clock"
    try:
        change = msgspec.json.decode(body, type=ClockChange)
    except msgspec.MsgspecError as error:
        return bad_request(str(error), where, 'send {"at": epoch ms}, {"advance_ms": n} or {"speed": x}')
    if change.at is not None and change.advance_ms is not None:
        return bad_request("at and advance_ms together", where, "send one of them")
    if change.speed:  # at 0 the clock stands still
        try:
            check_values("sim", speed=change.speed)
        except ConfigError as error:
            return bad_request(error.message, where, "send 0, or what `speed` in [sim] may be")
    moment = change.at if change.at is not None else clock.now() + (change.advance_ms or 0)
    if abs(moment - clock.now()) > _FIVE_YEARS_MS:
        return bad_request(f"that would be {moment}", where, "send epoch milliseconds within five years of market time")
    if change.speed is not None:
        clock.set_speed(change.speed)
    if change.at is not None or change.advance_ms is not None:
        clock.set(moment)
    return web.json_response({"market_time": clock.now(), "speed": clock.speed})


def change_faults(faults: Faults, body: bytes) -> web.Response:
    """Carry out POST /sim/faults: {"rest_status": {"status": 429, "count": 3}, "ws_silent": true}.

    `false` switches a fault off.
    """
    where = "POST /sim/faults"
    try:
        wanted = msgspec.json.decode(body, type=dict[str, dict[str, Any] | bool])
        for name, options in wanted.items():
            if options is False:
                faults.clear(name)
            else:
                faults.set(name, **(options if isinstance(options, dict) else {}))
    except msgspec.MsgspecError as error:
        return bad_request(str(error), where, 'send {"name": {options}} or {"name": true}')
    except GapscanError as error:
        return bad_request(error.message, where, error.remedy)
    return describe_faults(faults)


def describe_faults(faults: Faults) -> web.Response:
    body = msgspec.json.encode(faults.describe())
    return web.Response(body=body, content_type="application/json")
