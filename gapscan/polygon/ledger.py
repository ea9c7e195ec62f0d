"""Why sessions end, and the ledger of what that cost. No I/O; times are epoch ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from websockets.exceptions import ConnectionClosed

from gapscan.obs import masked
from gapscan.polygon.events import SESSION_ENDS, StreamStatus

_LEDGER_ENTRIES: Final = 50
_NORMAL: Final = (1000, 1001)
_KEEPALIVE: Final = "keepalive ping timeout"
_SHOWN: Final = 200  # characters of a foreign error


class Reason(StrEnum):
    """Why a session ended, or what went wrong within one."""

    CLOSED = "closed"  # an orderly close by the provider
    FAILED = "failed"  # a close with another code, or an error of this side
    LOST = "lost"  # no close frame
    MAX_CONNECTIONS = "max_connections"  # another connection of the account has its place
    AUTH_FAILED = "auth_failed"
    SILENT = "silent"  # open, but no data while the market is open
    STALLED = "stalled"  # neither read nor written by the other side
    UNREACHABLE = "unreachable"  # no session could be opened
    UNANSWERED = "unanswered"  # requests within a session were not answered
    REFUSED = "refused"  # topics were refused within a session


class Ending(Struct, frozen=True):
    """How one session ended."""

    reason: Reason
    detail: str = ""

    @property
    def of_account(self) -> bool:
        """Whether the account is the reason, whatever was asked for in the session."""
        return self.reason in (Reason.MAX_CONNECTIONS, Reason.AUTH_FAILED)


class SessionEndedError(Exception):
    """Ends all that belongs to a session."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


def ending_of(error: BaseException, last_words: Iterable[StreamStatus]) -> Ending:
    """Why the connection ended: its error, and the last status events before."""
    for status in last_words:
        if status.status in SESSION_ENDS:
            too_many = status.status == "max_connections"
            return Ending(Reason.MAX_CONNECTIONS if too_many else Reason.AUTH_FAILED, status.message)
    if isinstance(error, ConnectionClosed):
        return _closing(error)
    return Ending(Reason.FAILED, masked(f"{type(error).__name__}: {error}")[:_SHOWN])


def _closing(error: ConnectionClosed) -> Ending:
    if error.rcvd is not None:
        detail = f"close code {error.rcvd.code} {error.rcvd.reason}".strip()
        return Ending(Reason.CLOSED if error.rcvd.code in _NORMAL else Reason.FAILED, detail)
    if error.sent is not None and error.sent.reason == _KEEPALIVE:
        return Ending(Reason.STALLED, "pings are not answered")
    if error.sent is not None:
        return Ending(Reason.FAILED, masked(f"closed by this side: {error.sent.code} {error.sent.reason}")[:_SHOWN])
    return Ending(Reason.LOST, "the link ended without a close frame")


class LinkBreak(Struct):
    """One disturbance, from the first sign to the repair; several reasons when one led to the next."""

    began: int
    reasons: list[Reason]
    detail: str
    symbols: int
    sessions: int
    ended: int | None = None
    repaired: str = ""

    def shown(self) -> dict[str, Any]:
        """The entry as `gapscan status` shows it."""
        return {
            "from": self.began,
            "to": self.ended,
            "reason": ", ".join(self.reasons),
            "detail": self.detail,
            "symbols": self.symbols,
            "sessions": self.sessions,
            "repaired": self.repaired,
        }


class Ledger:
    """The last disturbances. What happens before a disturbance is repaired is part of it."""

    def __init__(self) -> None:
        self._entries: deque[LinkBreak] = deque(maxlen=_LEDGER_ENTRIES)
        self._open: LinkBreak | None = None

    @property
    def is_open(self) -> bool:
        """Whether something is not repaired yet."""
        return self._open is not None

    def note(self, ending: Ending, at: int, symbols: int, *, session_lost: bool) -> None:
        """Something went wrong that touches so many symbols."""
        if self._open is None:
            self._open = LinkBreak(at, [], "", 0, 0)
            self._entries.append(self._open)
        entry = self._open
        if ending.reason not in entry.reasons:
            entry.reasons.append(ending.reason)
        entry.detail = ending.detail
        entry.symbols = max(entry.symbols, symbols)
        entry.sessions += session_lost

    def repaired(self, at: int, confirmed: int) -> LinkBreak | None:
        """All topics are as they should be; the entry that this closes."""
        entry, self._open = self._open, None
        if entry is not None:
            entry.ended = at
            entry.repaired = _how(entry, confirmed)
        return entry

    def shown(self) -> list[dict[str, Any]]:
        """All entries, oldest first."""
        return [entry.shown() for entry in self._entries]


def _how(entry: LinkBreak, confirmed: int) -> str:
    if entry.sessions:
        return f"fresh session, {confirmed} topics confirmed"
    return "left out, to be asked for again" if entry.reasons == [Reason.REFUSED] else "asked again"
