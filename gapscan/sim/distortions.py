"""Answers that come with 200, and are not what they should be: the faults of sim.faults that change a body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from gapscan.market.sessions import NS_PER_MS
from gapscan.sim.faults import Fault, Faults
from gapscan.sim.replies import error

_ARRAYS: Final = ("tickers", "results")
_GARBAGE: Final = b'{"ticker":17,"day":"yesterday","min":[null],"T":null,"c":"lots"}'
_SHRUNK_TO: Final = 0.1
_MARK: Final = "a number that is none"

Body = dict[str, Any]


class Distortions:
    """Applies those of the active faults that change a body."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._frozen: dict[str, bytes] = {}
        self._pages = 0

    def apply(self, endpoint: str, body: bytes, origin: str) -> bytes:
        """The body that is sent in place of `body`; `origin` is what next_url begins with."""
        body = self._freeze(endpoint, body)
        if self._faults.take("rest_error", endpoint):
            body = error(200, "internal server error").body
        if fault := self._faults.take("rest_endless", endpoint):
            body = self._endless(body, fault, f"{origin}/v3/reference/{endpoint}")
        for name, change in _CHANGES.items():
            if fault := self._faults.take(name, endpoint):
                body = _changed(body, lambda document, fault=fault, change=change: change(document, fault))  # type: ignore[misc]
        if self._faults.take("rest_nan", endpoint):
            body = _changed(body, _mark).replace(f'"{_MARK}"'.encode(), b"NaN")
        if self._faults.take("rest_garbage", endpoint):
            body = _with_garbage(body)
        if self._faults.take("rest_truncated", endpoint):
            body = body[: len(body) // 2]
        return body

    def _freeze(self, endpoint: str, body: bytes) -> bytes:
        if self._faults.active("rest_frozen") is None:
            self._frozen.clear()
        if not self._faults.take("rest_frozen", endpoint):
            return body
        return self._frozen.setdefault(endpoint, body)

    def _endless(self, body: bytes, fault: Fault, address: str) -> bytes:
        """Each page is followed by one of another name."""
        self._pages += 1
        document = msgspec.json.decode(body)
        document["next_url"] = f"{address}?page={self._pages}"
        if fault.kind == "empty":
            document["results"] = []
        return msgspec.json.encode(document)


def _changed(body: bytes, change: Callable[[Body], None]) -> bytes:
    document = msgspec.json.decode(body)
    change(document)
    return msgspec.json.encode(document)


def _array(document: Body) -> list[Body]:
    return next((document[key] for key in _ARRAYS if isinstance(document.get(key), list)), [])


def _without_array(document: Body, _fault: Fault) -> None:
    for key in _ARRAYS:
        document.pop(key, None)


def _null_array(document: Body, _fault: Fault) -> None:
    document.update({key: None for key in _ARRAYS if key in document} or {"results": None})


def _shrink(document: Body, _fault: Fault) -> None:
    array = _array(document)
    del array[round(len(array) * _SHRUNK_TO) :]


def _future(document: Body, fault: Fault) -> None:
    """The newest element of a snapshot is ahead of the clock."""
    if tickers := document.get("tickers"):
        max(tickers, key=lambda ticker: ticker["updated"])["updated"] += round(fault.minutes * 60e9)


def _other_units(document: Body, _fault: Fault) -> None:
    """Times in ms where they are in ns, and the other way round."""
    for ticker in document.get("tickers") or ():
        ticker["updated"] //= NS_PER_MS
        ticker["min"]["t"] *= NS_PER_MS
        if "lastTrade" in ticker:
            ticker["lastTrade"]["t"] //= NS_PER_MS


def _doubled(document: Body, _fault: Fault) -> None:
    """Each element once more, at the end, with its name alone."""
    array = _array(document)
    array += [{key: element[key] for key in ("ticker", "T") if key in element} for element in array]


def _nulls(document: Body, _fault: Fault) -> None:
    """A field of each part of each element."""
    for ticker in document.get("tickers") or ():
        for part, field in (("day", "vw"), ("min", "t"), ("prevDay", "o"), ("lastTrade", "i")):
            if part in ticker:
                ticker[part][field] = None


def _mark(document: Body) -> None:
    """A number of the first element, where NaN is to stand."""
    for element in _array(document)[:1]:
        target = element.get("day", element)
        target.update({"vw": _MARK} if "ticker" in element else {"v": _MARK})


_CHANGES: Final[dict[str, Callable[[Body, Fault], None]]] = {
    "rest_no_array": _without_array,
    "rest_null_array": _null_array,
    "rest_shrunk": _shrink,
    "rest_future": _future,
    "rest_units": _other_units,
    "rest_doubled": _doubled,
    "rest_nulls": _nulls,
}


def _with_garbage(body: bytes) -> bytes:
    """The body with a rubbish element in the middle of its array."""
    for key in (b'"tickers":[', b'"results":['):
        start = body.find(key)
        if start >= 0:
            middle = body.find(b"},{", start + (len(body) - start) // 2)
            place = middle + 2 if middle >= 0 else start + len(key)
            return body[:place] + _GARBAGE + b"," + body[place:]
    return body
