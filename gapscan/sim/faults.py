"""What can be made to go wrong, switched at run time.

| fault | what a client sees | options |
|---|---|---|
| rest_status | an error status with Polygon's JSON | status (401, 403, 404, 429, 500) |
| rest_html | an HTML page instead of JSON | status (200, 502) |
| rest_truncated | JSON that ends in the middle | |
| rest_garbage | one element of the tickers or results array is rubbish | |
| rest_error | an answer with status 200 whose body says ERROR | |
| rest_no_array | an answer that says OK, without its tickers or results | |
| rest_null_array | null in the place of the tickers or results | |
| rest_shrunk | a tenth of the tickers or results | |
| rest_frozen | the body that came first, again and again | |
| rest_nulls | null in the place of a field of each part of the snapshot's tickers | |
| rest_nan | NaN, which is no JSON, in the place of a number of the first element | |
| rest_doubled | each element once more at the end of the array, with nothing but its name | |
| rest_units | the snapshot's times in ms where they are in ns, and the other way round | |
| rest_endless | each page is followed by another | kind ("text": all with the same elements, "empty": without) |
| rest_future | the newest ticker of the snapshot tells of a time to come | minutes (5, at most 15) |
| rest_stall | the request is accepted and never answered | |
| rest_slow | the body trickles in | seconds |
| rest_drop | the connection ends without an answer | |
| ws_auth_failure | auth_failed, whatever the key | |
| ws_silent | the link is open, no events come; count: frames | |
| ws_stall | the socket is neither read nor written until switched off; count: connections | |
| ws_abort | the link ends without a close frame; count: connections | |
| ws_close | an orderly close; count: connections | code (1000) |
| ws_max_connections | max_connections status, then close 1008; count: connections | after: see below |
| ws_garbage | rubbish in the stream; count: frames | kind ("text": not JSON, "element": one bad event) |
| ws_lost_subscribe | a subscribe for these topics is ignored without a word | topics (all) |
| ws_refused | a subscribe for these topics is answered with an error | topics (all) |
| ws_duplicates | bars come twice; count: frames | |
| ws_late | bars are sent again later | minutes of market time (5, at most 15) |

Each takes `count` (how often; without it until switched off), and the rest_ ones `endpoint` and `skip` (how many
requests are answered well before the first that is not).

ws_max_connections turns a newcomer away instead of authenticating it or, by `after`, with its first subscribe: "auth"
before that is answered, "subscribe" after, which is the provider's order. Who is there already goes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from gapscan.errors import ConfigError

REST_FAULTS = (
    "rest_status",
    "rest_html",
    "rest_truncated",
    "rest_garbage",
    "rest_error",
    "rest_no_array",
    "rest_null_array",
    "rest_shrunk",
    "rest_frozen",
    "rest_nulls",
    "rest_nan",
    "rest_doubled",
    "rest_units",
    "rest_endless",
    "rest_future",
    "rest_stall",
    "rest_slow",
    "rest_drop",
)
STREAM_FAULTS = (
    "ws_auth_failure",
    "ws_silent",
    "ws_stall",
    "ws_abort",
    "ws_close",
    "ws_max_connections",
    "ws_garbage",
    "ws_lost_subscribe",
    "ws_refused",
    "ws_duplicates",
    "ws_late",
)
NAMES = REST_FAULTS + STREAM_FAULTS
LONGEST_DELAY_MINUTES = 15


class Fault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The options of one active fault; `count` is how many times are left, None: without end."""

    count: int | None = None
    endpoint: str | None = None
    skip: int = 0
    status: int | None = None
    seconds: float = 5.0
    code: int = 1000
    kind: Literal["text", "element", "empty"] = "text"
    after: Literal["", "auth", "subscribe"] = ""
    topics: list[str] | None = None
    minutes: float = 5.0


class Faults:
    """The faults that are active. `on_set` and `on_clear` are called after each switch."""

    def __init__(self) -> None:
        self.on_set: Callable[[], None] = lambda: None
        self.on_clear: Callable[[], None] = lambda: None
        self._active: dict[str, Fault] = {}

    def set(self, name: str, **options: Any) -> None:
        """Switch a fault on, in place of the same one with other options. Raises ConfigError."""
        if name not in NAMES:
            raise ConfigError(f"no fault is called {name!r}", remedy=f"use one of {', '.join(NAMES)}")
        try:
            fault = msgspec.convert(options, Fault)
        except msgspec.ValidationError as error:
            raise ConfigError(f"fault {name}: {error}", remedy=f"options are {_options()}") from error
        _check(name, fault)
        self._active[name] = fault
        self.on_set()

    def clear(self, name: str | None = None) -> None:
        """Switch off one fault, or all."""
        if name is None:
            self._active.clear()
        else:
            self._active.pop(name, None)
        self.on_clear()

    def active(self, name: str) -> Fault | None:
        """The fault if it is on; nothing is counted."""
        return self._active.get(name)

    def take(self, name: str, endpoint: str | None = None) -> Fault | None:
        """The fault if it is on and meant for this endpoint; uses up one of its count."""
        fault = self._active.get(name)
        if fault is None or (fault.endpoint is not None and fault.endpoint != endpoint):
            return None
        if fault.skip > 0:
            fault.skip -= 1
            return None
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                del self._active[name]
        return fault

    def hits_topic(self, name: str, topic: str) -> bool:
        """Whether the fault is on for this topic; uses up one of its count."""
        fault = self._active.get(name)
        if fault is None or (fault.topics is not None and topic not in fault.topics):
            return False
        self.take(name)
        return True

    def describe(self) -> dict[str, Fault]:
        """The active faults by name."""
        return dict(self._active)


def _options() -> str:
    return ", ".join(field.name for field in msgspec.structs.fields(Fault))


def _check(name: str, fault: Fault) -> None:
    if fault.count is not None and fault.count < 1:
        raise ConfigError(f"fault {name}: count is {fault.count}", remedy="give 1 or more, or leave it out")
    if not 0 < fault.minutes <= LONGEST_DELAY_MINUTES:
        raise ConfigError(f"fault {name}: minutes is {fault.minutes}", remedy="give more than 0, at most 15")
    if fault.seconds < 0:
        raise ConfigError(f"fault {name}: seconds is {fault.seconds}", remedy="give 0 or more")
    if fault.status is not None and not 200 <= fault.status <= 599:
        raise ConfigError(f"fault {name}: status is {fault.status}", remedy="give an HTTP status, 200 to 599")
    if not (fault.code in (1000, 1001, 1008, 1011, 1012, 1013) or 3000 <= fault.code <= 4999):
        raise ConfigError(f"fault {name}: code is {fault.code}", remedy="give 1000, 1001, 1008, 1011 or 3000 to 4999")
