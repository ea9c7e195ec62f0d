"""Definitions that nobody has saved yet, tried on the tape and on past days: in a process of its own, one by one."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from gapscan.bridge.problems import ProblemError
from gapscan.bus.client import BusOptions
from gapscan.errors import ConfigError
from gapscan.market.sessions import hours_in_use
from gapscan.obs import Tally
from gapscan.protocol.api import NO_FILES, REFUSED
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.spec import check_own_lists

_MOST_DAYS: Final = 20
_USUAL_DAYS: Final = "5"
_SECONDS: Final = 120.0  # for all days together
_WAITING: Final = 3  # that may wait for the one that is computed
_FAULT: Final = 1000  # characters


@dataclass(frozen=True, slots=True)
class Source:
    """What definitions are tried on: flat files in `directory`, and the tape on `nats`, of the `simulated` market."""

    directory: str | None = None
    nats: BusOptions | None = None
    simulated: bool | None = None


class Trials:
    """What a definition would have done on the latest days of a source. Raises ProblemError."""

    def __init__(self, source: Callable[[], Source], tally: Tally) -> None:
        self._source = source
        self._tally = tally
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def answer(self, definition: str, days: str | None) -> bytes:
        """A TriedAnswer as JSON. `definition` is a list as TOML."""
        asked = {"definition": _checked(definition), "days": _number(days)}
        if self._waiting > _WAITING:
            raise ProblemError("unavailable", "other definitions are being tried", Retry_After="5")
        self._waiting += 1
        try:
            async with self._turn:
                source = {**msgspec.to_builtins(self._source()), "hours": hours_in_use()}
                return await self._computed(msgspec.json.encode({**asked, **source}))
        finally:
            self._waiting -= 1

    async def _computed(self, question: bytes) -> bytes:
        self._tally.count("definitions_tried")
        command = (sys.executable, "-m", "gapscan.backtesting.tried")
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            async with asyncio.timeout(_SECONDS):
                answer, fault = await process.communicate(question)
        except TimeoutError:
            raise ProblemError("unavailable", f"it took more than {_SECONDS:g} s: try fewer days") from None
        finally:
            await _ended(process)
        if process.returncode == 0:
            return answer
        text = fault.decode(errors="replace").strip()[-_FAULT:]
        self._tally.trouble("trial_failed", f"a definition could not be tried: {text}")
        if process.returncode == NO_FILES:
            raise ProblemError("no_files", text)
        known = process.returncode == REFUSED  # the text of anything else is for the log
        raise ProblemError("unavailable", text if known else "the definition could not be tried")


async def _ended(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _checked(text: str) -> ListDefinition:
    try:
        good, faults = check_own_lists(text, "definition")
    except ConfigError as error:
        raise ProblemError("bad_request", str(error)) from None
    if faults:
        raise ProblemError("bad_request", str(faults[0]))
    if len(good) != 1:
        raise ProblemError("bad_request", f"definition has {len(good)} lists: it must have one, [lists.NAME]")
    return good[0]


def _number(text: str | None) -> int:
    text = text or _USUAL_DAYS
    if not (text.isascii() and text.isdecimal() and len(text) < 3 and 1 <= int(text) <= _MOST_DAYS):
        raise ProblemError("bad_request", f"days must be a whole number from 1 to {_MOST_DAYS}, not {text[:40]!r}")
    return int(text)
